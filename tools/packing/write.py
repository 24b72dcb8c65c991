"""Write a packed data set: four IDX files, the refused files, a contact sheet, and the recipe that names them."""

import hashlib
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from common import params
from common.errors import PipelineError
from common.files import atomic_write
from drawing import figures
from drawing.samples import draw_samples
from packing.pack import Packed
from sources.source import idx

PUBLISHED = {"train": "train", "t10k": "test"}  # the names of MNIST's files for the splits
SHEET, REFUSED = "contact_sheet.png", "refused.txt"
SAMPLES = 10  # pictures of each class on the contact sheet
HEAD = "# Written by tools/pack_images.py. Edit it as you like: packing again keeps your changes.\n"


def save(packed: Packed, folder: Path) -> dict[str, str]:
    """Write the folder and only then replace an earlier one; return the SHA-256 of each IDX file."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    digests = {}
    for published, split in PUBLISHED.items():
        for kind, array in (("images-idx3", packed.images), ("labels-idx1", packed.labels)):
            content, name = idx(array[packed.splits == split]), f"{published}-{kind}-ubyte"
            (part / name).write_bytes(content)
            digests[name] = hashlib.sha256(content).hexdigest()
    lines = [f"{name}: {reason}\n" for name, reason in packed.refused]
    (part / REFUSED).write_text("".join(lines), encoding="utf-8", errors="surrogateescape", newline="\n")
    train = packed.splits == "train"
    figure = draw_samples(packed.images[train] / np.float32(255), packed.labels[train], packed.names, SAMPLES)
    figures.save(figure, part / SHEET)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
    return digests


def read_recipe(path: Path, source: str) -> dict:
    """Return the recipe at `path`, empty if there is no such file. Raises PipelineError if it has other sources."""
    if not path.exists():
        return {}
    if params.read(path).get("download", {}).get("sources") != [source]:
        raise PipelineError(f"{path} already exists and is a recipe for something else: choose another name")
    return YAML().load(path.read_text(encoding="utf-8"))  # with its comments


def training(images: int) -> dict:
    """Return a section `train` if there are too few training images for the default parameters.

    Batches of a 32nd of the images, 8 to 128, and as many epochs as make a thousand steps, 10 to 100.
    """
    if images >= 32 * 128:
        return {}
    batch_size = max(8, 2 ** int(np.log2(max(1, images / 32))))
    return {"train": {"epochs": int(np.clip(1000 * batch_size / images, 10, 100)), "batch_size": batch_size}}


def save_recipe(path: Path, recipe: dict, packed: Packed, about: dict, source: str, digests: dict[str, str]) -> None:
    """Write the recipe at `path`. An earlier `recipe` keeps its other sections and its comments."""
    new = {
        "dataset": {"class_names": packed.names},
        "about": about,
        "download": {"sources": [source], "sha256": digests},
    }
    if not recipe:
        recipe = new | training(int((packed.splits == "train").sum()))
    for section, values in new.items():
        recipe.setdefault(section, {}).update(values)
    text = StringIO()
    yaml = YAML()  # quotes names that YAML would read as numbers, such as 1e3
    yaml.width = 120
    yaml.dump(recipe, text)
    with atomic_write(path) as part:
        part.write_text(("" if text.getvalue().startswith("#") else HEAD) + text.getvalue(), "utf-8", newline="\n")
