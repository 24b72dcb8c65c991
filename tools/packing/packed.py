"""The data set that pictures become: images, labels, classes and splits, and what to tell about them."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from common.errors import PipelineError
from packing.pictures import SPLITS, Found, Picture, Refused, natural

MOST_CLASSES = 256  # a label is one byte
FEWEST = 2  # training pictures of a class: one to train on, one for validation


class Packed(NamedTuple):
    names: list[str]  # of the classes
    images: dict[str, np.ndarray]  # by split, (n, 28, 28) uint8
    labels: dict[str, np.ndarray]  # by split, (n,) uint8
    files: dict[str, list[str]]  # by split, the name of each picture
    refused: list[Refused]


def pack(
    found: Found, convert: Callable[[np.ndarray], np.ndarray], share: float, seed: int, bar: Callable[[list], Iterable]
) -> Packed:
    """Load and convert every picture; draw the test split, a `share` of each class, where none is stated.

    bar: wraps the list of pictures to show progress. Raises PipelineError when they cannot be a data set.
    """
    refused, kept, images = list(found.refused), [], []
    for picture in bar(found.pictures):
        try:
            image = convert(picture.load())
        except PipelineError as error:
            refused.append(Refused(picture.name, str(error)))
        else:
            kept.append(picture)
            images.append(image)
    names = class_names(kept, refused)
    if any(picture.split == "test" for picture in kept):
        splits = [picture.split or "train" for picture in kept]
    else:
        splits = draw_splits([image.tobytes() for image in images], [p.label for p in kept], share, seed)
    require_enough(names, splits, kept)
    order = sorted(range(len(kept)), key=lambda i: names.index(kept[i].label))  # stable: by name within a class
    rows = {split: [i for i in order if splits[i] == split] for split in SPLITS}
    return Packed(
        names,
        {split: np.array([images[i] for i in chosen], np.uint8) for split, chosen in rows.items()},
        {split: np.array([names.index(kept[i].label) for i in chosen], np.uint8) for split, chosen in rows.items()},
        {split: [kept[i].name for i in chosen] for split, chosen in rows.items()},
        refused,
    )


def class_names(kept: list[Picture], refused: list[Refused]) -> list[str]:
    """Return the names of the classes that have pictures. Raises PipelineError when there are too few or too many."""
    names = sorted({picture.label for picture in kept}, key=natural)
    if not 2 <= len(names) <= MOST_CLASSES:
        raise PipelineError(
            f"expected 2 to {MOST_CLASSES} classes with pictures, found {len(names)}"
            + (f" ({names[0]})" if names else "")
            + (f"; first of {len(refused)} refused: {refused[0].name}: {refused[0].reason}" if refused else "")
        )
    for name in names:
        if not name.isprintable() or not name.strip():
            raise PipelineError(f"expected a class name of visible characters, found {name!r}")
    return names


def draw_splits(contents: list[bytes], labels: list[str], share: float, seed: int) -> list[str]:
    """Return the split of each picture: of each class about `share` is for testing, at least one if there are three.

    Equal pictures, whatever their class, go together, because one in both splits would be known at the test.
    """
    splits, random = ["train"] * len(labels), np.random.default_rng(seed)
    groups: dict[bytes, list[int]] = {}
    for i, content in enumerate(contents):
        groups.setdefault(content, []).append(i)
    of_class: dict[str, list[list[int]]] = {}
    for group in groups.values():
        of_class.setdefault(labels[group[0]], []).append(group)
    for label in sorted(of_class, key=natural):
        several, images = of_class[label], sum(map(len, of_class[label]))
        wanted = max(round(share * images), 1 if images > FEWEST else 0)
        for place in random.permutation(len(several)):
            if wanted >= len(several[place]):
                wanted -= len(several[place])
                for i in several[place]:
                    splits[i] = "test"
    return splits


def require_enough(names: list[str], splits: list[str], kept: list[Picture]) -> None:
    """Raise PipelineError when a class cannot be trained on, or nothing can be tested."""
    counts = Counter((picture.label, split) for picture, split in zip(kept, splits, strict=True))
    for name in names:
        if counts[name, "train"] < FEWEST:
            raise PipelineError(
                f"{name}: expected at least {FEWEST} training pictures, found {counts[name, 'train']} (and "
                f"{counts[name, 'test']} for testing); add some, or take the class out"
            )
    if not any(split == "test" for split in splits):
        raise PipelineError("expected at least one picture for testing, found none: raise --test-share or add pictures")


def repeated(packed: Packed) -> tuple[np.ndarray, int, int]:
    """Count pictures that are equal, pixel for pixel, to an earlier one: each is counted once.

    Returns how many of each class (classes,), how many of the test pictures also are in train, and how many different
    pictures have more than one class.
    """
    counts = np.zeros(len(packed.names), np.int64)
    first: dict[bytes, int] = {}
    labels: dict[bytes, set[int]] = {}
    in_train: set[bytes] = set()
    leaked = 0
    for split in SPLITS:
        for image, label in zip(packed.images[split], packed.labels[split].tolist(), strict=True):
            content = image.tobytes()
            counts[label] += content in first
            leaked += split == "test" and content in in_train
            first.setdefault(content, label)
            labels.setdefault(content, set()).add(label)
            if split == "train":
                in_train.add(content)
    return counts, leaked, sum(len(found) > 1 for found in labels.values())


def table(packed: Packed) -> list[str]:
    """Return a line for each class: its pictures for training and testing, and how many repeat an earlier one."""
    counts = [np.bincount(packed.labels[split], minlength=len(packed.names)).tolist() for split in SPLITS]
    again, rows = repeated(packed)[0], [("class", "train", "test", "repeated")]
    rows += [(name, f"{a:,}", f"{b:,}", f"{c:,}") for name, a, b, c in zip(packed.names, *counts, again, strict=True)]
    rows.append(("all", f"{sum(counts[0]):,}", f"{sum(counts[1]):,}", f"{again.sum():,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
