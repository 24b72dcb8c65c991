"""Compare revisions with a baseline: the measured differences, how certain each one is, and a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.errors import PipelineError
from comparison import crossed, statistics
from comparison.crossed import Interval
from comparison.revisions import PREDICTIONS, Revision
from comparison.study import MEASURES, belongs, score
from evaluation import intervals
from running import lock as locks

CLAIMS = {  # what may vary without changing the conclusion, from the narrowest claim to the widest
    "these_networks": "these networks, other images",
    "same_images": "other seeds, same images",
    "other_images": "other seeds and images",
}


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
    only_seeds: bool  # whether nothing but seeds differs
    tries: int = 1  # number of variants compared with the baseline; the p-values are adjusted for it (Holm)
    margin: float | None = None  # tolerated loss of accuracy
    not_worse: bool | None = None  # whether the loss of accuracy is shown to be smaller than the margin
    verdict: str = ""


def compare_all(old: Revision, variants: Sequence[Revision], margin: float | None = None) -> list[Comparison]:
    """Compare variants with one baseline, with p-values adjusted for their number by Holm (1979).

    Raises PipelineError if the images differ, because nothing can be paired then.
    """
    found = [measure(old, new) for new in variants]
    for name in MEASURES:
        for claim in CLAIMS:
            found = adjust(found, name, claim)
    if margin is not None:  # non-inferiority by an interval: ICH E9 (1998), 3.3.2
        found = [replace(one, margin=margin, not_worse=one.accuracy.widest.low > -margin) for one in found]
    return [replace(one, tries=len(found), verdict=verdict(one)) for one in found]


def adjust(comparisons: list[Comparison], name: str, claim: str) -> list[Comparison]:
    """Return the comparisons with the p-values of one claim on one measure adjusted for their number."""
    made = [one for one in comparisons if getattr(one, name) and getattr(getattr(one, name), claim)]
    p_values = statistics.holm([getattr(getattr(one, name), claim).p for one in made], tries=len(comparisons))
    adjusted = {}
    for one, p in zip(made, p_values, strict=True):
        difference = getattr(one, name)
        interval = replace(getattr(difference, claim), p=p)
        adjusted[id(one)] = replace(one, **{name: replace(difference, **{claim: interval})})
    return [adjusted.get(id(one), one) for one in comparisons]


def measure(old: Revision, new: Revision) -> Comparison:
    """Measure one pair, without a verdict."""
    require_pairs(old, new)
    before, after, spread = matching_runs(old, new)
    right, is_right = before["accuracy"], after["accuracy"]
    table = statistics.count(right[0] > 0, is_right[0] > 0) if len(right) == len(is_right) == 1 else None
    loss = differ("loss", before["loss"], after["loss"], new.level) if "loss" in before and "loss" in after else None
    parameters = {
        key: {"old": old.parameters.get(key), "new": new.parameters.get(key)}
        for key in sorted({*old.parameters, *new.parameters})
        if old.parameters.get(key) != new.parameters.get(key)
    }
    return Comparison(
        split=new.split,
        images=right.shape[1],
        level=new.level,
        old=describe(old, right),
        new=describe(new, is_right),
        spread=spread,
        accuracy=differ("accuracy", right, is_right, new.level),
        loss=loss,
        gained=table.gained if table else None,
        lost=table.lost if table else None,
        parameters=parameters,
        only_seeds=bool(parameters)
        and all(key.endswith("seed") for key in parameters)
        and locks.code(old.lock) == locks.code(new.lock),
    )


def require_pairs(old: Revision, new: Revision) -> None:
    """Raise PipelineError unless both revisions hold answers for the same images, judged by index and label."""
    if len(old.predictions) != len(new.predictions):
        found = f"{len(old.predictions):,} images in {old.name}, {len(new.predictions):,} in {new.name}"
    else:
        same = (old.predictions[["index", "actual"]] == new.predictions[["index", "actual"]]).all(axis=1)
        found = f"{(~same).sum():,} rows of {PREDICTIONS[new.split].as_posix()} with another index or actual digit"
        if same.all():
            return
    raise PipelineError(f"expected the same {new.split} images in {old.name} and {new.name}, found {found}")


def matching_runs(old: Revision, new: Revision) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """Return the scores of each measure, (runs, n), of both revisions, and the source of the spread between seeds.

    A study of seeds is used if it belongs to the settings of its revision; otherwise there is the revision's own run.
    If both studies are the same, so are the settings, and only the two runs can be compared.
    """
    runs, sources, faults = [], [], []
    single = [{name: values[None] for name, values in score(one.predictions).items()} for one in (old, new)]
    for side, revision, own in zip(("old", "new"), (old, new), single, strict=True):
        study = revision.study
        fits = study is not None and study.scores[revision.split].shape[2] == len(revision.predictions)
        if study and fits and belongs(study, revision.lock, revision.parameters.get("train.seed")):
            scores = study.scores[revision.split]
            runs.append({name: scores[:, i] for i, name in enumerate(MEASURES)})
            sources.append(f"{side} ({len(scores)} seeds)")
        else:
            runs.append(own)
            if study or revision.study_fault:
                faults.append(f"{side}: {revision.study_fault or 'reports/seeds.csv belongs to other settings'}")
    notes = f" ({'; '.join(faults)})" if faults else ""
    if len(sources) == 2 and np.array_equal(runs[0]["accuracy"], runs[1]["accuracy"]):
        return single[0], single[1], "from the same study on both sides, which cannot separate them"
    if len(sources) == 2:
        return runs[0], runs[1], f"measured for {sources[0]} and {sources[1]}"
    if sources:
        return runs[0], runs[1], f"measured for {sources[0]} only, and assumed for both{notes}"
    return runs[0], runs[1], f"not measured{notes}"


def differ(name: str, old: np.ndarray, new: np.ndarray, level: float) -> Difference:
    """Return the difference of one measure; old, new: (runs, n)."""
    networks = None
    if len(old) == len(new) == 1:
        networks = (
            statistics.two_networks(old[0] > 0, new[0] > 0, level)
            if name == "accuracy"
            else crossed.these_networks(old, new, level)
        )
    same, other = crossed.same_images(old, new, level), crossed.other_images(old, new, level)
    return Difference(name, float(old.mean()), float(new.mean()), networks, same, other)


def describe(revision: Revision, right: np.ndarray) -> Side:
    """Describe one side; right: (runs, n), 1 for a right answer."""
    runs, n = right.shape
    errors = float((1 - right).sum(axis=1).mean())
    low, high = intervals.wilson(round(n - errors), n, revision.level) if runs == 1 else (None, None)
    return Side(
        name=revision.name,
        subject=revision.subject,
        runs=runs,
        accuracy=round(1 - errors / n, 6),
        errors=round(errors, 6),
        sd=float(right.mean(axis=1).std(ddof=1)) if runs > 1 else None,
        low=low,
        high=high,
    )


def verdict(found: Comparison) -> str:
    """Return the verdict: on the accuracy, on the loss where it is known, on the margin where one was given."""
    sentences = [of_accuracy(found)]
    if found.loss:
        sentences.append(of_loss(found, found.loss))
    if found.not_worse is not None and found.margin is not None:
        whose = "the settings" if found.accuracy.other_images else "these two networks"
        sentences.append(
            f"Not worse by {100 * found.margin:g} points: {'shown' if found.not_worse else 'NOT shown'} for {whose} "
            f"(the {100 * found.level:g} % interval begins at {points(found.accuracy.widest.low)})."
        )
    return " ".join(sentences)


def of_accuracy(found: Comparison) -> str:
    """Judge the settings where the spread between seeds is known, otherwise the two networks."""
    accuracy, alpha = found.accuracy, 1 - found.level
    lead = f"Accuracy {points(accuracy.value)} points: "
    better, improved = ("better", "improved") if accuracy.value > 0 else ("worse", "worsened")
    if found.gained == found.lost == 0:
        return "Accuracy unchanged: the same images are right and wrong."
    if found.only_seeds:
        return f"{lead}only seeds differ, which is neither an improvement nor a deterioration of the settings."
    if accuracy.other_images is None or accuracy.same_images is None:
        p = p_value(accuracy.widest.p)
        if accuracy.widest.p < alpha:
            return (
                f"{lead}the new network is {better} than the old one ({p}). Whether its settings are {better} is open "
                "until the spread between seeds is known (`python tools/seeds.py 10`)."
            )
        return f"{lead}inconclusive; a different sample of images could reverse it ({p})."
    if accuracy.other_images.p < alpha:
        return (
            f"{lead}{improved} ({p_value(accuracy.other_images.p)}); expected to hold for other seeds and other images."
        )
    if accuracy.same_images.p < alpha:
        return (
            f"{lead}{improved} on these {found.images:,} images, also with other seeds "
            f"({p_value(accuracy.same_images.p)}); inconclusive for other images ({p_value(accuracy.other_images.p)})."
        )
    return f"{lead}inconclusive; seeds alone could cause such a difference ({p_value(accuracy.same_images.p)})."


def of_loss(found: Comparison, loss: Difference) -> str:
    """Judge the loss, which also depends on how confident the right and wrong answers are."""
    lead, alpha = f"Loss {loss.value:+.4f} nats:", 1 - found.level
    better = "lower (better)" if loss.value < 0 else "higher (worse)"
    if loss.value == 0:
        return "Loss unchanged."
    if found.only_seeds:
        return f"{lead} no conclusion."
    if loss.widest.p < alpha:
        whose = "also with other seeds and images" if loss.other_images else "for these two networks"
        return f"{lead} {better}, {whose} ({p_value(loss.widest.p)})."
    if loss.same_images and loss.same_images.p < alpha:
        return f"{lead} {better} on these images ({p_value(loss.same_images.p)}); inconclusive for others."
    return f"{lead} inconclusive ({p_value(loss.widest.p)})."


def p_value(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def points(difference: float) -> str:
    return f"{100 * difference:+.2f}"
