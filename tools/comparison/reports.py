"""Format a comparison as text for a terminal, or as Markdown for a pull request."""

import re
from collections.abc import Sequence

from tabulate import tabulate

from comparison.results import CLAIMS, Comparison, Difference, Side, p_value

JUDGED_ON = {
    "validation": "Judged on the validation split. Use `--split test` once, for the final report.",
    "test": "Judged on the test split: for the final report only; do not tune on it.",
}


def number(measure: str, value: float, sign: str = "") -> str:
    """Format an accuracy in percent or a loss in nats; with the sign `+`, a difference."""
    return f"{100 * value:{sign}.2f}" if measure == "accuracy" else f"{value:{sign}.4f}"


def table(found: Comparison, form: str) -> str:
    """Return the table of measures in a format of tabulate, with a column for each claim that can be made."""
    rows: list[Difference] = [row for row in (found.accuracy, found.loss) if row]
    claims = [claim for claim in CLAIMS if any(getattr(row, claim) for row in rows)]
    lines = []
    for row, name in zip(rows, ("accuracy (%)", "loss (nats)"), strict=False):
        values = [number(row.measure, row.old), number(row.measure, row.new), number(row.measure, row.value, "+")]
        for interval in (getattr(row, claim) for claim in claims):
            ends = (interval.low, interval.high) if interval else ()
            values.append(" to ".join(number(row.measure, end, "+") for end in ends))
        lines.append([name, *values])
    old, new = found.old.errors, found.new.errors
    lines.insert(1, ["errors", f"{old:.4g}", f"{new:.4g}", f"{new - old:+.4g}"] + [""] * len(claims))
    head = [f"{found.split}, n = {found.images:,}", "old", "new", "difference", *(CLAIMS[claim] for claim in claims)]
    align = ["left"] + ["right"] * (len(head) - 1)
    return tabulate(lines, head, tablefmt=form, colalign=align, disable_numparse=True)


def describe(side: Side, level: float) -> str:
    """Describe the runs of one side: a single run with its interval, or several seeds with their spread."""
    if side.sd is not None:
        return f"mean of {side.runs} seeds, standard deviation of the accuracy {100 * side.sd:.2f} points"
    low, high = 100 * (side.low or 0), 100 * (side.high or 0)
    return f"one run, {100 * level:g} % interval of the accuracy {low:.2f} to {high:.2f} %"


def notes(found: Comparison) -> list[str]:
    """Return how the differences were measured and which parameters differ, one line each."""
    lines = [f"old: {describe(found.old, found.level)}", f"new: {describe(found.new, found.level)}"]
    if found.gained is not None:
        lines.append(
            f"Only the new network is right on {found.gained} images, only the old one on {found.lost}; "
            f"McNemar's exact test: {p_value(found.accuracy.widest.p)}."
        )
    lines.append(f"Spread between seeds: {found.spread}.")
    lines.append(f"Differences are new minus old, with {100 * found.level:g} % intervals.")
    for key, values in found.parameters.items():
        old, new = ("none" if values[side] is None else values[side] for side in ("old", "new"))
        lines.append(f"{key}: {old} → {new}")
    if not found.parameters:
        lines.append("No parameter differs.")
    if found.code:
        lines.append(f"The code differs: {', '.join(found.code)}.")
    return lines


def caveats(found: Comparison) -> list[str]:
    """Return the lines below a verdict."""
    lines = [JUDGED_ON[found.split]]
    if found.tries > 1:
        lines.append(
            f"{found.tries} variants were compared with one baseline: p-values are adjusted by Holm (1979), "
            "intervals are not."
        )
    return lines


def text(comparisons: Sequence[Comparison]) -> str:
    """Return the report for a terminal, with the verdicts at the end."""
    blocks, verdicts = [], []
    for found in comparisons:
        old, new = (f"{side.name}  {side.subject}" for side in (found.old, found.new))
        blocks += [f"old: {old}\nnew: {new}", table(found, "plain"), "\n".join(notes(found))]
        verdicts.append(f"{found.new.name if len(comparisons) > 1 else 'Verdict'}: {found.verdict}")
    return "\n\n".join([*blocks, "\n".join([*verdicts, *caveats(comparisons[0])])])


def markdown(comparisons: Sequence[Comparison]) -> str:
    """Return the report for a pull request, with each verdict above its table."""
    blocks = []
    for found in comparisons:
        sides = " → ".join(f"`{side.name}` {escape(side.subject)}" for side in (found.old, found.new))
        bullets = "\n".join(f"- {line}" for line in [*caveats(found), *map(escape, notes(found))])
        blocks += [sides, f"**{found.verdict}**", table(found, "pipe"), bullets]
    return "\n\n".join(blocks)


def escape(text: str) -> str:
    """Escape the signs that Markdown takes for markup."""
    return re.sub(r"[\\|*_<`[\]]", r"\\\g<0>", text)
