"""Turn pictures into the images, classes and splits of a data set, in MNIST's format."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage
from tqdm import tqdm

from common import params
from common.errors import PipelineError
from contracts.dataset import SHAPE
from packing.find import Found
from pictures.files import natural
from pictures.ink import find_ink, is_bimodal, prepare

FEWEST = 2  # training pictures of a class: one to train on, one for validation
FLAT = 8  # grey levels of 255: less contrast is noise
THIN = 0.35  # width of strokes over the longer side; MNIST has 0.2, bold letters 0.3, silhouettes 0.8


class Packed(NamedTuple):
    """Images in the order of their classes, then of their names."""

    names: list[str]  # of the classes
    images: np.ndarray  # (n, 28, 28) uint8
    labels: np.ndarray  # (n,) uint8
    splits: np.ndarray  # (n,) `train` or `test`
    refused: list[tuple[str, str]]  # name and reason


def converter(form: str, background: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that prepares pictures, given `about.form` and `about.background` of params.yaml."""
    return as_ink if form == "strokes" else partial(as_photo, background=background)


def as_ink(grey: np.ndarray) -> np.ndarray:
    """Return a picture's ink, (h, w) from 0 to 255, prepared as MNIST was: (28, 28) uint8; raises as `prepare`."""
    return np.rint(prepare(grey) * 255).astype(np.uint8)


def as_photo(grey: np.ndarray, background: str) -> np.ndarray:
    """Return the whole picture, (h, w) from 0 to 255, scaled to fit (28, 28) uint8, on a dark background like MNIST's.

    background: `light` is inverted, `either` if its edge is light. Raises PipelineError when the picture shows nothing.
    """
    levels = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
    whole = Image.fromarray(levels)
    image = np.asarray(ImageOps.pad(whole, SHAPE, Image.Resampling.BILINEAR, color=edge(levels)))
    if np.ptp(image) < FLAT:
        raise PipelineError(f"the same grey level everywhere ({image.min()} to {image.max()} of 255)")
    is_light = background == "light" or (background == "either" and edge(levels) > 127)
    return 255 - image if is_light else image


def edge(grey: np.ndarray) -> int:
    """Return the median grey level of the outermost pixels, which are background in most pictures."""
    return int(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def is_ink(grey: np.ndarray) -> bool:
    """Return whether a picture, (h, w) from 0 to 255, shows thin strokes on plain paper."""
    ink = find_ink(grey) > 0.5
    if not ink.any():
        return False
    (box,) = ndimage.find_objects(ink.astype(int))
    width = 2 * ndimage.distance_transform_edt(np.pad(ink[box], 1)).max()
    return bool(width <= THIN * max(ink[box].shape) and is_bimodal(grey[box], ink[box]))


def pack(found: Found, convert: Callable[[np.ndarray], np.ndarray], share: float, seed: int) -> Packed:
    """Load and convert all pictures; draw the test split, a `share` of each class, unless they have splits."""
    refused, kept, converted = list(found.refused), [], []
    for picture in tqdm(found.pictures, unit="picture", leave=False, disable=None):
        try:
            converted.append(convert(picture.load()))
            kept.append(picture)
        except PipelineError as error:
            refused.append((picture.name, str(error)))
    names = sorted({picture.label for picture in kept}, key=natural)
    if len(names) < 2:
        first = f"; first of {len(refused)} refused: {': '.join(refused[0])}" if refused else ""
        raise PipelineError(f"expected at least 2 classes with pictures, found {names[0] if names else 'none'}{first}")
    params.validate(params.Dataset, {"dataset": {"class_names": names}})
    labels = np.array([names.index(picture.label) for picture in kept], np.uint8)
    order = np.argsort(labels, kind="stable")
    images, labels = np.array(converted)[order], labels[order]
    splits = np.array([kept[i].split or "" for i in order])
    if "test" not in splits:
        splits = draw_splits(images, labels, share, seed)
    counts = np.bincount(labels[splits == "train"], minlength=len(names))
    for name, count in zip(names, counts, strict=True):
        if count < FEWEST:
            raise PipelineError(
                f"{name}: expected at least {FEWEST} training pictures, found {count}: add some, or take the class out"
            )
    if "test" not in splits:
        raise PipelineError("expected at least one picture for testing, found none: raise --test-share or add pictures")
    return Packed(names, images, labels, splits, refused)


def draw_splits(images: np.ndarray, labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return the split of each image: about `share` of each class is test, at least one image of three or more.

    Equal images go to the same split, whatever their class: otherwise training would see images of the test.
    """
    splits, random = np.full(len(labels), "train"), np.random.default_rng(seed)
    groups: dict[bytes, list[int]] = {}
    for i, image in enumerate(images):
        groups.setdefault(image.tobytes(), []).append(i)
    for label in np.unique(labels):
        own = [group for group in groups.values() if labels[group[0]] == label]
        count = sum(map(len, own))
        wanted = max(round(share * count), 1 if count > FEWEST else 0)
        for place in random.permutation(len(own)):
            if len(own[place]) <= wanted:
                wanted -= len(own[place])
                splits[own[place]] = "test"
    return splits
