"""The result of a comparison, as --json prints it."""

from dataclasses import dataclass

from comparison.crossed import Interval


@dataclass(frozen=True)
class Side:
    """One revision; more than one run where a study of seeds belongs to it."""

    name: str
    subject: str
    runs: int
    accuracy: float  # mean over the runs
    errors: float  # the same
    sd: float | None  # standard deviation of the accuracy between the runs, if there are several
    low: float | None  # interval of Wilson for the accuracy of a single run
    high: float | None


@dataclass(frozen=True)
class Difference:
    """New minus old of one measure, and the intervals of what can be claimed; None is what cannot."""

    measure: str
    old: float
    new: float
    these_networks: Interval | None  # of single runs: any images, these very networks
    these_images: Interval | None  # any seed, on these very images
    any_images: Interval | None  # any seed, any images of this kind

    @property
    def value(self) -> float:
        return self.new - self.old

    @property
    def widest(self) -> Interval:
        """The interval of the widest claim that was made."""
        found = self.any_images or self.these_networks
        assert found is not None  # one of them is always there
        return found


@dataclass(frozen=True)
class Digit:
    name: str
    images: int
    old_errors: float  # mean over the runs
    new_errors: float


@dataclass(frozen=True)
class Comparison:
    """All that --json prints."""

    split: str
    images: int
    level: float  # of the intervals; 1 - level is the chance of a false alarm
    old: Side
    new: Side
    spread: str  # whose spread between seeds was measured, in words
    differences: list[Difference]
    gained: int | None  # images that only the new network got right; None if several runs are compared
    lost: int | None
    digits: list[Digit]
    parameters: dict[str, dict[str, object]]  # those that differ: {"train.epochs": {"old": 5, "new": 9}}
    tries: int = 1  # how many variants were compared with the old revision; the p-values are Holm's for them
    margin: float | None = None  # how much less accuracy would still do
    not_worse: bool | None = None  # whether it is shown that the loss of accuracy is smaller than that
    verdict: str = ""

    def find(self, measure: str) -> Difference | None:
        return next((difference for difference in self.differences if difference.measure == measure), None)
