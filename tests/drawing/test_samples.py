import numpy as np
import pandas as pd
import pytest

from drawing import figures, samples

NAMES = ["zero", "one", "two"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    figures.plt.close("all")


def titles(figure) -> list[str]:
    return [text.get_text().replace("\xa0", " ") for text in figure.axes[0].texts]


def test_every_class_is_shown_even_a_rare_one():
    figure = samples.draw_samples(np.zeros((12, 28, 28), np.float32), np.array([0] * 10 + [1] * 2), NAMES[:2], 4)
    (axes,) = figure.axes
    assert titles(figure) == ["zero", "one"]
    tops = [image.xy[1] for image in axes.artists]
    assert tops == [tops[0]] * 4 + [tops[-1]] * 2
    assert tops[0] < axes.texts[0].get_position()[1] < tops[-1] < axes.texts[1].get_position()[1]


def test_mistakes_and_ambiguous_images_show_the_answers_and_the_label():
    columns = ["actual", "predicted", "confidence", "runner_up", "runner_up_confidence"]
    mistakes = pd.DataFrame([(0, 2, 0.8), (2, 0, 0.99999)], columns=columns[:3])
    figure = samples.draw_mistakes(np.zeros((2, 28, 28)), mistakes, NAMES)
    assert titles(figure) == ["zero predicted\nas two\n80.00 %", "two predicted as\nzero\n> 99.99 %"]
    empty = samples.draw_mistakes(np.zeros((0, 28, 28)), pd.DataFrame(), ["0"])
    assert empty.get_suptitle() == "No mistakes on the test split"
    figure = samples.draw_ambiguous(np.zeros((1, 28, 28)), pd.DataFrame([(2, 0, 0.41, 1, 0.4)], columns=columns), NAMES)
    assert " ".join(titles(figure)[0].split()) == "zero (41 %) or one (40 %) is two"


def test_every_kind_of_augmentation_is_a_column_and_the_one_in_use_is_named():
    deformed = {"none": [np.zeros((2, 28, 28))], "shift": [np.full((2, 28, 28), 0.25), np.full((2, 28, 28), 0.5)]}
    figure = samples.draw_augmented(deformed, "shift")
    assert "trained with: shift)" in figure.get_suptitle()
    assert titles(figure) == ["none", "shift", "shift"]
    assert [box.offsetbox.get_data().mean() for box in figure.axes[0].artists] == [0, 0, 0.25, 0.25, 0.5, 0.5]
