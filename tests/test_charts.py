import numpy as np
import pandas as pd

from common import robustness, tables
from drawing import charts, figures


def lines(axes) -> dict[str, list[float]]:
    return {line.get_label(): line.get_ydata().tolist() for line in axes.lines}


def test_each_digit_has_its_three_measures():
    digits = pd.DataFrame([tables.Digit("a", 5, 1, 0.5, 0.75), tables.Digit("b", 7, 0, 0.25, 0.5)])
    figure = charts.draw_per_digit(digits)
    assert lines(figure.axes[0]) == {"precision": [100, 0], "recall": [50, 25], "F1": [75, 50]}
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a\nn = 5", "b\nn = 7"]
    figures.plt.close(figure)


def test_a_digit_without_images_is_marked_and_has_no_point():
    digits = pd.DataFrame([tables.Digit("a", 5, 1, 0.5, 0.75), tables.Digit("b", 0, None, None, None)])
    figure = charts.draw_per_digit(digits)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a\nn = 5", "b\nno images"]
    assert all(np.isnan(points[1]) for points in lines(figure.axes[0]).values())
    figures.plt.close(figure)


def test_the_reliability_diagram_shows_the_size_of_each_bin():
    bins = pd.DataFrame([tables.Bin(0.25, 0.5, 3, 0.5, 0.25), tables.Bin(0.5, 1, 1200, 0.75, 1)])
    figure = charts.draw_calibration(bins)
    reliability, sizes = figure.axes
    assert lines(reliability)["images of one bin"] == [25, 100]
    assert [bar.get_height() for bar in sizes.patches] == [3, 1200]
    assert [text.get_text() for text in sizes.texts] == ["3", "1,200"]
    figures.plt.close(figure)


def test_every_row_of_the_robustness_is_in_a_panel_and_the_rest_in_the_last():
    examples = robustness.examples(np.zeros((28, 28), np.uint8))
    rows = [tables.Robustness(change, amount, 9, 0.5, 0.75) for change, amount in examples]
    figure = charts.draw_robustness(pd.DataFrame(rows), examples)
    panels = [axes for axes in figure.axes if axes.lines]
    assert len(panels) == len(charts.AMOUNTS) + 1
    shown = sum(len(axes.lines[0].get_ydata()) for axes in panels)
    assert shown == len(rows) + len(charts.AMOUNTS) - 1  # the unchanged images are in each of the others
    figures.plt.close(figure)
