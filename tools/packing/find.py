"""Find the pictures of a data set, each with its class and split: in folders, or in the arrays of an .npz file."""

import re
import unicodedata
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from common.errors import PipelineError
from pictures.files import natural, walk
from pictures.image import grey_levels, read_image

SPLIT = re.compile(r"(train|test|val)(ing|id|idation)?([ _-]?(set|data|images))?", re.IGNORECASE)
ARRAY = re.compile(r"(?:(x|images?|y|labels?)_)?(train|test|val)(?:ing|id|idation)?(?:_(x|images?|y|labels?))?", re.I)


class Picture(NamedTuple):
    name: str  # the path of the file, or the place in the array
    split: str | None  # `train`, `test`, or None: still to be drawn
    label: str  # the name of its class
    load: Callable[[], np.ndarray]  # grey levels (h, w) from 0 to 255; raises PipelineError


class Found(NamedTuple):
    pictures: list[Picture]
    refused: list[tuple[str, str]]  # name and reason


def uses(splits: Collection[str]) -> dict[str, str | None]:
    """Map the given splits, of train, test and val, to `train`, `test` or None: to be drawn. Report on `val`."""
    if "test" not in splits and "val" not in splits:
        return {"train": None}
    if "val" in splits:
        joined = "added to train, from which the pipeline draws its own validation split"
        print(f"val: {joined if 'test' in splits else 'used as the test split, because there is no other'}")
    return {"train": "train", "val": "train" if "test" in splits else "test", "test": "test"}


def find_pictures(root: Path) -> Found:
    """List the pictures in FOLDER/<split>/<class>/* or FOLDER/<class>/*, in an order that depends on names alone."""
    if not root.is_dir():
        raise PipelineError(f"{root}: expected a folder of pictures or an .npz file")
    files = [(path, path.relative_to(root), reason) for path, reason in walk(root)]
    outer = {name.parts[0] for _, name, _ in files if len(name.parts) > 2}
    splits = {folder: match[1].lower() for folder in outer if (match := SPLIT.fullmatch(folder))}
    if "train" not in splits.values():  # then these are names of classes
        splits = {}
    use, found = uses(splits.values()), Found([], [])
    for path, name, reason in files:
        folders, split = name.parts[:-1], None
        if splits and not reason:
            reason = "" if folders and folders[0] in splits else "beside the folders of the splits"
            split = None if reason else use[splits[folders[0]]]
            folders = folders[1:]
        if reason or not folders:
            found.refused.append((name.as_posix(), reason or "in no class folder"))
        else:
            label = unicodedata.normalize("NFC", folders[0]).strip()
            found.pictures.append(Picture(name.as_posix(), split, label, partial(read_image, str(path))))
    return found


def find_arrays(path: Path, class_names: list[str] | None) -> Found:
    """List the images of an .npz file; `class_names` are in the order of the sorted labels. Raises PipelineError."""
    arrays: dict[str, np.ndarray] = {}  # by role: x_train, y_train ...
    found = Found([], [])
    try:
        with np.load(path, allow_pickle=False) as archive:
            keys = sorted(archive.files)
            for key in keys:
                match = ARRAY.fullmatch(key)
                kind = (match[1] or match[3] or "")[:1].lower() if match else ""
                role = f"{'x' if kind in 'xi' else 'y'}_{match[2].lower()}" if match else ""
                if kind and role not in arrays:
                    arrays[role] = archive[key]
                else:
                    found.refused.append((key, "not read: neither the images nor the labels of a split"))
    except Exception as error:  # a damaged or forged file ends in any exception
        raise PipelineError(f"{path}: not an .npz of plain arrays ({' '.join(str(error).split())[:120]})") from None
    splits = [split for split in ("train", "val", "test") if {f"x_{split}", f"y_{split}"} & arrays.keys()]
    if missing := {f"{kind}_{split}" for split in {"train", *splits} for kind in "xy"} - arrays.keys():
        raise PipelineError(f"{path}: expected {', '.join(sorted(missing))}, found {', '.join(keys) or 'no arrays'}")
    use = uses(splits)
    labels = {split: as_text(f"y_{split}", arrays[f"y_{split}"], len(arrays[f"x_{split}"])) for split in splits}
    present = sorted({label for split in splits for label in labels[split]}, key=natural)
    if class_names and len(class_names) != len(present):
        raise PipelineError(
            f"expected {len(present)} names, for the labels {', '.join(present)}, found {len(class_names)}"
        )
    name_of = dict(zip(present, class_names or present, strict=True))
    for split in splits:
        images = as_levels(f"x_{split}", arrays[f"x_{split}"])
        for i, (image, label) in enumerate(zip(images, labels[split], strict=True)):
            load = partial(lambda levels: grey_levels(Image.fromarray(levels)), image)
            found.pictures.append(Picture(f"{split}[{i}]", use[split], name_of[label], load))
    return found


def as_text(name: str, labels: np.ndarray, images: int) -> list[str]:
    """Return labels, (n,), (n, 1) or one-hot (n, classes), of n images as text. Raises PipelineError for others."""
    shape = labels.shape
    if labels.ndim == 2 and labels.shape[1] > 1 and (np.count_nonzero(labels, axis=1) == 1).all():
        labels = labels.argmax(axis=1)
    if labels.dtype.kind == "f" and (labels % 1 == 0).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iuUb" or labels.shape[:1] != (labels.size,) or labels.size != images:
        raise PipelineError(
            f"{name}: expected one label for each of {images} images, a whole number or text: (n,), (n, 1) or one-hot "
            f"(n, classes), found {labels.dtype} {shape}"
        )
    return [str(label) for label in labels.ravel().tolist()]


def as_levels(name: str, images: np.ndarray) -> np.ndarray:
    """Return images, (n, h, w) or (n, h, w, channels) from 0 to 1 or 255, as uint8. Raises PipelineError for others."""
    numbers = images.size and images.dtype.kind in "iufb" and images.ndim > 2
    if not (numbers and images.shape[3:] in [(), (1,), (3,), (4,)] and images.min() >= 0 and images.max() <= 255):
        raise PipelineError(
            f"{name}: expected images (n, height, width), also with 1, 3 or 4 channels, with levels from 0 to 255 or "
            f"from 0 to 1, found {images.dtype} {images.shape}"
        )
    if images.dtype.kind in "fb" and images.max() <= 1:
        images = images.astype(np.float32) * 255
    levels = np.rint(images).astype(np.uint8)
    return levels[..., 0] if levels.shape[3:] == (1,) else levels
