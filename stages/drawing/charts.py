"""Charts of the tables that `evaluate` writes: per_digit.csv, calibration.csv and robustness.csv."""

import numpy as np
import pandas as pd

from drawing import figures
from drawing.figures import Axes, Figure, plt

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
OTHERS = "inverted, and images of no digit, which have no accuracy"


def draw_per_digit(digits: pd.DataFrame) -> Figure:
    """Draw precision, recall and F1 of each digit side by side; dots, because the axis does not begin at zero."""
    figure, axes = plt.subplots(figsize=(8.5, 4.2))
    places = np.arange(len(digits))
    for step, (measure, (colour, marker)) in zip((-0.2, 0, 0.2), MEASURES.items(), strict=True):
        label = "F1" if measure == "f1" else measure
        axes.plot(places + step, 100 * digits[measure], marker, color=colour, markersize=6, label=label)
    sizes = [f"n = {images:,}" if images else "no images" for images in digits["images"]]
    axes.set_xticks(places, [f"{name}\n{size}" for name, size in zip(digits["digit"], sizes, strict=True)])
    axes.set_xticks(places[:-1] + 0.5, minor=True)
    axes.tick_params(axis="x", which="both", length=0)
    axes.grid(axis="x", which="minor")
    axes.grid(axis="y")
    axes.set(xlabel="digit, and its test images", ylabel="%", title="Precision, recall and F1 of each digit")
    axes.set_xlim(-0.5, len(digits) - 0.5)
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
    return figure


def draw_calibration(bins: pd.DataFrame) -> Figure:
    """Draw the reliability diagram, accuracy over confidence, above the number of images in each bin."""
    figure, (reliability, sizes) = plt.subplots(
        2, 1, figsize=(6.5, 6.8), sharex=True, gridspec_kw={"height_ratios": [2.6, 1]}
    )
    confidence, accuracy = 100 * bins["confidence"], 100 * bins["accuracy"]
    reliability.plot([0, 100], [0, 100], color="black", linewidth=0.8, linestyle=":", label="as confident as right")
    reliability.vlines(confidence, confidence, accuracy, color=CONFIDENCE[0], linewidth=2, label="gap")
    reliability.plot(confidence, accuracy, ACCURACY[1], color=ACCURACY[0], label="images of one bin")
    reliability.set(ylabel="accuracy (%)", ylim=(-4, 104), xlim=(-2, 102))
    reliability.set_title("Reliability: is the network as often right as it is confident?")
    reliability.grid()
    reliability.legend(frameon=False, loc="upper left")

    left, width = 100 * bins["low"], 100 * (bins["high"] - bins["low"])
    bars = sizes.bar(left, bins["images"], width, align="edge", color=figures.TEST, edgecolor="white")
    sizes.bar_label(bars, [f"{n:,}" for n in bins["images"]], padding=2, fontsize=9)
    sizes.set(xlabel="confidence (%)", ylabel="test images", yscale="log", ylim=(0.7, 6 * bins["images"].max()))
    sizes.yaxis.set_major_formatter("{x:,.0f}")
    sizes.yaxis.set_minor_formatter(plt.NullFormatter())
    return figure


def draw_variants(axes: Axes, rows: pd.DataFrame, labels: list[str], examples: Examples, line: str) -> None:
    """Draw accuracy and confidence for each row, an example of its images above it; `line` joins the points."""
    places = np.arange(len(rows))
    for column, (colour, marker) in {"accuracy": ACCURACY, "confidence": CONFIDENCE}.items():
        axes.plot(places, 100 * rows[column], linestyle=line, marker=marker, color=colour, markersize=5, label=column)
    axes.set(ylim=(-4, 104), xlim=(-0.6, len(places) - 0.4), ylabel="%")
    axes.set_xticks(places, labels)
    axes.grid(axis="y")
    for place, key in zip(places.tolist(), zip(rows["change"], rows["amount"], strict=True), strict=True):
        image = figures.draw_image(axes, examples[key] / 255, place, 1.32, 2, coordinates=("data", "axes fraction"))
        # a frame, so that a blank page is visible
        image.patch.set(visible=True, boxstyle="square,pad=0", facecolor="none", edgecolor="#bbbbbb")


def draw_robustness(robustness: pd.DataFrame, examples: Examples) -> Figure:
    """Draw accuracy and confidence on changed images, one panel per kind; the columns are those of the table."""
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
    others.set_xlabel(OTHERS)
    legend.set_axis_off()
    legend.legend(*others.get_legend_handles_labels(), title="mean over the images", loc="center", frameon=False)
    figure.suptitle("What the network makes of changed test images, and of images that show no digit")
    return figure
