import numpy as np
import pytest

from common.errors import PipelineError
from contracts import dataset

IMAGES = np.random.default_rng(0).random((5, 28, 28), np.float32)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


def test_what_was_saved_in_chunks_is_loaded(tmp_path):
    dataset.save(tmp_path, [IMAGES[:2], IMAGES[2:]], LABELS)
    split = dataset.load(tmp_path)
    np.testing.assert_array_equal(split.images, IMAGES)
    np.testing.assert_array_equal(split.labels, LABELS)
    assert isinstance(split.images, np.memmap)
    assert (split.images.dtype, split.labels.dtype) == (np.float32, np.uint8)


def test_the_chunks_do_not_show_in_the_bytes(tmp_path):
    dataset.save(tmp_path / "one", [IMAGES], LABELS)
    dataset.save(tmp_path / "many", list(IMAGES[:, None]), LABELS)
    np.save(tmp_path / "numpy.npy", IMAGES)
    expected = (tmp_path / "numpy.npy").read_bytes()
    assert (tmp_path / "one/images.npy").read_bytes() == (tmp_path / "many/images.npy").read_bytes() == expected


def test_a_wrong_number_of_images_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="4 images for 5 labels"):
        dataset.save(tmp_path / "split", [IMAGES[:4]], LABELS)
    assert list((tmp_path / "split").iterdir()) == []


def test_a_missing_split_names_the_stage(tmp_path):
    with pytest.raises(PipelineError, match=r"run `python stages/normalize\.py` first"):
        dataset.load(tmp_path / "train")


@pytest.mark.parametrize(
    ("name", "array", "found"),
    [
        ("images", IMAGES[:4], r"\(5, 28, 28\), found float32 \(4, 28, 28\)"),
        ("images", IMAGES.astype(float), r"float32 \(5, 28, 28\), found float64"),
        ("labels", LABELS.astype(int), r"uint8 \(5,\), found int64"),
    ],
)
def test_another_shape_or_dtype_is_an_error(tmp_path, name, array, found):
    dataset.save(tmp_path, [IMAGES], LABELS)
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(PipelineError, match=found):
        dataset.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"not an array", b"x" * 500])
def test_a_damaged_file_is_an_error(tmp_path, content):
    dataset.save(tmp_path, [IMAGES], LABELS)
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(PipelineError, match=r"images.npy is not a NumPy array"):
        dataset.load(tmp_path)
