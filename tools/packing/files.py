"""The files of a packed data set: four IDX files, what was refused, a contact sheet, and the recipe that names them."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import yaml

from common.errors import PipelineError
from common.files import atomic_write
from drawing import figures
from drawing.samples import draw_samples
from packing.packed import Packed
from packing.pictures import SPLITS

PUBLISHED = {"train": "train", "test": "t10k"}  # how MNIST's files call the splits
SHEET, REFUSED = "contact_sheet.png", "refused.txt"
SAMPLES = 10  # pictures of each class on the contact sheet


def idx(array: np.ndarray) -> bytes:
    """Return unsigned bytes in the IDX format: magic number, dimensions, data."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def save(packed: Packed, folder: Path) -> dict[str, str]:
    """Write the folder, in place of an earlier one, whole or not at all; return the SHA-256 of each IDX file."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    digests = {}
    try:
        for split in SPLITS:
            for name, array in (("images-idx3", packed.images[split]), ("labels-idx1", packed.labels[split])):
                content = idx(array)
                (part / f"{PUBLISHED[split]}-{name}-ubyte").write_bytes(content)
                digests[f"{PUBLISHED[split]}-{name}-ubyte"] = hashlib.sha256(content).hexdigest()
        lines = [f"{name}: {reason}\n" for name, reason in packed.refused]
        (part / REFUSED).write_text("".join(lines), encoding="utf-8", errors="surrogateescape", newline="\n")
        images = packed.images["train"] / np.float32(255)
        figures.save(draw_samples(images, packed.labels["train"], packed.names, SAMPLES), part / SHEET)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return digests


def read_own(path: Path, source: str) -> dict:
    """Return the recipe at `path`, nothing if there is none. Raises PipelineError when it is not of these pictures."""
    if not path.exists():
        return {}
    values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if values.get("download", {}).get("sources") != [source]:
        raise PipelineError(f"{path} is there already and is of something else: choose another name")
    return values


def training(images: int) -> dict:
    """Return the section `train` for so few training images that the defaults are out of proportion: else nothing.

    Batches of a 32nd of the images, 8 to 128, and as many epochs as make a thousand steps, 10 to 100.
    """
    if images >= 32 * 128:
        return {}
    batch_size = max(8, 2 ** int(np.log2(max(1, images / 32))))
    return {"train": {"epochs": int(np.clip(1000 * batch_size / images, 10, 100)), "batch_size": batch_size}}


def save_recipe(path: Path, old: dict, packed: Packed, about: dict, source: str, digests: dict[str, str]) -> None:
    """Write the recipe; what somebody has added or said about the data in an `old` one stays."""
    kept = {name: values for name, values in old.items() if name not in ("dataset", "about", "download")}
    kept = kept or training(len(packed.labels["train"]))
    values = {
        "dataset": {"class_names": packed.names},
        "about": about,
        "download": {"sources": [source], "sha256": digests},
        **kept,
    }
    head = "# Written by tools/pack_images.py. Change what it says about the data as you like.\n"
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)
    with atomic_write(path) as part:
        part.write_text(head + text, encoding="utf-8", newline="\n")
