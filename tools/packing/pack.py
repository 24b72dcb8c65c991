"""Turn pictures into the images, classes and splits of a data set, in MNIST's format."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from common import params
from common.errors import PipelineError
from contracts.dataset import SHAPE
from packing.find import Found, Picture, Refused
from pictures.files import natural
from pictures.ink import find_ink, prepare

FEWEST = 2  # training pictures of a class: one to train on, one for validation
FLAT = 8  # grey levels of 255: less contrast is noise
THIN = 0.35  # width of strokes over the longer side; MNIST has 0.2, bold letters 0.3, silhouettes 0.8
CLEAR = 0.7  # of the variance is between ink and paper; MNIST has 0.9, photos 0.4
SAMPLED, AGREEING = 30, 0.8  # pictures to look at; the share of them that has to be ink. Fashion-MNIST has 0.3


class Packed(NamedTuple):
    """Images in the order of their classes, then of their names."""

    names: list[str]  # of the classes
    images: np.ndarray  # (n, 28, 28) uint8
    labels: np.ndarray  # (n,) uint8
    splits: np.ndarray  # (n,) `train` or `test`
    refused: list[Refused]


def as_ink(grey: np.ndarray) -> np.ndarray:
    """Return the ink of a picture, (h, w) from 0 to 255, prepared as MNIST was: (28, 28) uint8.

    Raises PipelineError when there is no ink.
    """
    image = prepare(grey)
    if image is None:
        raise PipelineError("no ink found")
    return np.rint(image * 255).astype(np.uint8)


def as_photo(grey: np.ndarray) -> np.ndarray:
    """Return the whole picture, (h, w) from 0 to 255, scaled to fit (28, 28) uint8, on its own background.

    Raises PipelineError when it shows nothing.
    """
    levels = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
    if np.ptp(levels) < FLAT:
        raise PipelineError(f"the same grey level everywhere ({levels.min()} to {levels.max()} of 255)")
    height, width = (max(1, int(side * SHAPE[0] / max(levels.shape) + 0.5)) for side in levels.shape)
    small = np.asarray(Image.fromarray(levels).resize((width, height), Image.Resampling.BILINEAR))
    top, left = (SHAPE[0] - height) // 2, (SHAPE[1] - width) // 2
    image = np.full(SHAPE, edge(levels), np.uint8)
    image[top : top + height, left : left + width] = small
    return image


def edge(grey: np.ndarray) -> int:
    """Return the median grey level of the outermost pixels, which are background in most pictures."""
    outermost = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return int(np.sort(outermost)[outermost.size // 2])


def is_light(images: np.ndarray) -> bool:
    """Return whether most images, (n, 28, 28) uint8, have a light background. MNIST's is dark."""
    return bool(np.median([edge(image) for image in images]) > 127)


def is_ink(grey: np.ndarray) -> bool:
    """Return whether a picture, (h, w) from 0 to 255, shows thin strokes on plain paper."""
    ink = find_ink(grey) > 0.5
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return False
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ink, levels = ink[box], grey[box].astype(np.float64)
    if ink.all() or 2 * distance_transform_edt(np.pad(ink, 1)).max() > THIN * max(ink.shape):
        return False
    share = ink.mean()
    between = share * (1 - share) * (levels[ink].mean() - levels[~ink].mean()) ** 2
    return bool(between > CLEAR * levels.var())


def count_ink(pictures: list[Picture]) -> tuple[int, int]:
    """Return how many of a sample of the pictures are ink, and how many pictures of the sample could be read."""
    found = []
    for picture in pictures[:: max(1, len(pictures) // SAMPLED)]:
        try:
            found.append(is_ink(picture.load()))
        except PipelineError:
            continue  # `pack` reports it
    return sum(found), len(found)


def pack(
    found: Found, convert: Callable[[np.ndarray], np.ndarray], share: float, seed: int, bar: Callable[[list], Iterable]
) -> Packed:
    """Load and convert every picture; draw the test split, a `share` of each class, unless the pictures have splits.

    bar: wraps the list of pictures to show progress. Raises PipelineError when they cannot be a data set.
    """
    refused, kept, images = list(found.refused), [], []
    for picture in bar(found.pictures):
        try:
            images.append(convert(picture.load()))
            kept.append(picture)
        except PipelineError as error:
            refused.append(Refused(picture.name, str(error)))
    names = sorted({picture.label for picture in kept}, key=natural)
    if len(names) < 2:
        raise PipelineError(
            f"expected at least 2 classes with pictures, found {names[0] if names else 'none'}"
            + (f"; first of {len(refused)} refused: {refused[0].name}: {refused[0].reason}" if refused else "")
        )
    params.validate(params.Dataset, {"dataset": {"class_names": names}})
    labels = np.array([names.index(picture.label) for picture in kept], np.uint8)
    order = np.argsort(labels, kind="stable")
    if any(picture.split == "test" for picture in kept):
        splits = np.array([picture.split or "train" for picture in kept])
    else:
        splits = draw_splits([image.tobytes() for image in images], labels, share, seed)
    packed = Packed(names, np.array(images, np.uint8)[order], labels[order], splits[order], refused)
    require_enough(packed)
    return packed


def draw_splits(contents: list[bytes], labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return the split of each picture: about `share` of each class is test, at least one picture of three or more.

    Equal pictures go to the same split, whatever their class: otherwise training would see pictures of the test.
    """
    splits, random = np.full(len(labels), "train"), np.random.default_rng(seed)
    groups: dict[bytes, list[int]] = {}
    for i, content in enumerate(contents):
        groups.setdefault(content, []).append(i)
    owners = labels[[group[0] for group in groups.values()]]
    for label in np.unique(labels):
        several = [group for group, owner in zip(groups.values(), owners, strict=True) if owner == label]
        images = sum(map(len, several))
        wanted = max(round(share * images), 1 if images > FEWEST else 0)
        for place in random.permutation(len(several)):
            if wanted >= len(several[place]):
                wanted -= len(several[place])
                splits[several[place]] = "test"
    return splits


def require_enough(packed: Packed) -> None:
    """Raise PipelineError when a class cannot be trained on, or nothing can be tested."""
    for label, name in enumerate(packed.names):
        here = packed.splits[packed.labels == label].tolist()
        if here.count("train") < FEWEST:
            raise PipelineError(
                f"{name}: expected at least {FEWEST} training pictures, found {here.count('train')} (and "
                f"{here.count('test')} for testing); add some, or take the class out"
            )
    if "test" not in packed.splits:
        raise PipelineError("expected at least one picture for testing, found none: raise --test-share or add pictures")
