import json

import numpy as np
import pytest

from eda import add_up, count_labels, summarize

IMAGES = np.array([[[0, 1], [1, 0]], [[1, 1], [0, 0]], [[0, 0], [0, 51 / 255]]], np.float32)
LABELS = np.array([0, 0, 2], np.uint8)


def test_labels_are_counted_per_split():
    table = count_labels({"train": LABELS, "test": np.array([1], np.uint8)}, ["a", "b", "c"])
    lines = ["split,digit,count", "train,a,2", "train,b,0", "train,c,1", "test,a,0", "test,b,1", "test,c,0"]
    assert table.to_csv(index=False).split() == lines


@pytest.mark.parametrize("chunk", [1, 2])
def test_images_are_added_up_per_digit_whatever_the_chunk(monkeypatch, chunk):
    monkeypatch.setattr("eda.dataset.CHUNK", chunk)
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


def test_the_stage_counts_the_images_of_the_three_splits(finished):
    summary = json.loads((finished / "reports/eda/summary.json").read_text())
    assert summary["images"] == {"train": 240, "validation": 60, "test": 60}
