"""The result of a comparison, and the verdict that it allows."""

from dataclasses import dataclass

from comparison.statistics import Interval

CLAIMS = {  # what may vary without changing the conclusion, from the narrowest claim to the widest
    "these_networks": "these networks, other images",
    "same_images": "other seeds, same images",
    "other_images": "other seeds and images",
}


@dataclass
class Side:
    """One revision; more than one run where a study of seeds belongs to it."""

    name: str
    subject: str
    runs: int
    accuracy: float  # mean over the runs
    errors: float  # mean over the runs
    sd: float | None  # standard deviation of the accuracy between the runs, if there are several
    low: float | None  # Wilson interval for the accuracy of a single run
    high: float | None


@dataclass
class Difference:
    """New minus old of one measure, with an interval for each claim; None where a claim cannot be made."""

    measure: str
    old: float
    new: float
    these_networks: Interval | None  # single runs only
    same_images: Interval | None
    other_images: Interval | None

    @property
    def value(self) -> float:
        return self.new - self.old

    @property
    def widest(self) -> Interval:
        """The interval of the widest claim that can be made."""
        found = self.other_images or self.these_networks
        assert found is not None  # one of them is always there
        return found


@dataclass
class Comparison:
    """The result of a comparison, as --json prints it."""

    split: str
    images: int
    level: float  # of the intervals; 1 - level is the chance of a false alarm
    old: Side
    new: Side
    spread: str  # where the spread between seeds comes from
    accuracy: Difference
    loss: Difference | None  # None if a revision has no losses
    gained: int | None  # images that only the new network got right; None if several runs are compared
    lost: int | None
    parameters: dict[str, dict[str, object]]  # those that differ: {"train.epochs": {"old": 5, "new": 9}}
    code: list[str]  # paths of the code and packages that differ
    only_seeds: bool  # whether nothing but seeds differs
    tries: int = 1  # number of variants compared with the baseline; the p-values are adjusted for it (Holm)
    margin: float | None = None  # tolerated loss of accuracy
    not_worse: bool | None = None  # whether the loss of accuracy is shown to be smaller than the margin
    verdict: str = ""


def verdict(found: Comparison) -> str:
    """Return the verdict: on the accuracy, on the loss if it is known, and on the margin if one was given."""
    accuracy, loss = found.accuracy, found.loss
    sentences = [judge(found, accuracy, f"Accuracy {100 * accuracy.value:+.2f} points", accuracy.value > 0)]
    if found.gained == found.lost == 0:
        sentences = ["Accuracy unchanged: the same images are right and wrong."]
    if loss:
        changed = judge(found, loss, f"Loss {loss.value:+.4f} nats", loss.value < 0)
        sentences.append(changed if loss.value else "Loss unchanged.")
    significant = [one for one in (accuracy, loss) if one and one.widest.p < 1 - found.level]
    if significant and accuracy.same_images is None and not found.only_seeds:
        sentences.append("For a verdict on the settings, measure the spread between seeds: `python tools/seeds.py 10`.")
    if found.margin is not None:
        whose = "the settings" if accuracy.other_images else "these two networks"
        sentences.append(
            f"Not worse by {100 * found.margin:g} points: {'shown' if found.not_worse else 'NOT shown'} for {whose} "
            f"(the {100 * found.level:g} % interval begins at {100 * accuracy.widest.low:+.2f})."
        )
    return " ".join(sentences)


def judge(found: Comparison, difference: Difference, lead: str, gain: bool) -> str:
    """Judge the settings if the spread between seeds is known, otherwise the two networks."""
    same, widest, alpha = difference.same_images, difference.widest, 1 - found.level
    better, improved = ("better", "improved") if gain else ("worse", "worsened")
    p = p_value(widest.p)
    if found.only_seeds:
        return f"{lead}: only seeds differ, which is neither an improvement nor a deterioration of the settings."
    if same is None and widest.p < alpha:
        return f"{lead}: the new network is {better} than the old one ({p})."
    if same is None:
        return f"{lead}: inconclusive; a different sample of images could reverse it ({p})."
    if widest.p < alpha:
        return f"{lead}: {improved} ({p}); expected to hold for other seeds and other images."
    if same.p < alpha:
        return (
            f"{lead}: {improved} on these {found.images:,} images, also with other seeds ({p_value(same.p)}); "
            f"inconclusive for other images ({p})."
        )
    return f"{lead}: inconclusive; seeds alone could cause such a difference ({p_value(same.p)})."


def p_value(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
