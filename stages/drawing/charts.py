"""Charts of the tables that `evaluate` writes: per_digit.csv, calibration.csv and robustness.csv."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from contracts import tables
from drawing import figures
from drawing.figures import Axes, Figure, plt
from evaluation import intervals

Examples = dict[tuple[str, int], np.ndarray]  # change and amount, as in robustness.csv: one such image, (28, 28) uint8

# The palette of Okabe and Ito (2008); markers differ as well.
MEASURES = {"precision": ("#0072B2", "o"), "recall": ("#D55E00", "s"), "f1": ("#000000", "D")}
ACCURACY, CONFIDENCE = ("#0072B2", "o"), ("#D55E00", "s")
AMOUNTS = {  # the changes that have an amount, and its unit
    "rotated": "rotated (degrees, counter-clockwise)",
    "shifted": "shifted (pixels)",
    "stroke width": "strokes wider (pixels)",
    "noisy": "noise, at most (grey levels of 255)",
}
PALE = "#8db9d8"  # ACCURACY, where there is little to see
FEW = 30  # images; a bin with fewer is drawn pale


def half_widths(shares: list[float], images: list[int], level: float) -> np.ndarray:
    """Return how far the interval of each share of so many images reaches down and up, in percent: (2, n)."""
    ends = [intervals.wilson(round(share * n), n, level) for share, n in zip(shares, images, strict=True)]
    pairs = [(share - low, high - share) for share, (low, high) in zip(shares, ends, strict=True)]
    return 100 * np.maximum(pairs, 0).T.reshape(2, -1)


def shares_of(digits: Sequence[tables.Digit], measure: str) -> list[tuple[int, float, int]]:
    """Return place, share and the number of images it is a share of, for each digit that has the measure.

    Precision is a share of the images with that answer, of which there are recall x images / precision.
    """
    found = []
    for place, row in enumerate(digits):
        share = getattr(row, measure)
        if share is not None and row.recall is not None and (measure != "precision" or share > 0):
            found.append(
                (place, share, round(row.recall * row.images / share) if measure == "precision" else row.images)
            )
    return found


def draw_per_digit(digits: Sequence[tables.Digit], unit: str, level: float) -> Figure:
    """Draw precision, recall and F1 of each digit that has images; dots, as the axis does not begin at zero."""
    figure, axes = plt.subplots(figsize=(8.5, 1.4 + 0.42 * max(4, len(digits))))
    for step, (measure, (colour, marker)) in zip((-0.22, 0, 0.22), MEASURES.items(), strict=True):
        found = shares_of(digits, measure)
        shares = [share for _, share, _ in found]
        axes.errorbar(
            [100 * share for share in shares],
            [place + step for place, _, _ in found],
            xerr=None if measure == "f1" else half_widths(shares, [images for _, _, images in found], level),
            fmt=marker,
            color=colour,
            markersize=5,
            elinewidth=1,
            label="F1" if measure == "f1" else measure,
        )
    sizes = [f"n = {row.images:,}" if row.images else "no images" for row in digits]
    axes.set_yticks(range(len(digits)), [f"{row.digit} ({size})" for row, size in zip(digits, sizes, strict=True)])
    axes.set_yticks(np.arange(len(digits) - 1) + 0.5, minor=True)
    axes.tick_params(axis="y", which="both", length=0)
    axes.grid(axis="y", which="minor")
    axes.grid(axis="x")
    axes.set(xlabel=f"% (lines: {100 * level:g} % intervals)", ylabel=f"{unit}, and its test images")
    axes.set(ylim=(len(digits) - 0.5, -0.5), xlim=(None, min(100.5, axes.get_xlim()[1])))
    figure.legend(ncols=3, loc="outside lower center", frameon=False)
    return figure


def draw_calibration(bins: Sequence[tables.Bin], level: float) -> Figure:
    """Draw the reliability diagram, accuracy over confidence, above the number of images in each bin."""
    figure, (reliability, sizes) = plt.subplots(
        2, 1, figsize=(6.5, 6.8), sharex=True, gridspec_kw={"height_ratios": [2.6, 1]}
    )
    reliability.plot([0, 100], [0, 100], color="black", linewidth=0.8, linestyle=":", label="as confident as right")
    for label, pale, group in [
        ("images of one bin", False, [b for b in bins if b.images >= FEW]),
        (f"fewer than {FEW} images", True, [b for b in bins if b.images < FEW]),
    ]:
        if group:
            reliability.errorbar(
                [100 * b.confidence for b in group],
                [100 * b.accuracy for b in group],
                yerr=half_widths([b.accuracy for b in group], [b.images for b in group], level),
                fmt=ACCURACY[1],
                color=PALE if pale else ACCURACY[0],
                markerfacecolor="white" if pale else ACCURACY[0],
                elinewidth=1 if pale else 1.5,
                label=label,
            )
    reliability.set(ylabel=f"accuracy (%), {100 * level:g} % interval", ylim=(-4, 104), xlim=(-2, 102))
    reliability.grid()
    reliability.legend(frameon=False, loc="upper left")

    left, width = [100 * b.low for b in bins], [100 * (b.high - b.low) for b in bins]
    images = [b.images for b in bins]
    bars = sizes.bar(left, images, width, align="edge", color=figures.TEST, edgecolor="white")
    sizes.bar_label(bars, [f"{n:,}" for n in images], padding=2, fontsize=9)
    sizes.set(xlabel="confidence (%)", ylabel="test images", yscale="log", ylim=(0.7, 6 * max(images)))
    sizes.yaxis.set_major_formatter("{x:,.0f}")
    sizes.yaxis.set_minor_formatter(plt.NullFormatter())
    return figure


def draw_variants(axes: Axes, rows: pd.DataFrame, labels: list[str], examples: Examples, line: str) -> None:
    """Draw accuracy and confidence for each row, an example of its images above it; `line` joins the points."""
    places = np.arange(len(rows))
    for column, (colour, marker) in {"accuracy": ACCURACY, "confidence": CONFIDENCE}.items():
        axes.plot(places, 100 * rows[column], linestyle=line, marker=marker, color=colour, markersize=5, label=column)
    axes.set(ylim=(-4, 104), xlim=(-0.6, len(places) - 0.4), ylabel="accuracy, confidence (%)")
    axes.set_xticks(places, labels)
    axes.grid(axis="y")
    for place, key in zip(places.tolist(), zip(rows["change"], rows["amount"], strict=True), strict=True):
        image = figures.draw_image(axes, examples[key] / 255, place, 1.32, 2, coordinates=("data", "axes fraction"))
        # a frame, so that a blank page is visible
        image.patch.set(visible=True, boxstyle="square,pad=0", facecolor="none", edgecolor="#bbbbbb")


def draw_robustness(robustness: pd.DataFrame, examples: Examples, unit: str) -> Figure:
    """Draw what changes do to accuracy and confidence, a panel for each kind; the columns are those of the table."""
    figure, grid = plt.subplots(3, 2, figsize=(9.5, 9.5))
    *panels, others, legend = grid.flat
    unchanged, kinds = robustness["change"] == "unchanged", robustness["change"].isin(AMOUNTS)
    for axes, (change, label) in zip(panels, AMOUNTS.items(), strict=True):
        rows = robustness[unchanged | (robustness["change"] == change)].sort_values("amount", kind="stable")
        labels = [f"{n:+d}" if n and rows["amount"].min() < 0 else str(n) for n in rows["amount"]]
        draw_variants(axes, rows, labels, examples, "-")
        axes.set_xlabel(label)
    rows = robustness[~unchanged & ~kinds]
    draw_variants(others, rows, [change.replace(" ", "\n") for change in rows["change"]], examples, "none")
    others.set_xlabel(f"inverted, and images of no {unit}, which have no accuracy")
    legend.set_axis_off()
    legend.legend(*others.get_legend_handles_labels(), title="mean over the images", loc="center", frameon=False)
    return figure
