"""Turn the published IDX files into float32 arrays in [0, 1] and split training from validation, stratified by label.

Reads  data/raw.
Writes data/normalized/{train,validation,test}/{images,labels}.npy and reports/normalize/duplicates.json.
"""

import common.interrupts  # noqa: F401

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from common import params
from common.errors import PipelineError
from common.files import require, save_json
from common.lock import run_stage
from common.params import Dataset, Normalize
from contracts import dataset

RAW = Path("data/raw")
REPORT = Path("reports/normalize/duplicates.json")
UNSIGNED_BYTE = 0x08  # the type code of IDX


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Memory-map an IDX file of unsigned bytes; the array is (n,) or (n, rows, columns) uint8.

    Format: two zero bytes, the type code, the number of dimensions, each of them as a big-endian 32-bit integer, data.
    Raises PipelineError when the header is wrong, or the file is shorter or longer than its dimensions.
    """
    start = 4 + 4 * dimensions  # bytes of the header
    with require(path, "download").open("rb") as file:
        header = file.read(start).ljust(start, b"\0")
    shape, size = tuple(np.frombuffer(header, ">u4", offset=4).tolist()), path.stat().st_size
    if header[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]) or size != start + math.prod(shape) or 0 in shape:
        raise PipelineError(
            f"{path}: expected an IDX file of unsigned bytes in {dimensions} dimensions, found {size:,} bytes that "
            f"begin with {header[:4].hex()} and dimensions {shape}"
        )
    return np.memmap(path, np.uint8, "r", offset=start, shape=shape)


def read_published(name: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images (n, 28, 28) uint8 and labels (n,) uint8 of a published set; `name` is `train` or `t10k`.

    Raises PipelineError when their shapes are wrong, or a label is not below `classes`.
    """
    images = read_idx(RAW / f"{name}-images-idx3-ubyte", 3)
    labels = read_idx(RAW / f"{name}-labels-idx1-ubyte", 1)
    if images.shape[1:] != dataset.SHAPE or len(images) != len(labels):
        raise PipelineError(
            f"{name}: expected images of {dataset.SHAPE} pixels and one label for each, found images {images.shape} "
            f"and {len(labels)} labels"
        )
    if labels.max() >= classes:
        raise PipelineError(
            f"{name}: expected labels 0 to {classes - 1}, as dataset.class_names has {classes}, found {labels.max()}; "
            "for EMNIST, with labels from 1 and images on their side, see docs/your-data.md"
        )
    return images, labels


def stratified_split(
    labels: np.ndarray, validation_fraction: float, seed: int, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted indices of the training and the validation images, stratified by label.

    Raises PipelineError that names the classes with too few images for both splits.
    """
    counts = np.bincount(labels, minlength=len(names))
    try:
        train, validation = train_test_split(
            np.arange(len(labels)), test_size=validation_fraction, stratify=labels, random_state=seed
        )
        in_train, in_validation = (np.bincount(labels[split], minlength=len(names)) for split in (train, validation))
        rare = (counts > 0) & ((in_train == 0) | (in_validation == 0))
    except ValueError:  # a class has one image, or a split would have fewer images than there are classes
        rare = counts == counts[counts > 0].min()
    if rare.any():
        found = ", ".join(f"{counts[label]} of {names[label]!r}" for label in np.flatnonzero(rare).tolist())
        raise PipelineError(
            "normalize.validation_fraction: expected images of every class in training and in validation, found "
            f"{found} in all, too few to split by {validation_fraction}: add images or leave the class out"
        )
    return np.sort(train), np.sort(validation)


def digests(images: np.ndarray) -> np.ndarray:
    """Return a 64-bit hash of each image, (n,) int64."""
    return np.array([hash(image.tobytes()) for image in np.asarray(images)])


def count_duplicates(train: np.ndarray, validation: np.ndarray, test: np.ndarray) -> dict[str, int]:
    """Count the images of one split that another also has, pixel for pixel. The arguments are digests."""
    return {
        "test_images_in_train": int(np.isin(test, train).sum()),
        "test_images_in_validation": int(np.isin(test, validation).sum()),
        "validation_images_in_train": int(np.isin(validation, train).sum()),
    }


def main() -> None:
    settings = params.load(Normalize)
    names = params.load(Dataset).class_names
    images, labels = read_published("train", len(names))
    test_images, test_labels = read_published("t10k", len(names))
    train, validation = stratified_split(labels, settings.validation_fraction, settings.seed, names)
    test = np.arange(len(test_labels))
    published = digests(images)
    duplicates = count_duplicates(published[train], published[validation], digests(test_images))

    dataset.save(dataset.FOLDER / "train", images, labels, train)
    dataset.save(dataset.FOLDER / "validation", images, labels, validation)
    dataset.save(dataset.FOLDER / "test", test_images, test_labels, test)
    save_json(REPORT, duplicates)
    print(
        f"normalize: {len(train):,} training, {len(validation):,} validation, {len(test):,} test images; "
        f"{sum(duplicates.values())} images of one split are also in another"
    )


if __name__ == "__main__":
    run_stage(main)
