"""Find the pictures of a data set, each with its class and split: in folders, or in the arrays of an .npz file."""

import re
import unicodedata
import zipfile
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from common.errors import PipelineError
from pictures.files import natural, read_content, walk
from pictures.image import grey_levels, read_image

SPLIT = re.compile(r"(train|test|val)(ing|id|idation)?([ _-]?(set|data|images))?", re.IGNORECASE)
ARRAY = re.compile(r"(?:(x|images?|y|labels?)_)?(train|test|val)(?:ing|id|idation)?(?:_(x|images?|y|labels?))?", re.I)


class Picture(NamedTuple):
    name: str  # of the file, or its place in an array
    split: str | None  # `train`, `test`, or None: to be drawn
    label: str  # the name of its class
    load: Callable[[], np.ndarray]  # grey levels (h, w) from 0 to 255; raises PipelineError


class Refused(NamedTuple):
    name: str
    reason: str


class Found(NamedTuple):
    pictures: list[Picture]
    refused: list[Refused]
    note: str  # on the validation split


def uses(splits: Collection[str]) -> tuple[dict[str, str | None], str]:
    """Return the split that the pictures of `train`, `test` and `val` are packed in, None if it is drawn; and a note.

    The packed splits are train and test, because `normalize` draws the validation split from train.
    """
    if "test" in splits:
        note = "val: added to train, from which the pipeline draws its own validation split" if "val" in splits else ""
        return {"train": "train", "val": "train", "test": "test"}, note
    if "val" in splits:
        return {"train": "train", "val": "test"}, "val: used as the test split, because there is no other"
    return {"train": None}, ""


def find_pictures(root: Path) -> Found:
    """List the pictures in FOLDER/<split>/<class>/* or FOLDER/<class>/*, in an order that depends on names alone.

    Raises PipelineError when `root` is not a folder.
    """
    if not root.is_dir():
        kind = "a file of another kind" if root.exists() else "nothing"
        raise PipelineError(f"{root}: expected a folder of pictures or an .npz file, found {kind}")
    files = [(path, path.relative_to(root).parts[:-1], reason) for path, reason in walk(root)]
    outer = {folders[0] for _, folders, _ in files if len(folders) > 1}
    splits = {name: match[1].lower() for name in outer if (match := SPLIT.fullmatch(name))}
    if "train" not in splits.values():  # classes may be called so, too
        splits = {}
    use, note = uses(splits.values())
    found = Found([], [], note)
    for path, folders, reason in files:
        split = None
        if splits and not reason:
            split = use.get(splits.get(folders[0], "") if folders else "")
            reason = "" if folders and folders[0] in splits else "beside the folders of the splits"
            folders = folders[1:]
        if reason or not folders:
            found.refused.append(Refused(path.relative_to(root).as_posix(), reason or "in no class folder"))
        else:
            label = unicodedata.normalize("NFC", folders[0]).strip()
            found.pictures.append(Picture(path.relative_to(root).as_posix(), split, label, partial(read, path)))
    return found


def read(path: Path) -> np.ndarray:
    """Return the grey levels of a file. Raises PipelineError, one line."""
    return read_image(read_content(str(path)))


def find_arrays(path: Path, class_names: list[str] | None) -> Found:
    """List the images of an .npz; `class_names` belong to the sorted labels. Other arrays in it are not read.

    Raises PipelineError, one line, when the arrays are not images and their labels.
    """
    arrays: dict[str, tuple[str, np.ndarray]] = {}  # key and array by split and kind, as in "train images"
    refused, key = [], ""
    try:
        with np.load(path, allow_pickle=False) as archive:
            keys = sorted(archive.files)
            for key in keys:
                match = ARRAY.fullmatch(key)
                kind = (match[1] or match[3] or "").lower() if match else ""
                role = f"{match[2].lower()} {'labels' if kind[0] in 'yl' else 'images'}" if match and kind else ""
                if role and role not in arrays:
                    arrays[role] = key, archive[key]
                else:
                    refused.append(Refused(key, "not read: neither the images nor the labels of a split"))
    except MemoryError:
        raise PipelineError(f"{path}: {key} does not fit into memory") from None
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise PipelineError(f"{path}: not an .npz of plain arrays ({' '.join(str(error).split())[:120]})") from None
    splits = [split for split in ("train", "val", "test") if {f"{split} images", f"{split} labels"} & arrays.keys()]
    for split in splits if "train" in splits else ["train"]:
        if len({f"{split} images", f"{split} labels"} & arrays.keys()) < 2:
            raise PipelineError(f"{path}: expected arrays x_{split} and y_{split}, found {', '.join(keys) or 'none'}")
    use, note = uses(splits)
    labels = {split: check_labels(*arrays[f"{split} labels"]) for split in splits}
    present = sorted({label for split in splits for label in labels[split]}, key=natural)
    if class_names and len(class_names) != len(present):
        raise PipelineError(
            f"expected {len(present)} names, for the labels {', '.join(present)}, found {len(class_names)}"
        )
    name_of = dict(zip(present, class_names or present, strict=True))
    found = Found([], refused, note)
    for split in splits:
        images, white = check_images(*arrays[f"{split} images"])
        if len(images) != len(labels[split]):
            raise PipelineError(
                f"{split}: expected one label for each image, found {len(images)} and {len(labels[split])}"
            )
        for i, label in enumerate(labels[split]):
            load = partial(read_array, images, white, i)
            found.pictures.append(Picture(f"{split}[{i}]", use[split], name_of[label], load))
    return found


def check_labels(name: str, labels: np.ndarray) -> list[str]:
    """Return the labels of an array (n,), (n, 1) or one-hot (n, classes) as text. Raises PipelineError for others."""
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "iufb":
        if not (np.isin(labels, [0, 1]).all() and (labels.sum(axis=1) == 1).all()):
            raise PipelineError(
                f"{name}: expected one label for each image, found several: the network chooses one class, "
                "so keep one label for each image or leave out the images with others"
            )
        labels = labels.argmax(axis=1)
    if labels.dtype.kind not in "iufUb" or labels.shape[:1] != (labels.size,):
        raise PipelineError(f"{name}: expected labels (n,) of numbers or text, found {labels.dtype} {labels.shape}")
    if labels.dtype.kind == "f":
        if not (np.isfinite(labels) & (labels == np.rint(labels))).all():
            raise PipelineError(f"{name}: expected whole numbers, found fractions")
        labels = labels.astype(np.int64)
    return [str(label) for label in labels.ravel().tolist()]


def check_images(name: str, images: np.ndarray) -> tuple[np.ndarray, int]:
    """Return images (n, h, w) or (n, h, w, channels) and their level of white, 1 or 255. Raises PipelineError."""
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3, 4):
        images = images.transpose(0, 2, 3, 1)  # channels first, as PyTorch has them
    channels = images.shape[3] if images.ndim == 4 else 1
    if images.dtype.kind not in "iufb" or images.ndim not in (3, 4) or channels not in (1, 3, 4) or not images.size:
        raise PipelineError(
            f"{name}: expected images (n, height, width) or with 1, 3, 4 channels, found {images.dtype} {images.shape}"
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):
        raise PipelineError(f"{name}: expected grey levels from 0 to 255 or from 0 to 1, found {low:g} to {high:g}")
    return images, 1 if images.dtype.kind in "fb" and high <= 1 else 255


def read_array(images: np.ndarray, white: int, index: int) -> np.ndarray:
    """Return one image as grey levels (h, w) from 0 to 255."""
    levels = np.rint(images[index].astype(np.float64) * (255 / white)).astype(np.uint8)
    return grey_levels(Image.fromarray(levels[..., 0] if levels.shape[2:] == (1,) else levels))
