"""Make a data set of your own pictures: the four files that the pipeline reads, and a recipe that names them.

Usage: python tools/pack_images.py FOLDER NAME [--as digits|pictures] [--background dark|light] [--test-share 0.2]

FOLDER holds train/<class>/* and perhaps test/<class>/*, or one folder for each class; or it is an .npz file with
x_train, y_train and perhaps x_test, y_test. docs/your-data.md tells the rest.
Writes data/own/NAME (the four IDX files, contact_sheet.png, refused.txt) and recipes/NAME.yaml, for tools/recipe.py.
"""

import running.stages_on_path  # noqa: F401

import argparse
import re
import sys
from contextlib import chdir
from functools import partial
from pathlib import Path

from tqdm import tqdm

from common.errors import PipelineError, run
from common.lock import exclusive
from packing import files
from packing.arrays import find_arrays
from packing.folders import find_pictures
from packing.packed import Packed, pack, repeated, table
from packing.pictures import SPLITS
from packing.prepared import as_digits, as_picture, is_light

PROJECT = Path(__file__).parents[1]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # also that of experiments, so of Git references
SHOWN = 10  # refused files to print; refused.txt has them all


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", metavar="FOLDER", type=Path, help="a folder of pictures, or an .npz file")
    parser.add_argument("name", metavar="NAME", help="what to call the data set and its recipe")
    parser.add_argument(
        "--as",
        dest="form",
        choices=["digits", "pictures"],
        default="pictures",
        help="digits: find the strokes, scale and centre them as MNIST's; pictures: scale the whole (default)",
    )
    parser.add_argument(
        "--background", choices=["dark", "light"], help="of pictures; found from their edges by default"
    )
    parser.add_argument("--test-share", type=float, default=0.2, metavar="SHARE", help="to test with; default 0.2")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of test pictures; 0 by default")
    parser.add_argument("--names", help="of the classes of an .npz, with commas, in the order of its labels")
    for option, text in [("unit", "what one class is called"), ("origin", "who made it"), ("licence", "of the data")]:
        parser.add_argument(f"--{option}", help=f"{text}, for page and card")
    arguments = parser.parse_args()
    if not NAME.fullmatch(arguments.name):
        raise PipelineError(f"expected a name of letters, digits, - and _, found {arguments.name!r}")
    if not 0 < arguments.test_share < 1 or arguments.seed < 0:
        raise PipelineError("expected a --test-share between 0 and 1 and a --seed of at least 0")
    if arguments.form == "digits" and arguments.background:
        raise PipelineError("--background is for pictures; that of digits is found for each")
    return arguments


def describe(arguments: argparse.Namespace, classes: int, old: dict) -> dict[str, str]:
    """Return the section `about`: what was said now, else what an old recipe says, else that nobody has said it."""
    said = {key: value for key in ("unit", "origin", "licence") if (value := getattr(arguments, key))}
    unknown = {
        "name": arguments.name,
        "subject": f"the {classes} classes of {arguments.name}",
        "unit": "class",
        "origin": "not stated",
        "licence": "not stated",
    }
    form = {"form": "strokes" if arguments.form == "digits" else "pictures"}
    return unknown | old.get("about", {}) | said | form


def turn(packed: Packed, background: str | None) -> Packed:
    """Turn light backgrounds dark, as MNIST's are: those of all pictures or of none."""
    light = background == "light" if background else is_light(packed.images["train"])
    return packed._replace(images={split: 255 - packed.images[split] for split in SPLITS}) if light else packed


def print_refused(packed: Packed) -> None:
    for name, reason in packed.refused[:SHOWN]:
        print(f"pack_images: {name}: {reason}".encode(errors="replace").decode(), file=sys.stderr)
    if len(packed.refused) > SHOWN:
        print(f"pack_images: and {len(packed.refused) - SHOWN:,} more", file=sys.stderr)


def main() -> None:
    arguments = read_arguments()
    relative = f"data/own/{arguments.name}"
    folder, recipe = PROJECT / relative, PROJECT / f"recipes/{arguments.name}.yaml"
    old = files.read_own(recipe, relative)
    if arguments.source.suffix.lower() == ".npz":
        found = find_arrays(arguments.source, arguments.names.split(",") if arguments.names else None)
    else:
        found = find_pictures(arguments.source)

    convert = as_digits if arguments.form == "digits" else as_picture
    bar = partial(tqdm, unit="picture", desc="pack_images", leave=False, disable=None)
    packed = pack(found, convert, arguments.test_share, arguments.seed, bar)
    if arguments.form == "pictures":
        packed = turn(packed, arguments.background)
    _, leaked, ambiguous = repeated(packed)

    with chdir(PROJECT), exclusive("pack_images"):
        digests = files.save(packed, folder)
        files.save_recipe(recipe, old, packed, describe(arguments, len(packed.names), old), relative, digests)
    print(*table(packed), sep="\n")
    print_refused(packed)
    print(
        f"pack_images: {len(packed.refused):,} refused ({relative}/{files.REFUSED}); "
        f"{leaked:,} test pictures are also in train; {ambiguous:,} pictures have two classes\n"
        f"Look at {relative}/{files.SHEET}, then run: python tools/recipe.py {arguments.name}"
    )


if __name__ == "__main__":
    run(main)
