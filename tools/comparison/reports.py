"""Say what a comparison found: the verdict in one sentence, the whole as text or as Markdown."""

COMMON = 0.2  # of pairs of seeds; what is less frequent is "not rare"
ALPHA = 0.05  # below it, chance is no longer taken for the explanation


def verdict(result: dict) -> str:
    """Return one sentence on what one run at each revision allows to say about the networks and their settings.

    "Evidence" is kept for a difference that neither the choice of test images nor the seed explains, both together.
    """
    difference, seeds, settings = result["difference"], result["seeds"], result["settings"]
    errors, p = difference["errors"], p_value(difference["p"])
    kind, word, luck = ("better", "improvement", "a lucky") if errors < 0 else ("worse", "deterioration", "an unlucky")
    lead = f"{abs(errors)} {'fewer' if errors < 0 else 'more'} error{'s' * (abs(errors) > 1)}"
    by_images = difference["p"] < ALPHA  # the two networks differ, on images like these

    if difference["gained"] == difference["lost"] == 0:
        return "The same test images right and wrong: nothing to explain."
    if errors == 0:
        return "As many errors, but on other images: not evidence of a difference."
    if result["parameters"] and all(key.endswith("seed") for key in result["parameters"]):
        return f"{lead}; but the parameters differ in the seed alone, and {luck} seed is no {word}."
    if seeds is None and by_images:
        return (
            f"{lead}: the new network is {kind} than the old one ({p}); whether its settings are {kind}, too, is open "
            "until the spread between seeds is known (`python tools/seeds.py 10`)."
        )
    if by_images and seeds and (settings["low"] > 0 or settings["high"] < 0):
        return f"{lead}: more than the choice of test images and the seed together explain: evidence of {word}."
    if seeds and seeds["share_of_pairs"] >= ALPHA:
        often = f"{'common' if seeds['share_of_pairs'] >= COMMON else 'not rare'} ({percent(seeds['share_of_pairs'])})"
        claim = f"the new network is {kind} than the old one ({p}), but a" if by_images else "a"
        return (
            f"{lead}; {claim} difference this size between two seeds of the same settings is {often}: "
            f"not evidence of {word}{' by the settings' * by_images}."
        )
    if by_images:
        return f"{lead}; the choice of test images and the seed together could explain it: weak evidence of {word}."
    return f"{lead}; another choice of test images could turn it round ({p}): not evidence of {word}."


def percent(share: float) -> str:
    return "less than 0.1 %" if share < 0.001 else f"{100 * share:.2g} %"


def p_value(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def summarise(result: dict) -> list[str]:
    """Return what holds of the two networks, then what holds of their settings; a line each."""
    difference, seeds, settings = result["difference"], result["seeds"], result["settings"]
    networks = (
        f"Of {result['images']:,} test images {difference['gained']} were gained and {difference['lost']} lost; "
        f"McNemar's exact test: {p_value(difference['p'])}."
    )
    if seeds is None:
        return [networks, "Spread between seeds: unknown; `python tools/seeds.py 10` measures it."]
    return [
        networks,
        f"Two seeds of the same settings differ by {abs(difference['errors'])} errors or more in "
        f"{percent(seeds['share_of_pairs'])} of pairs (n = {seeds['n']}, standard deviation {seeds['errors_sd']:.1f}).",
        f"The settings, whatever the seed and the images: {points(difference['accuracy'])} points, "
        f"95 % interval {points(settings['low'])} to {points(settings['high'])}.",
    ]


def accuracies(result: dict) -> list[tuple[str, ...]]:
    """Return the rows of the table of accuracies, its head first."""
    old, new, difference = result["old"], result["new"], result["difference"]
    intervals = (f"{100 * side['low']:.2f} to {100 * side['high']:.2f}" for side in (old, new))
    percents = (f"{100 * side['accuracy']:.2f}" for side in (old, new))
    return [
        ("", "old", "new", "difference"),
        ("accuracy (%)", *percents, points(difference["accuracy"])),
        ("95 % interval", *intervals, f"{points(difference['low'])} to {points(difference['high'])}"),
        ("errors", str(old["errors"]), str(new["errors"]), f"{difference['errors']:+d}"),
    ]


def digits(result: dict) -> list[tuple[str, ...]]:
    """Return the rows of the table of digits, its head first."""
    head = ("digit", "images", "old errors", "new errors", "difference")
    keys = ("name", "images", "old_errors", "new_errors")
    rows = [
        (*(str(row[key]) for key in keys), f"{row['new_errors'] - row['old_errors']:+d}") for row in result["digits"]
    ]
    return [head, *rows]


def parameters(result: dict) -> list[str]:
    """Return a line for each parameter that differs."""
    changes = result["parameters"].items()
    lines = [f"{key}: {' → '.join(show(value[side]) for side in ('old', 'new'))}" for key, value in changes]
    return lines or ["No parameter differs."]


def show(value: object) -> str:
    return "none" if value is None else str(value)


def text(result: dict) -> str:
    """Return the report for a terminal, the verdict at the end, where the eye is."""
    sides = "\n".join(f"{side}: {result[side]['name']}  {result[side]['subject']}" for side in ("old", "new"))
    blocks = [sides, aligned(accuracies(result)), "\n".join(summarise(result)), aligned(digits(result))]
    return "\n\n".join([*blocks, "\n".join(parameters(result)), f"Verdict: {result['verdict']}"])


def markdown(result: dict) -> str:
    """Return the report for a pull request, the verdict at the top."""
    sides = " → ".join(f"`{result[side]['name']}` {escape(result[side]['subject'])}" for side in ("old", "new"))
    blocks = [sides, f"**{result['verdict']}**", piped(accuracies(result)), bullets(summarise(result))]
    return "\n\n".join([*blocks, piped(digits(result)), bullets(map(escape, parameters(result)))])


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Align the first column to the left, the numbers after it to the right."""
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = (
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))])
        for row in rows
    )
    return "\n".join(lines)


def piped(rows: list[tuple[str, ...]]) -> str:
    """Make a Markdown table."""
    head, *body = ("| " + " | ".join(map(escape, row)) + " |" for row in rows)
    return "\n".join([head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *body])


def bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def escape(cell: str) -> str:
    """Keep what Markdown would take for markup as it is."""
    return "".join(f"\\{sign}" if sign in "\\|*_<`[]" else sign for sign in cell)
