"""Reading digits on paper, from the picture to what is printed."""

import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from common.errors import PipelineError
from contracts import reader as contract
from fixtures import PROJECT
from reader import read
from reader.reading.network import Answer, Network, answer


def drawn(*strokes: tuple, size: tuple = (60, 80)) -> np.ndarray:
    """Black strokes 6 pixels wide on white: (h, w) float32."""
    image = Image.new("L", size, 255)
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, fill=0, width=6)
    return np.asarray(image, np.float32)


ANY = Network(list("0123456789"), [(np.zeros((784, 11)), np.zeros(11))], 0.9)  # eleven equal probabilities


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Answer("7", 0.991, "9", 0.004, 0.0, True), "7 (99.1 %; then 9, 0.4 %)"),
        (Answer("7", 0.6, "9", 0.3, 0.1, False), "not sure, perhaps 7 (60.0 %; then 9, 30.0 %)"),
        (Answer("4", 0.001, "9", 0.0, 0.999, False), "no digit (99.9 %; then 4, 0.1 %)"),
    ],
)
def test_an_answer_is_a_digit_a_doubt_or_no_digit(found, text):
    assert read.describe(found) == text


def test_the_answer_is_the_most_probable_digit_and_never_sure_of_another_shape():
    network = Network(["a", "b", "c"], [], 0.9)
    assert answer(np.array([0.05, 0.6, 0.25, 0.1]), network, True) == ("b", 0.6, "c", 0.25, 0.1, False)
    assert answer(np.array([0.05, 0.1, 0.05, 0.8]), network, True) == ("b", 0.1, "c", 0.05, 0.8, False)
    assert answer(np.array([0.01, 0.95, 0.04, 0]), network, True).sure
    assert not answer(np.array([0.01, 0.95, 0.04, 0]), network, False).sure


def test_many_digits_are_read_and_a_texture_is_refused(monkeypatch):
    many = drawn(
        *[((20 * x + 10, 40 * y + 8), (20 * x + 10, 40 * y + 32)) for x in range(30) for y in range(7)], size=(610, 290)
    )
    assert len(read.read(many, ANY).answers) == 210
    monkeypatch.setattr(read, "MOST", 200)
    with pytest.raises(PipelineError, match="expected at most 200 digits, found 210 pieces of ink: a texture"):
        read.read(many, ANY)


def test_a_spiral_is_answered_without_numpy_types():
    turns = np.linspace(0, 19, 120)
    spiral = drawn([(60 + 2.5 * t * np.cos(t), 60 + 2.5 * t * np.sin(t)) for t in turns], size=(120, 120))
    (row,) = read.read(spiral, ANY).answers
    assert row["sure"] is False


def test_a_drawn_seven_is_recognised(tmp_path, monkeypatch, capsys):
    if not (PROJECT / contract.PATH).exists():
        pytest.skip(f"no {contract.PATH}: run dvc repro")
    Image.fromarray(drawn([(12, 12), (48, 12), (26, 70)]).astype(np.uint8)).save(tmp_path / "seven.png")
    monkeypatch.setattr(sys, "argv", ["read.py", str(tmp_path / "seven.png")])
    with pytest.raises(SystemExit) as end:
        read.main()
    assert end.value.code == 0
    assert "seven.png: 7 (" in capsys.readouterr().out
