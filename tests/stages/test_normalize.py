import numpy as np
import pytest

from common.errors import PipelineError
from fixtures import idx_bytes
from normalize import count_duplicates, digests, read_idx, read_published, stratified_split


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_every_idx_file_is_read_as_it_was_written(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    (tmp_path / "file").write_bytes(idx_bytes(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "file", array.ndim), array, strict=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        idx_bytes(np.zeros((2, 3))),
        idx_bytes(np.zeros((2, 3, 4)))[:-1],
        b"\0\0\x08\x03" + b"\xff" * 12,
        b"\0\0\x09\x03" + idx_bytes(np.zeros((2, 3, 4)))[4:],
        idx_bytes(np.zeros((0, 28, 28))),
    ],
)
def test_a_damaged_idx_file_is_an_error(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(PipelineError, match=f"expected an IDX file of .*, found {len(content)} bytes that begin with"):
        read_idx(tmp_path / "file", 3)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ((3, 28, 28), [0, 1], r"one label for each, found images \(3, 28, 28\) and 2 labels"),
        ((2, 28, 27), [0, 1], r"expected images of \(28, 28\) pixels .*, found images \(2, 28, 27\)"),
        ((2, 28, 28), [0, 10], "expected labels 0 to 9, .* found 10; for EMNIST"),
    ],
)
def test_images_and_labels_that_do_not_match_are_an_error(tmp_path, monkeypatch, images, labels, message):
    monkeypatch.setattr("normalize.RAW", tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros(images)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array(labels)))
    with pytest.raises(PipelineError, match=message):
        read_published("train", 10)


@pytest.mark.parametrize(
    ("counts", "fraction", "seed"),
    [([5, 40], 0.25, 0), ([30, 7, 19, 40, 8], 1 / 3, 7), ([20] * 10, 0.75, 2**31 - 1)],
)
def test_the_split_is_stratified_complete_and_seeded(counts, fraction, seed):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.uint8)
    names = [f"class {label}" for label in range(len(counts))]
    train, validation = stratified_split(labels, fraction, seed, names)
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    for label, count in enumerate(counts):
        assert abs((labels[validation] == label).sum() - count * fraction) <= 1.5
    np.testing.assert_array_equal(train, stratified_split(labels, fraction, seed, names)[0])
    if len(labels) > 100:
        assert train.tolist() != stratified_split(labels, fraction, seed ^ 1, names)[0].tolist()


@pytest.mark.parametrize(
    ("counts", "fraction", "message"),
    [
        ([100, 2], 0.2, "found 2 of 'moth' in all, too few to split by 0.2"),
        ([2, 100], 0.8, "found 2 of 'bee' in all"),
        ([1, 1], 0.5, "found 1 of 'bee', 1 of 'moth' in all"),
        ([5, 9], 0.01, "found 5 of 'bee' in all, too few to split by 0.01"),
    ],
)
def test_the_error_names_a_class_too_rare_for_both_splits(counts, fraction, message):
    labels = np.repeat(np.arange(len(counts)), counts)
    with pytest.raises(PipelineError, match=message):
        stratified_split(labels, fraction, 0, ["bee", "moth"])


def test_a_class_without_images_is_allowed():
    train, validation = stratified_split(np.repeat([1, 2], 10), 0.2, 0, ["none", "bee", "moth"])
    assert (len(train), len(validation)) == (16, 4)


def test_images_that_occur_in_two_splits_are_counted():
    a, b, c, d = np.eye(4, dtype=np.uint8).reshape(4, 2, 2)
    splits = [digests(np.stack(images)) for images in ([a, a, b], [b, c], [a, a, c, d])]
    assert count_duplicates(*splits) == {
        "test_images_in_train": 2,
        "test_images_in_validation": 1,
        "validation_images_in_train": 1,
    }
