import json

import numpy as np
import pandas as pd
import pytest

from drawing import figures
from drawing.samples import draw_samples
from eda import add_up, count_labels, draw_distribution, draw_means, summarize

IMAGES = np.array([[[0, 1], [1, 0]], [[1, 1], [0, 0]], [[0, 0], [0, 51 / 255]]], np.float32)
LABELS = np.array([0, 0, 2], np.uint8)


def test_labels_are_counted_per_split():
    table = count_labels({"train": LABELS, "test": np.array([1], np.uint8)}, ["a", "b", "c"])
    assert (
        table.to_csv(index=False)
        == "split,digit,count\ntrain,a,2\ntrain,b,0\ntrain,c,1\ntest,a,0\ntest,b,1\ntest,c,0\n"
    )


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_images_are_added_up_per_digit_whatever_the_chunk(monkeypatch, chunk):
    monkeypatch.setattr("eda.CHUNK", chunk)
    sums, counts = add_up(IMAGES, LABELS, 3)
    assert sums.tolist() == [[[255, 510], [255, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 51]]]
    assert {level: n for level, n in enumerate(counts) if n} == {0: 7, 51: 1, 255: 4}


def test_the_summary_agrees_with_numpy():
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.float32) / np.float32(255)
    counts = add_up(images, np.zeros(20, np.uint8), 1)[1]
    summary = summarize({"train": np.zeros(20)}, counts)
    assert summary["images"] == {"train": 20}
    assert summary["train_pixels"]["mean"] == pytest.approx(images.astype(float).mean(), abs=1e-6)
    assert summary["train_pixels"]["standard_deviation"] == pytest.approx(images.astype(float).std(), abs=1e-6)


def test_every_digit_is_shown_even_a_rare_one():
    images = np.zeros((12, 28, 28), np.float32)
    figure = draw_samples(images, np.array([0] * 10 + [1] * 2), ["zero", "one"], 4)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["zero", "one"]
    tops = [image.xy[1] for image in axes.artists]
    assert tops == [tops[0]] * 4 + [tops[-1]] * 2
    assert tops[0] < axes.texts[0].get_position()[1] < tops[-1] < axes.texts[1].get_position()[1]
    figures.plt.close(figure)


def test_the_bars_are_shares_of_each_split():
    counts = pd.DataFrame(
        [
            ("train", "0", 3),
            ("train", "1", 1),
            ("test", "0", 1),
            ("test", "1", 1),
            ("validation", "0", 0),
            ("validation", "1", 2),
        ],
        columns=["split", "digit", "count"],
    )
    figure = draw_distribution(counts, "digit")
    heights = [[bar.get_width() for bar in container] for container in figure.axes[0].containers]
    assert heights == [[75, 25], [50, 50], [0, 100]]
    figures.plt.close(figure)


def test_mean_images_carry_their_digit_and_number():
    figure = draw_means(np.zeros((2, 28, 28)), ["0", "1"], np.array([1200, 7]), "digit")
    assert [text.get_text() for text in figure.axes[0].texts] == ["0\nn = 1,200", "1\nn = 7"]
    figures.plt.close(figure)


def test_the_stage_writes_its_summary(finished):
    summary = json.loads((finished / "reports/eda/summary.json").read_text())
    assert summary["images"] == {"train": 240, "validation": 60, "test": 60}
    counts = pd.read_csv(finished / "reports/eda/class_counts.csv")
    assert counts.groupby("split")["count"].sum().to_dict() == summary["images"]
