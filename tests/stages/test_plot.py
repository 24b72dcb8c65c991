import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from common.errors import PipelineError
from contracts import tables
from drawing import figures
from plot import (
    COLUMNS,
    count_confusions,
    draw_ambiguous,
    draw_augmented,
    draw_confusions,
    draw_history,
    draw_mistakes,
    first_of_each,
    read_history,
)

PREDICTIONS = [
    tables.Prediction(*row, loss=0.1)
    for row in [(0, 1, 1, 0.9), (1, 1, 2, 0.6), (2, 0, 2, 0.8), (3, 2, 0, 0.8), (4, 2, 2, 1.0)]
]


def test_confusions_agree_with_scikit_learn():
    counts = count_confusions(PREDICTIONS, 3)
    assert counts.tolist() == [[0, 0, 1], [0, 1, 1], [1, 0, 1]]
    actual, predicted = ([getattr(row, name) for row in PREDICTIONS] for name in ("actual", "predicted"))
    assert counts.tolist() == confusion_matrix(actual, predicted).tolist()


def test_mistakes_are_titled_with_what_they_are_and_were_taken_for():
    mistakes = tables.most_confident_mistakes(PREDICTIONS, 2)
    figure = draw_mistakes(np.zeros((2, 28, 28)), mistakes, ["zero", "one", "two"])
    titles = [text.get_text() for text in figure.axes[0].texts]
    assert titles[:2] == ["zero predicted as\ntwo\n80.00 %", "two predicted as\nzero\n80.00 %"]
    figures.plt.close(figure)


def test_no_mistakes_is_a_figure_too():
    figure = draw_mistakes(np.zeros((0, 28, 28)), [], ["0"])
    assert figure.get_suptitle() == "No mistakes on the test split"
    figures.plt.close(figure)


def test_the_matrix_shows_each_count_and_colours_mistakes_alone():
    figure = draw_confusions(count_confusions(PREDICTIONS, 3), ["0", "1", "2"], "digit")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["", "", "1", "", "1", "1", "1", "", "1"]
    assert axes.collections[0].get_array().tolist() == [[0, 0, 1], [0, 0, 1], [1, 0, 0]]
    assert figure.axes[1].get_ylabel() == "mistakes: 3 of 5 test images"
    figures.plt.close(figure)


def test_a_matrix_without_mistakes_is_white():
    figure = draw_confusions(np.diag([5, 0, 7]), ["a", "b", "c"], "letter")
    cells = figure.axes[0].collections[0]
    assert cells.get_clim() == (0, 1)
    figure.draw_without_rendering()
    np.testing.assert_array_equal(cells.get_facecolor(), np.tile(cells.cmap(0.0), (9, 1)))
    assert [text.get_text() for text in figure.axes[0].texts] == ["5", "", "", "", "", "", "", "", "7"]
    figures.plt.close(figure)


def test_the_history_shows_training_beside_validation():
    history = pd.DataFrame(
        {"epoch": [1, 2], "accuracy": [0.5, 0.75], "loss": [2, 1], "val_accuracy": [0.6, 0.7], "val_loss": [3, 2]}
    )
    figure = draw_history(history)
    accuracy, loss = figure.axes
    assert [line.get_ydata().tolist() for line in accuracy.lines] == [[50, 75], [60, 70]]
    assert [line.get_ydata().tolist() for line in loss.lines] == [[2, 1], [3, 2]]
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    figures.plt.close(figure)


def test_the_first_image_of_each_digit_that_occurs():
    assert first_of_each(np.array([2, 0, 2, 0, 4]), 5) == [1, 0, 4]


@pytest.mark.parametrize("used", ["none", "elastic"])
def test_every_kind_of_augmentation_is_drawn_beside_the_original_and_the_one_in_use_is_named(used):
    images = np.random.default_rng(0).random((2, 28, 28), np.float32)
    figure = draw_augmented(images, used, 0)
    assert f"trained with: {used})" in figure.get_suptitle()
    (axes,) = figure.axes
    shown = np.array([box.offsetbox.get_data() for box in axes.artists]).reshape(-1, 2, 28, 28).swapaxes(0, 1)
    assert [text.get_text() for text in axes.texts[:5]] == ["none", "shift", "shift", "shift", "elastic"]
    np.testing.assert_array_equal(shown[:, 0], images)
    for row in shown:
        assert len(np.unique(row, axis=0)) == len(row)
    figures.plt.close(figure)


def test_a_history_that_is_missing_or_other_is_an_error(tmp_path):
    path = tmp_path / "history.csv"
    with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
        read_history(path)
    for content, message in [
        ("", "is not a CSV file"),
        ("a,b\n1,2\n", re.escape(f"expected columns {COLUMNS}, found ['a', 'b']")),
    ]:
        path.write_text(content)
        with pytest.raises(PipelineError, match=message):
            read_history(path)


def test_ambiguous_images_show_both_answers_and_the_label():
    rows = [tables.Ambiguous(1, 2, 0, 0.41, 1, 0.4)]
    figure = draw_ambiguous(np.zeros((1, 28, 28)), rows, ["zero", "one", "two"])
    assert figure.axes[0].texts[0].get_text().split() == ["zero", "(41", "%)", "or", "one", "(40", "%)", "is", "two"]
    figures.plt.close(figure)
