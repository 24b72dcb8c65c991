"""Charts of the class distribution, the training history and the results of `evaluate`."""

import numpy as np
import pandas as pd

from drawing import figures
from drawing.figures import Axes, Figure, plt
from evaluation import intervals

Examples = dict[tuple[str, int], np.ndarray]  # an image, (28, 28) uint8, by change and amount as in robustness.csv

# The palette of Okabe and Ito (2008); markers differ as well.
MEASURES = {"precision": ("#0072B2", "o"), "recall": ("#D55E00", "s"), "f1": ("#000000", "D")}
ACCURACY, CONFIDENCE = ("#0072B2", "o"), ("#D55E00", "s")
AMOUNTS = {  # panel title of each change that has an amount
    "rotated": "Rotated (degrees counter-clockwise)",
    "shifted": "Shifted (pixels)",
    "stroke width": "Wider strokes (pixels)",
    "noisy": "Noise (largest change, in 255 grey levels)",
}
PALE, FEW = "#8db9d8", 30  # the colour of calibration bins with fewer images than that
ABOVE = 40  # points between a panel and its title, for the example images
CELL, COUNT = 0.35, 8.5  # confusion matrix: inches of a cell's side, font size of its count


def draw_distribution(counts: pd.DataFrame, unit: str) -> Figure:
    """Draw the share of each digit in each split; the columns of `counts` are split, digit, count."""
    import seaborn as sns  # takes a second

    sizes = counts.groupby("split")["count"].transform("sum")
    shares = counts.assign(
        share=100 * counts["count"] / sizes,
        split=[f"{s} (n = {n:,})" for s, n in zip(counts["split"], sizes, strict=True)],
    )
    names = list(counts["digit"].unique())
    figure, axes = plt.subplots(figsize=(figures.chart_width(names), 1.5 + 0.36 * len(names)))
    colours = [figures.TRAIN, figures.VALIDATION, figures.TEST]
    sns.barplot(shares, x="share", y="digit", hue="split", palette=colours, saturation=1, errorbar=None, ax=axes)
    axes.axvline(100 / len(names), color="black", linewidth=0.8, linestyle=":", label="all equally often")
    axes.set(xlabel="share of the split (%)", ylabel=unit)
    axes.grid(axis="x")
    if inside := axes.get_legend():
        inside.remove()
    figure.legend(ncols=2, fontsize=9, loc="outside upper center", frameon=False)
    return figure


def draw_history(history: pd.DataFrame) -> Figure:
    """Draw accuracy and loss over the epochs, training and validation together."""
    figure, panels = plt.subplots(2, 1, figsize=(figures.WIDTH, 5.2), sharex=True)
    sides = [("", figures.TRAIN, "o", "training"), ("val_", figures.VALIDATION, "s", "validation")]
    measures = [("accuracy", "accuracy (%)", 100), ("loss", "cross-entropy loss (nats)", 1)]
    for axes, (measure, label, scale) in zip(panels, measures, strict=True):
        for prefix, colour, marker, name in sides:
            values = scale * history[prefix + measure]
            axes.plot(history["epoch"], values, color=colour, marker=marker, markersize=4, label=name)
        axes.xaxis.set_major_locator(plt.MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_ylabel(label)
        axes.grid(axis="y")
    panels[-1].set_xlabel("epoch")
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=2, loc="outside upper center", frameon=False)
    return figure


def draw_confusions(counts: np.ndarray, names: list[str], unit: str) -> Figure:
    """Draw the confusion matrix: (classes, classes) integers, rows are actual and columns predicted classes.

    Only mistakes are coloured, because the far larger counts of correct images would hide their differences.
    """
    mistakes = np.ma.masked_array(counts, np.eye(len(counts), dtype=bool))
    most, total = max(1, mistakes.filled(0).max()), mistakes.filled(0).sum()
    margin = figures.text_width(names, 10)
    upright = margin < 0.9 * CELL
    side = CELL * len(names)
    figure, axes = plt.subplots(
        figsize=(max(figures.WIDTH, side + margin + 0.6), side + (0.9 if upright else margin + 0.8))
    )
    colours = plt.get_cmap("Oranges").with_extremes(bad="#e2e2e2")
    axes.pcolormesh(mistakes, cmap=colours, vmin=0, vmax=most, edgecolor="#d0d0d0", linewidth=0.5)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if row != column and count > 0.6 * most else "black"
            axes.text(column + 0.5, row + 0.5, f"{count:,}", ha="center", va="center", fontsize=COUNT, color=colour)
    centres = np.arange(len(names)) + 0.5
    axes.set_xticks(centres, names, rotation=0 if upright else 90)
    axes.set_yticks(centres, names)
    axes.tick_params(length=0)
    axes.set(aspect="equal", ylim=(len(names), 0), ylabel=f"actual {unit}")
    axes.set_xlabel(f"predicted {unit}\ngrey: correct; orange: {total:,} mistakes of {counts.sum():,}")
    return figure


def half_widths(shares: pd.Series, images: pd.Series, level: float) -> np.ndarray:
    """Return the distance from each share to both ends of its Wilson interval, in percent: (2, n)."""
    ends = [intervals.wilson(round(share * n), n, level) for share, n in zip(shares, images, strict=True)]
    low, high = np.reshape(ends, (-1, 2)).T
    return 100 * np.maximum((shares - low, high - shares), 0)


def draw_per_digit(digits: pd.DataFrame, unit: str, level: float) -> Figure:
    """Draw precision, recall and F1 of each digit that has images, as dots because the axis does not start at zero."""
    labels = [
        f"{name}\n" + (f"n = {n:,}" if n else "no images")
        for name, n in zip(digits["digit"], digits["images"], strict=True)
    ]
    figure, axes = plt.subplots(figsize=(figures.chart_width(labels), 1.4 + 0.42 * max(4, len(digits))))
    table = digits.dropna()
    answers = (table["recall"] * table["images"] / table["precision"]).round()  # NaN if never predicted
    for step, (measure, (colour, marker)) in zip((-0.22, 0, 0.22), MEASURES.items(), strict=True):
        images = answers.dropna() if measure == "precision" else table["images"]
        shares = table.loc[images.index, measure]
        axes.errorbar(
            100 * shares,
            shares.index + step,
            xerr=None if measure == "f1" else half_widths(shares, images, level),
            fmt=marker,
            color=colour,
            markersize=5,
            elinewidth=1,
            label="F1" if measure == "f1" else measure,
        )
    axes.set_yticks(range(len(digits)), labels)
    axes.set_yticks(np.arange(len(digits) - 1) + 0.5, minor=True)
    axes.tick_params(axis="y", which="both", length=0)
    axes.grid(axis="y", which="minor")
    axes.grid(axis="x")
    axes.set(xlabel=f"% (lines: {100 * level:g} % intervals)", ylabel=f"{unit}, and its test images")
    axes.set(ylim=(len(digits) - 0.5, -0.5), xlim=(None, min(100.5, axes.get_xlim()[1])))
    figure.legend(ncols=3, loc="outside upper center", frameon=False)
    return figure


def draw_calibration(bins: pd.DataFrame, level: float) -> Figure:
    """Draw the reliability diagram, accuracy over confidence, above the number of images in each bin."""
    figure, (reliability, sizes) = plt.subplots(
        2, 1, figsize=(figures.WIDTH, 5.6), sharex=True, gridspec_kw={"height_ratios": [2.2, 1]}
    )
    reliability.plot([0, 100], [0, 100], color="black", linewidth=0.8, linestyle=":", label="perfect calibration")
    few = bins["images"] < FEW
    for label, group, colour, inside, width in [
        ("images of one bin", bins[~few], ACCURACY[0], ACCURACY[0], 1.5),
        (f"fewer than {FEW} images", bins[few], PALE, "white", 1),
    ]:
        if len(group):
            reliability.errorbar(
                100 * group["confidence"],
                100 * group["accuracy"],
                yerr=half_widths(group["accuracy"], group["images"], level),
                fmt=ACCURACY[1],
                color=colour,
                markerfacecolor=inside,
                elinewidth=width,
                label=label,
            )
    reliability.set(ylabel=f"accuracy (%), {100 * level:g} % interval", ylim=(-4, 104), xlim=(-2, 102))
    reliability.grid()
    figure.legend(*reliability.get_legend_handles_labels(), ncols=2, loc="outside upper center", frameon=False)

    low, images = 100 * bins["low"], bins["images"]
    bars = sizes.bar(low, images, 100 * bins["high"] - low, align="edge", color=figures.TEST, edgecolor="white")
    sizes.bar_label(bars, [f"{n:,}" for n in images], padding=2, fontsize=8)
    sizes.set(xlabel="confidence (%)", ylabel="test images", yscale="log", ylim=(0.7, 6 * images.max()))
    sizes.yaxis.set_major_formatter("{x:,.0f}")
    sizes.yaxis.set_minor_formatter(plt.NullFormatter())
    return figure


def draw_variants(axes: Axes, rows: pd.DataFrame, labels: list[str], examples: Examples, line: str) -> None:
    """Draw accuracy and confidence of each row below an example image; `line` is the style that joins the points."""
    places = np.arange(len(rows))
    for column, (colour, marker) in {"accuracy": ACCURACY, "confidence": CONFIDENCE}.items():
        axes.plot(places, 100 * rows[column], linestyle=line, marker=marker, color=colour, markersize=5, label=column)
    axes.set(ylim=(-4, 104), xlim=(-0.6, len(places) - 0.4))
    axes.set_xticks(places, labels)
    axes.grid(axis="y")
    for place, key in zip(places.tolist(), zip(rows["change"], rows["amount"], strict=True), strict=True):
        image = figures.draw_image(axes, examples[key] / 255, place, 1.45, 1.5, coordinates=("data", "axes fraction"))
        # the frame makes a blank page visible
        image.patch.set(visible=True, boxstyle="square,pad=0", facecolor="none", edgecolor="#bbbbbb")


def draw_robustness(robustness: pd.DataFrame, examples: Examples, unit: str) -> Figure:
    """Draw accuracy and confidence on changed images, a panel for each change with amounts, and one for the rest."""
    figure, (*panels, others) = plt.subplots(len(AMOUNTS) + 1, 1, figsize=(figures.WIDTH, 10))
    unchanged, kinds = robustness["change"] == "unchanged", robustness["change"].isin(AMOUNTS)
    for axes, (change, title) in zip(panels, AMOUNTS.items(), strict=True):
        rows = robustness[unchanged | (robustness["change"] == change)].sort_values("amount", kind="stable")
        labels = [f"{n:+d}" if n and rows["amount"].min() < 0 else str(n) for n in rows["amount"]]
        draw_variants(axes, rows, labels, examples, "-")
        axes.set_title(title, loc="left", fontsize=10, pad=ABOVE)
    rows = robustness[~unchanged & ~kinds]
    draw_variants(others, rows, [change.replace(" ", "\n") for change in rows["change"]], examples, "none")
    others.set_title(f"Inverted; without a {unit} (no accuracy)", loc="left", fontsize=10, pad=ABOVE)
    figure.supylabel("mean over the test images (%)", fontsize=10)
    figure.legend(*others.get_legend_handles_labels(), ncols=2, loc="outside upper center", frameon=False)
    return figure
