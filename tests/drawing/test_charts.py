import numpy as np
import pandas as pd
import pytest

from drawing import charts, figures
from evaluation import intervals, robustness


@pytest.fixture(autouse=True)
def close_figures():
    yield
    figures.plt.close("all")


def points(figure) -> dict[str, list]:
    """The middle of each group of points with intervals, by its label."""
    groups = [group for axes in figure.axes for group in axes.containers if group.get_label()]
    return {group.get_label(): group.lines[0].get_xydata().tolist() for group in groups if hasattr(group, "lines")}


def test_each_digit_with_images_has_its_three_measures():
    rows = [("a", 5, 1, 0.5, 0.75), ("b", 0, None, None, None), ("c", 1008, 0.0, 0.0, 0.0)]
    digits = pd.DataFrame(rows, columns=["digit", "images", "precision", "recall", "f1"])
    figure = charts.draw_per_digit(digits, "letter", 0.95)
    shown = points(figure)
    assert {label: [x for x, _ in group] for label, group in shown.items()} == {
        "precision": [100],  # c was never predicted
        "recall": [50, 0],
        "F1": [75, 0],
    }
    assert [round(y) for _, y in shown["recall"]] == [0, 2]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["a\nn = 5", "b\nno images", "c\nn = 1,008"]


def test_the_lines_of_a_share_are_its_wilson_interval():
    below, above = charts.half_widths(np.array([0.9, 1.0]), np.array([100, 10]), 0.95)
    low, high = zip(*(intervals.wilson(*counts, 0.95) for counts in [(90, 100), (10, 10)]), strict=True)
    np.testing.assert_allclose([[90, 100] - below, [90, 100] + above], np.multiply([low, high], 100))


def test_the_reliability_diagram_shows_the_size_of_each_bin_and_marks_small_ones():
    columns = ["low", "high", "images", "confidence", "accuracy"]
    bins = pd.DataFrame([(0.25, 0.5, 3, 0.5, 0.25), (0.5, 1, 1200, 0.75, 1)], columns=columns)
    figure = charts.draw_calibration(bins, 0.95)
    assert points(figure) == {"images of one bin": [[75, 100]], "fewer than 30 images": [[50, 25]]}
    sizes = figure.axes[1]
    assert [bar.get_height() for bar in sizes.patches] == [3, 1200]
    assert [text.get_text() for text in sizes.texts] == ["3", "1,200"]


def test_every_row_of_the_robustness_is_in_a_panel_and_the_rest_in_the_last():
    examples = robustness.examples(np.zeros((28, 28), np.uint8))
    rows = pd.DataFrame(examples.keys(), columns=["change", "amount"]).assign(accuracy=0.5, confidence=0.75)
    figure = charts.draw_robustness(rows, examples, "digit")
    assert len(figure.axes) == len(charts.AMOUNTS) + 1
    shown = sum(len(axes.lines[0].get_ydata()) for axes in figure.axes)
    assert shown == len(rows) + len(charts.AMOUNTS) - 1  # the unchanged images are in each of the others


def test_the_matrix_shows_each_count_and_colours_only_mistakes():
    figure = charts.draw_confusions(np.array([[0, 0, 1], [0, 1200, 0], [9, 0, 1]]), ["0", "1", "2"], "digit")
    (axes,) = figure.axes
    shown = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    assert shown == {(2.5, 0.5): "1", (1.5, 1.5): "1,200", (0.5, 2.5): "9", (2.5, 2.5): "1"}
    figure.draw_without_rendering()
    cells = axes.collections[0]
    colours = cells.get_facecolor().reshape(3, 3, 4)
    assert (colours[[0, 1, 2], [0, 1, 2]] == colours[0, 0]).all()  # right answers, however many
    np.testing.assert_array_equal(colours[2, 0], cells.cmap(1.0))
    assert axes.get_xlabel() == "predicted digit\ngrey: correct; orange: 10 mistakes of 1,211"


def test_the_history_shows_training_beside_validation():
    history = pd.DataFrame(
        {"epoch": [1, 2], "accuracy": [0.5, 0.75], "loss": [2, 1], "val_accuracy": [0.6, 0.7], "val_loss": [3, 2]}
    )
    accuracy, loss = charts.draw_history(history).axes
    assert [line.get_ydata().tolist() for line in accuracy.lines] == [[50, 75], [60, 70]]
    assert [line.get_ydata().tolist() for line in loss.lines] == [[2, 1], [3, 2]]


def test_the_bars_are_shares_of_each_split():
    rows = [("train", "0", 3), ("train", "1", 1), ("test", "0", 1), ("test", "1", 1), ("validation", "0", 0)]
    counts = pd.DataFrame([*rows, ("validation", "1", 2)], columns=["split", "digit", "count"])
    (axes,) = charts.draw_distribution(counts, "digit").axes
    assert [[bar.get_width() for bar in bars] for bars in axes.containers] == [[75, 25], [50, 50], [0, 100]]
