"""Pictures in the folders that everyone has: train/<class>/* and test/<class>/*, or one folder for each class."""

import os
import unicodedata
from functools import partial
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from packing.pictures import SPLITS, Found, Picture, Refused, natural, without
from reader.reading.image import read_image

MAX_BYTES = 200_000_000  # of one file
HIDDEN = {"thumbs.db", "desktop.ini", "__macosx"}  # what Windows and macOS leave in folders; and names with a dot


def find_pictures(root: Path) -> Found:
    """List the files of a folder with their class, in an order that depends on names alone, and what is left out.

    Raises PipelineError when the folder has no class folders, or two that cannot be told apart.
    """
    if not root.is_dir():
        raise PipelineError(f"{root}: expected a folder of pictures or an .npz file, found {describe(root)}")
    found = Found([], [])
    splits = [split for split in SPLITS if any(child.is_dir() for child in children(root / split))]
    if "train" in splits:
        for path in children(root):
            if path.name not in splits:
                found.refused.append(Refused(without(root, path), "beside train and test"))
        for split in splits:
            add_classes(root, root / split, split, found)
    else:
        add_classes(root, root, None, found)
    return found


def describe(path: Path) -> str:
    return "a file of another kind" if path.exists() else "nothing"


def children(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted; nothing if there is none."""
    return sorted(folder.iterdir(), key=lambda path: natural(path.name)) if folder.is_dir() else []


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in HIDDEN


def add_classes(root: Path, folder: Path, split: str | None, found: Found) -> None:
    """Add the class folders in `folder`, and refuse files beside them."""
    names: dict[str, Path] = {}
    for path in children(folder):
        if not path.is_dir():
            reason = "a file of the system's" if is_hidden(path.name) else "in no class folder"
            found.refused.append(Refused(without(root, path), reason))
        elif not is_hidden(path.name):
            name = unicodedata.normalize("NFC", path.name).strip()
            if name in names:
                raise PipelineError(f"{names[name]} and {path}: two folders for one class, {name!r}; join them")
            names[name] = path
            add_files(root, path, split, name, found)


def add_files(root: Path, folder: Path, split: str | None, label: str, found: Found) -> None:
    """Add all files below a class folder; a link to a file is that file, a link to a folder is not followed."""
    empty = True
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in [name for name in folders if (Path(here) / name).is_symlink()]:
            found.refused.append(Refused(without(root, Path(here) / name), "a link to a folder, not followed"))
        for name in sorted(files, key=natural):
            path = Path(here) / name
            if is_hidden(name):
                found.refused.append(Refused(without(root, path), "a file of the system's"))
            else:
                empty = False
                found.pictures.append(Picture(without(root, path), split, label, partial(read, path)))
    if empty:
        found.refused.append(Refused(f"{without(root, folder)}/", "an empty class folder"))


def read(path: Path) -> np.ndarray:
    """Return the grey levels of a file. Raises PipelineError, one line."""
    try:
        if not path.is_file():
            raise PipelineError("a broken link, or no plain file")
        if path.stat().st_size > MAX_BYTES:
            raise PipelineError(f"expected at most {MAX_BYTES:,} bytes, found more")
        return read_image(path.read_bytes())
    except OSError as error:
        raise PipelineError(error.strerror or str(error)) from None
