"""Compare two revisions: what was measured of both, and how sure each difference is."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from common.errors import PipelineError
from comparison import crossed, statistics, verdicts
from comparison.results import Comparison, Difference, Digit, Side
from comparison.revisions import PREDICTIONS, Revision
from comparison.study import MEASURES, belongs, score
from evaluation import intervals


def compare(old: Revision, new: Revision, margin: float | None = None) -> Comparison:
    """Compare one pair. Raises PipelineError if the images differ, for then nothing can be paired."""
    return compare_all(old, [new], margin)[0]


def compare_all(old: Revision, variants: Sequence[Revision], margin: float | None = None) -> list[Comparison]:
    """Compare several variants with one baseline, with p-values that are Holm's for their number."""
    found = [measure(old, new) for new in variants]
    for name in ("these_networks", "these_images", "any_images"):
        found = adjust(found, name)
    judged = [replace(one, tries=len(found), margin=margin) for one in found]
    if margin is not None:
        judged = [replace(one, not_worse=is_not_worse(one, margin)) for one in judged]
    return [replace(one, verdict=verdicts.verdict(one)) for one in judged]


def adjust(comparisons: list[Comparison], claim: str) -> list[Comparison]:
    """Return the comparisons with the p-values of one claim adjusted, each measure by itself."""
    lists = [list(one.differences) for one in comparisons]
    for measure_name in MEASURES:
        places = [
            (i, j)
            for i, differences in enumerate(lists)
            for j, one in enumerate(differences)
            if one.measure == measure_name and getattr(one, claim)
        ]
        adjusted = statistics.holm([getattr(lists[i][j], claim).p for i, j in places], tries=len(comparisons))
        for (i, j), p in zip(places, adjusted, strict=True):
            lists[i][j] = replace(lists[i][j], **{claim: replace(getattr(lists[i][j], claim), p=p)})
    return [replace(one, differences=differences) for one, differences in zip(comparisons, lists, strict=True)]


def is_not_worse(comparison: Comparison, margin: float) -> bool:
    """Say whether the accuracy is shown to be less than `margin` lower: the lower end of its interval is above -margin.

    Non-inferiority by a confidence interval, as in ICH E9 (1998), Statistical principles for clinical trials, 3.3.2.
    """
    accuracy = comparison.find("accuracy")
    return accuracy is not None and accuracy.widest.low > -margin


def measure(old: Revision, new: Revision) -> Comparison:
    """Measure one pair, without a verdict."""
    require_pairs(old, new)
    level = new.level
    actual = old.predictions["actual"].to_numpy()
    before, after, spread = matching_runs(old, new)
    right, is_right = before["accuracy"], after["accuracy"]
    single = len(right) == len(is_right) == 1
    table = statistics.count(right[0] > 0, is_right[0] > 0)
    names = new.parameters.get("dataset.class_names", [])
    return Comparison(
        split=new.split,
        images=len(actual),
        level=level,
        old=describe(old, right, level),
        new=describe(new, is_right, level),
        spread=spread,
        differences=[
            differ(name, before[name], after[name], level) for name in MEASURES if name in before and name in after
        ],
        gained=table.gained if single else None,
        lost=table.lost if single else None,
        digits=[
            Digit(
                name=str(names[digit]) if digit < len(names) else str(digit),
                images=int((actual == digit).sum()),
                old_errors=round(float((1 - right[:, actual == digit]).sum(axis=1).mean()), 6),
                new_errors=round(float((1 - is_right[:, actual == digit]).sum(axis=1).mean()), 6),
            )
            for digit in np.unique(actual).tolist()
        ],
        parameters={
            key: {"old": old.parameters.get(key), "new": new.parameters.get(key)}
            for key in sorted({*old.parameters, *new.parameters})
            if old.parameters.get(key) != new.parameters.get(key)
        },
    )


def differ(name: str, old: np.ndarray, new: np.ndarray, level: float) -> Difference:
    """Return the difference of one measure; old, new: (runs, n)."""
    networks = None
    if len(old) == len(new) == 1:
        networks = (
            statistics.two_networks(old[0] > 0, new[0] > 0, level)
            if name == "accuracy"
            else crossed.these_networks(old, new, level)
        )
    return Difference(
        measure=name,
        old=float(old.mean()),
        new=float(new.mean()),
        these_networks=networks,
        these_images=crossed.these_images(old, new, level),
        any_images=crossed.any_images(old, new, level),
    )


def require_pairs(old: Revision, new: Revision) -> None:
    """Raise PipelineError unless both revisions answered the same images, as far as their labels tell."""
    if len(old.predictions) != len(new.predictions):
        found = f"{len(old.predictions):,} images in {old.name}, {len(new.predictions):,} in {new.name}"
    else:
        same = (old.predictions[["index", "actual"]] == new.predictions[["index", "actual"]]).all(axis=1)
        found = f"{(~same).sum():,} rows of {PREDICTIONS[new.split].as_posix()} have another index or actual digit"
        if same.all():
            return
    raise PipelineError(f"expected the same {new.split} images in {old.name} and {new.name}, found {found}")


def matching_runs(old: Revision, new: Revision) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """Return the scores of each measure, (runs, n), of old and new, and in words whose spread of seeds they hold.

    All seeds of a study count, if it belongs to the settings of its revision; else there is the revision's own run.
    Where both studies are the same, the settings are, and only the two runs can be compared.
    """
    own, sources, faults = [], [], []
    for side, revision in (("old", old), ("new", new)):
        n, study = len(revision.predictions), revision.study
        fits = study is not None and study.scores[revision.split].shape[2] == n
        if study and fits and belongs(study, revision.lock, revision.parameters.get("train.seed")):
            scores = study.scores[revision.split]
            own.append({name: scores[:, i] for i, name in enumerate(MEASURES)})
            sources.append(f"{side} ({len(scores)} seeds)")
        else:
            own.append({name: values[None] for name, values in score(revision.predictions).items()})
            if study or revision.study_fault:
                faults.append(f"{side}: {revision.study_fault or 'reports/seeds.csv is of other settings'}")
    before, after = own
    if len(sources) == 2 and np.array_equal(before["accuracy"], after["accuracy"]):
        before, after = (
            {name: values[None] for name, values in score(revision.predictions).items()} for revision in (old, new)
        )
        return before, after, "of the same settings on both sides, so it cannot tell them apart"
    if len(sources) == 2:
        return before, after, f"measured of {sources[0]} and {sources[1]}"
    if sources:
        return before, after, f"measured of {sources[0]} only, and taken for both"
    return before, after, f"not measured ({'; '.join(faults)})" if faults else "not measured"


def describe(revision: Revision, right: np.ndarray, level: float) -> Side:
    """Describe one side; right: (runs, n), 1 for a right answer."""
    runs, n = right.shape
    errors = float((1 - right).sum(axis=1).mean())
    low, high = intervals.wilson(round(n - errors), n, level) if runs == 1 else (None, None)
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
