"""Pictures in an .npz as Keras and others publish them: x_train, y_train, x_test, y_test, numbers of any kind."""

import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from packing.pictures import Found, Picture, natural

NAMES = {  # of images and labels, by split, as different authors have it
    "train": [("x_train", "y_train"), ("train_images", "train_labels"), ("X_train", "Y_train")],
    "test": [("x_test", "y_test"), ("test_images", "test_labels"), ("X_test", "Y_test")],
}
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's


def find_arrays(path: Path, names: list[str] | None) -> Found:
    """List the images of an .npz; `names` are those of the classes, in the order of the sorted labels.

    Raises PipelineError, in words, when the arrays are not images and their labels.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise PipelineError(f"{path}: not an .npz of plain arrays ({' '.join(str(error).split())[:120]})") from None
    splits = {}
    for split, choices in NAMES.items():
        for x, y in choices:
            if x in arrays and y in arrays:
                splits[split] = grey(x, arrays[x]), flat(y, arrays[y])
                break
    if "train" not in splits:
        raise PipelineError(f"{path}: expected arrays x_train and y_train, found {', '.join(sorted(arrays)) or 'none'}")
    present = sorted({str(label) for _, labels in splits.values() for label in labels.tolist()}, key=natural)
    if names and len(names) != len(present):
        raise PipelineError(f"expected {len(present)} names, for the labels {', '.join(present)}, found {len(names)}")
    name_of = dict(zip(present, names or present, strict=True))
    found = Found([], [])
    for split, ((images, white), labels) in splits.items():
        if len(images) != len(labels):
            raise PipelineError(f"{split}: expected one label for each image, found {len(images)} and {len(labels)}")
        for i, label in enumerate(labels.tolist()):
            chosen = split if "test" in splits else None
            found.pictures.append(
                Picture(f"{split}[{i}]", chosen, name_of[str(label)], partial(levels, images, white, i))
            )
    return found


def flat(name: str, labels: np.ndarray) -> np.ndarray:
    """Return labels (n,), whole numbers or text, from (n,) or (n, 1). Raises PipelineError for any other."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        raise PipelineError(f"{name}: expected one label for each image, found {labels.shape[1]}: one-hot? Use argmax")
    if labels.ndim != 1 or labels.dtype.kind not in "iufUb":
        raise PipelineError(f"{name}: expected labels (n,) of numbers or text, found {labels.dtype} {labels.shape}")
    if labels.dtype.kind == "f":
        if not (np.isfinite(labels) & (labels == np.rint(labels))).all():
            raise PipelineError(f"{name}: expected whole numbers, found fractions")
        labels = labels.astype(np.int64)
    return labels


def grey(name: str, images: np.ndarray) -> tuple[np.ndarray, int]:
    """Return images (n, h, w) or (n, h, w, channels) as they are, and what white is; else raise PipelineError."""
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3, 4):
        images = images.transpose(0, 2, 3, 1)  # channels first, as PyTorch has them
    if images.dtype.kind not in "iufb" or not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3, 4))):
        raise PipelineError(
            f"{name}: expected images (n, height, width) or with 1, 3, 4 channels, found {images.dtype} {images.shape}"
        )
    if not images.size:
        raise PipelineError(f"{name}: expected at least one image, found {images.shape}")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):
        raise PipelineError(f"{name}: expected grey levels from 0 to 255 or from 0 to 1, found {low:g} to {high:g}")
    return images, 1 if images.dtype.kind in "fb" and high <= 1 else 255


def levels(images: np.ndarray, white: int, index: int) -> np.ndarray:
    """Return one image as grey levels (h, w) float32 from 0 to 255; what is transparent becomes black."""
    image = images[index].astype(np.float64) * (255 / white)
    if image.ndim == 3:
        alpha = image[..., 3:] / 255 if image.shape[2] == 4 else 1
        colour = image[..., :3] * alpha
        image = colour[..., 0] if colour.shape[2] == 1 else colour @ LUMA
    return image.astype(np.float32)
