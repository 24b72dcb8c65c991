"""Compare revisions with a baseline: the measured differences, and how certain each one is."""

from collections.abc import Sequence

import numpy as np

from common.errors import PipelineError
from comparison import statistics
from comparison.results import CLAIMS, Comparison, Difference, Side, verdict
from comparison.revisions import PREDICTIONS, Revision
from comparison.study import MEASURES, score
from evaluation import intervals
from running import lock as locks

Scores = dict[str, np.ndarray]  # (runs, n) of each measure


def compare_all(old: Revision, variants: Sequence[Revision], margin: float | None = None) -> list[Comparison]:
    """Compare variants with one baseline, with the p-values of each claim adjusted for their number by Holm (1979).

    margin: percentage points of accuracy. Raises PipelineError if the images differ: they cannot be paired.
    """
    comparisons = [measure(old, new) for new in variants]
    for claim in CLAIMS:
        for differences in ([one.accuracy for one in comparisons], [one.loss for one in comparisons if one.loss]):
            made = [interval for difference in differences if (interval := getattr(difference, claim))]
            p_values = statistics.holm([interval.p for interval in made], tries=len(comparisons))
            for interval, p in zip(made, p_values, strict=True):
                interval.p = p
    for one in comparisons:
        one.tries = len(comparisons)
        if margin is not None:  # non-inferiority by an interval: ICH E9 (1998), 3.3.2
            one.margin, one.not_worse = margin / 100, one.accuracy.widest.low > -margin / 100
        one.verdict = verdict(one)
    return comparisons


def measure(old: Revision, new: Revision) -> Comparison:
    """Measure one pair, without a verdict."""
    require_pairs(old, new)
    before, after, spread = matching_runs(old, new)
    right, is_right = before["accuracy"], after["accuracy"]
    single = len(right) == len(is_right) == 1
    parameters = {
        key: {"old": old.parameters.get(key), "new": new.parameters.get(key)}
        for key in sorted({*old.parameters, *new.parameters})
        if old.parameters.get(key) != new.parameters.get(key)
    }
    code = sorted({path for path, _ in locks.code(old.lock).items() ^ locks.code(new.lock).items()})
    return Comparison(
        split=new.split,
        images=right.shape[1],
        level=new.level,
        old=describe(old, right),
        new=describe(new, is_right),
        spread=spread,
        accuracy=differ("accuracy", right, is_right, new.level),
        loss=differ("loss", before["loss"], after["loss"], new.level)
        if "loss" in before.keys() & after.keys()
        else None,
        gained=int((is_right > right).sum()) if single else None,
        lost=int((is_right < right).sum()) if single else None,
        parameters=parameters,
        code=code,
        only_seeds=bool(parameters) and not code and all(key.endswith("seed") for key in parameters),
    )


def require_pairs(old: Revision, new: Revision) -> None:
    """Raise PipelineError unless both revisions hold answers for the same images, judged by index and label."""
    keys, expected = (one.predictions[["index", "actual"]].to_numpy() for one in (new, old))
    if not np.array_equal(keys, expected):
        raise PipelineError(
            f"expected the same {new.split} images in {old.name} ({len(expected):,} rows of {PREDICTIONS[new.split]}) "
            f"and {new.name} ({len(keys):,} rows), found another index or actual digit"
        )


def matching_runs(old: Revision, new: Revision) -> tuple[Scores, Scores, str]:
    """Return the scores of both revisions, and the source of the spread between seeds."""
    (before, old_fault), (after, new_fault) = runs_of(old), runs_of(new)
    counts = {"old": len(before["accuracy"]), "new": len(after["accuracy"])}
    sources = [f"{side} ({count} seeds)" for side, count in counts.items() if count > 1]
    faults = [f"{side}: {fault}" for side, fault in (("old", old_fault), ("new", new_fault)) if fault]
    notes = f" ({'; '.join(faults)})" if faults else ""
    if not sources:
        return before, after, f"not measured{notes}"
    if len(sources) == 1:
        return before, after, f"measured for {sources[0]} only, and assumed for both{notes}"
    if all(np.array_equal(before[measure], after[measure]) for measure in before):
        return single_run(old), single_run(new), "from the same study on both sides, which cannot separate them"
    return before, after, f"measured for {' and '.join(sources)}"


def runs_of(revision: Revision) -> tuple[Scores, str]:
    """Return the scores of a revision's study of seeds, or of its own run and why a study that exists is not used.

    A study belongs to a revision if it trained the revision's very network from the revision's seed. The model's digest
    follows from parameters, data and code, and a change that leaves the network as it was makes no study stale.
    """
    study = revision.study
    if study is None:
        return single_run(revision), revision.study_fault
    own = study.table.loc[study.table["seed"] == revision.parameters.get("train.seed"), "model"].tolist()
    scores, outputs = study.scores[revision.split], locks.outputs(revision.lock) if revision.lock else {}
    if own == [outputs.get(locks.MODEL)] and scores.shape[2] == len(revision.predictions):
        return {name: scores[:, i] for i, name in enumerate(MEASURES)}, ""
    return single_run(revision), "reports/seeds.csv belongs to other settings"


def single_run(revision: Revision) -> Scores:
    return {name: values[None] for name, values in score(revision.predictions).items()}


def differ(name: str, old: np.ndarray, new: np.ndarray, level: float) -> Difference:
    """Return the difference of one measure; old, new: (runs, n)."""
    networks = None
    if len(old) == len(new) == 1 and name == "accuracy":
        networks = statistics.two_networks(old[0] > 0, new[0] > 0, level)
    elif len(old) == len(new) == 1:
        networks = statistics.these_networks(old, new, level)
    same, other = statistics.same_images(old, new, level), statistics.other_images(old, new, level)
    return Difference(name, float(old.mean()), float(new.mean()), networks, same, other)


def describe(revision: Revision, right: np.ndarray) -> Side:
    """Describe one side; right: (runs, n), 1 for a right answer."""
    runs, n = right.shape
    errors = float((1 - right).sum(axis=1).mean())
    low, high = intervals.wilson(round(n - errors), n, revision.level) if runs == 1 else (None, None)
    sd = float(right.mean(axis=1).std(ddof=1)) if runs > 1 else None
    return Side(revision.name, revision.subject, runs, round(1 - errors / n, 6), round(errors, 6), sd, low, high)
