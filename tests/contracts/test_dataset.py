import numpy as np
import pytest

from common.errors import PipelineError
from contracts import dataset

GREY = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
IMAGES = GREY / np.float32(255)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


@pytest.mark.parametrize("chunk", [2, 5])
def test_the_images_at_the_index_are_saved_as_fractions_whatever_the_chunk(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(dataset, "CHUNK", chunk)
    index = np.array([3, 0, 4])
    dataset.save(tmp_path, np.asfortranarray(GREY), LABELS, index)
    split = dataset.load(tmp_path)
    np.testing.assert_array_equal(split.images, IMAGES[index])
    np.testing.assert_array_equal(split.labels, LABELS[index])
    assert isinstance(split.images, np.memmap)
    np.save(tmp_path / "numpy.npy", IMAGES[index])
    assert (tmp_path / "images.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


@pytest.mark.parametrize(
    ("name", "array", "found"),
    [
        ("images", IMAGES[:4], r"\(5, 28, 28\) and uint8 \(5,\), found float32 \(4, 28, 28\) and"),
        ("images", IMAGES.astype(float), "found float64"),
        ("labels", LABELS.astype(int), r"found float32 \(5, 28, 28\) and int64"),
    ],
)
def test_another_shape_or_dtype_is_an_error(tmp_path, name, array, found):
    dataset.save(tmp_path, GREY, LABELS, np.arange(5))
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(PipelineError, match=found):
        dataset.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array"])
def test_a_damaged_file_is_an_error(tmp_path, content):
    dataset.save(tmp_path, GREY, LABELS, np.arange(5))
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(PipelineError, match=r"images.npy cannot be read"):
        dataset.load(tmp_path)


def test_grey_levels_are_those_that_were_divided_by_255():
    grey = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(dataset.grey_levels(grey / np.float32(255)), grey)
