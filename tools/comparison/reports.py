"""Show a comparison as text for a terminal, or as Markdown for a pull request."""

from collections.abc import Iterable, Sequence

from comparison.crossed import Interval
from comparison.results import Comparison, Difference, Side
from comparison.verdicts import p_value

SCALE = {"accuracy": 100, "loss": 1, "brier": 1, "overconfidence": 100}  # to what is shown
NAMES = {
    "accuracy": "accuracy (%)",
    "loss": "loss (nats)",
    "brier": "Brier score",
    "overconfidence": "overconfidence (%)",
}
CLAIMS = {
    "these_networks": "these networks, any images",
    "these_images": "any seed, these images",
    "any_images": "any seed, any images",
}


def number(measure: str, value: float, sign: str = "") -> str:
    """Format a measure, or with the sign `+` a difference."""
    digits = 2 if SCALE[measure] == 100 else 4
    return f"{SCALE[measure] * value:{sign}.{digits}f}"


def measures(found: Comparison) -> list[tuple[str, ...]]:
    """Return the rows of the table of measures, its head first: a column for each claim that can be made."""
    claims = [claim for claim in CLAIMS if any(getattr(row, claim) for row in found.differences)]
    head = (f"{found.split}, n = {found.images:,}", "old", "new", "difference", *(CLAIMS[claim] for claim in claims))
    rows = []
    for row in found.differences:
        ends = (ends_of(row, getattr(row, claim)) for claim in claims)
        shown = (number(row.measure, value) for value in (row.old, row.new))
        rows.append((NAMES[row.measure], *shown, number(row.measure, row.value, "+"), *ends))
    errors = (found.old.errors, found.new.errors)
    blank = [""] * len(claims)
    rows.insert(1, ("errors", *(f"{n:.4g}" for n in errors), f"{errors[1] - errors[0]:+.4g}", *blank))
    return [head, *rows]


def ends_of(row: Difference, interval: Interval | None) -> str:
    if interval is None:
        return ""
    return " to ".join(number(row.measure, end, "+") for end in (interval.low, interval.high))


def describe(side: Side, level: float) -> str:
    """Return what was compared: one run with its interval, or so many seeds with their spread."""
    if side.sd is not None:
        return f"mean of {side.runs} seeds, standard deviation of the accuracy {100 * side.sd:.2f} points"
    if side.low is None or side.high is None:
        return "one run"
    return f"one run, {100 * level:g} % interval of the accuracy {100 * side.low:.2f} to {100 * side.high:.2f} %"


def notes(found: Comparison) -> list[str]:
    """Return how it was measured, a line each."""
    accuracy = found.find("accuracy")
    lines = [f"old: {describe(found.old, found.level)}", f"new: {describe(found.new, found.level)}"]
    if found.gained is not None and accuracy is not None:
        exact = f"McNemar's exact test: {p_value(accuracy.widest.p)}"
        lines.append(
            f"Only the new network is right on {found.gained} images, only the old one on {found.lost}; {exact}."
        )
    lines.append(f"Spread between seeds: {found.spread}.")
    lines.append(f"Differences are new minus old, with {100 * found.level:g} % intervals.")
    return lines


def footing(found: Comparison) -> list[str]:
    """Return what the verdict rests on, to be said under it."""
    if found.split == "validation":
        lines = [
            "Judged on the validation split; `--split test` has the final word, on which nothing should be chosen."
        ]
    else:
        lines = ["Judged on the test split: for the final word. Do not select on it."]
    if found.tries > 1:
        lines.append(
            f"{found.tries} variants were compared with one baseline: p-values are corrected by Holm (1979); "
            "each interval stands for itself."
        )
    return lines


def digits(found: Comparison) -> list[tuple[str, ...]]:
    """Return the rows of the table of digits, its head first; errors are means over the runs."""
    rows = [
        (row.name, str(row.images), f"{row.old_errors:.4g}", f"{row.new_errors:.4g}", f"{difference:+.4g}")
        for row in found.digits
        for difference in [row.new_errors - row.old_errors + 0.0]
    ]
    return [("digit", "images", "old errors", "new errors", "difference"), *rows]


def parameters(found: Comparison) -> list[str]:
    """Return a line for each parameter that differs."""
    changes = found.parameters.items()
    lines = [f"{key}: {' → '.join(show(value[side]) for side in ('old', 'new'))}" for key, value in changes]
    return lines or ["No parameter differs."]


def show(value: object) -> str:
    return "none" if value is None else str(value)


def text(comparisons: Sequence[Comparison]) -> str:
    """Return the report for a terminal, the verdicts at the end, where the eye is."""
    blocks = []
    for found in comparisons:
        sides = "\n".join(f"{name}: {side.name}  {side.subject}" for name, side in sides_of(found))
        blocks += [sides, aligned(measures(found)), "\n".join(notes(found)), aligned(digits(found))]
        blocks += ["\n".join(parameters(found))]
    lead = [f"{found.new.name}: {found.verdict}" for found in comparisons]
    verdicts = lead if len(comparisons) > 1 else [f"Verdict: {comparisons[0].verdict}"]
    return "\n\n".join([*blocks, "\n".join([*verdicts, *footing(comparisons[0])])])


def markdown(comparisons: Sequence[Comparison]) -> str:
    """Return the report for a pull request, each verdict at the top of what it rests on."""
    blocks = []
    for found in comparisons:
        sides = " → ".join(f"`{side.name}` {escape(side.subject)}" for _, side in sides_of(found))
        blocks += [sides, f"**{found.verdict}**", piped(measures(found)), bullets([*footing(found), *notes(found)])]
        blocks += [piped(digits(found)), bullets(map(escape, parameters(found)))]
    return "\n\n".join(blocks)


def sides_of(found: Comparison) -> list[tuple[str, Side]]:
    return [("old", found.old), ("new", found.new)]


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Align the first column to the left, the numbers after it to the right."""
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = (
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))])
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def piped(rows: list[tuple[str, ...]]) -> str:
    """Make a Markdown table."""
    head, *body = ("| " + " | ".join(map(escape, row)) + " |" for row in rows)
    return "\n".join([head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *body])


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def escape(cell: str) -> str:
    """Keep what Markdown would take for markup as it is."""
    return "".join(f"\\{sign}" if sign in "\\|*_<`[]" else sign for sign in cell)
