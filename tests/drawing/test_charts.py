import numpy as np
import pandas as pd

from contracts import tables
from drawing import charts, figures
from evaluation import intervals, robustness


def points(axes) -> dict[str, list]:
    """The middle of each group of points with intervals, by its label."""
    return {group.get_label(): group.lines[0].get_xydata().tolist() for group in axes.containers if group.get_label()}


def test_each_digit_with_images_has_its_three_measures():
    digits = [
        tables.Digit("a", 5, 1, 0.5, 0.75),
        tables.Digit("b", 0, None, None, None),
        tables.Digit("c", 8, 0, 0.25, 0.5),
    ]
    figure = charts.draw_per_digit(digits, "letter", 0.95)
    (axes,) = figure.axes
    shown = {label: [x for x, _ in group] for label, group in points(axes).items()}
    assert shown == {"precision": [100], "recall": [50, 25], "F1": [75, 50]}
    assert [round(y) for _, y in points(axes)["recall"]] == [0, 2]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a (n = 5)", "b (no images)", "c (n = 8)"]
    figures.plt.close(figure)


def test_the_lines_of_a_share_are_its_wilson_interval():
    below, above = charts.half_widths([0.9, 1.0], [100, 10], 0.95)
    low, high = zip(*(intervals.wilson(*counts, 0.95) for counts in [(90, 100), (10, 10)]), strict=True)
    np.testing.assert_allclose([90, 100] - below, np.multiply(low, 100))
    np.testing.assert_allclose([90, 100] + above, np.multiply(high, 100))


def test_the_reliability_diagram_shows_the_size_of_each_bin_and_sets_small_ones_apart():
    bins = [tables.Bin(0.25, 0.5, 3, 0.5, 0.25), tables.Bin(0.5, 1, 1200, 0.75, 1)]
    figure = charts.draw_calibration(bins, 0.95)
    reliability, sizes = figure.axes
    assert points(reliability) == {"images of one bin": [[75, 100]], "fewer than 30 images": [[50, 25]]}
    assert [bar.get_height() for bar in sizes.patches] == [3, 1200]
    assert [text.get_text() for text in sizes.texts] == ["3", "1,200"]
    figures.plt.close(figure)


def test_every_row_of_the_robustness_is_in_a_panel_and_the_rest_in_the_last():
    examples = robustness.examples(np.zeros((28, 28), np.uint8))
    rows = [tables.Robustness(change, amount, 9, 0.5, 0.75) for change, amount in examples]
    figure = charts.draw_robustness(pd.DataFrame(rows), examples, "digit")
    panels = [axes for axes in figure.axes if axes.lines]
    assert len(panels) == len(charts.AMOUNTS) + 1
    shown = sum(len(axes.lines[0].get_ydata()) for axes in panels)
    assert shown == len(rows) + len(charts.AMOUNTS) - 1  # the unchanged images are in each of the others
    figures.plt.close(figure)
