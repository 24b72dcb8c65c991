"""Compare revisions with a baseline: the measured differences, and how certain each one is."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from common.errors import PipelineError
from comparison import crossed, statistics
from comparison.results import CLAIMS, Comparison, Difference, Side, verdict
from comparison.revisions import PREDICTIONS, Revision
from comparison.study import MEASURES, belongs, score
from evaluation import intervals
from running import lock as locks


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
