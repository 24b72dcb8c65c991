"""Turn your own pictures into a data set: the four files that the pipeline reads, and a recipe that names them.

FOLDER holds train/<class>/* and perhaps test/<class>/*, or one folder for each class; or it is an .npz file with
x_train, y_train and perhaps x_test, y_test. docs/your-data.md has the details.
Writes data/own/NAME (the four IDX files, contact_sheet.png, refused.txt) and recipes/NAME.yaml, for tools/recipe.py.
"""

from running.project import PROJECT

import argparse
import re
import sys
from contextlib import chdir, suppress
from pathlib import Path

import numpy as np
import pandas as pd

from common.errors import PipelineError, run
from common.lock import exclusive
from packing import write
from packing.find import Picture, find_arrays, find_pictures
from packing.pack import Packed, converter, edge, is_ink, pack

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # also valid for experiments, so for Git references
SHOWN = 10  # reasons to print; refused.txt has every file
FORMS = {"ink": "strokes", "photos": "pictures"}  # the option `--as` and `about.form`
SAMPLED = 30  # pictures, at least, from which the form is chosen
AGREEING = 0.8  # the share of ink in the sample from which all pictures are packed as ink; Fashion-MNIST has 0.3
UNKNOWN = {"unit": "class", "origin": "not stated", "licence": "not stated"}


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", metavar="FOLDER", type=Path, help="a folder of pictures, or an .npz file")
    parser.add_argument("name", metavar="NAME", help="of the data set and its recipe")
    default = "default: as the recipe of this NAME, else from a sample"
    what = f"strokes, centred as MNIST's, or whole pictures; {default}"
    parser.add_argument("--as", dest="form", choices=FORMS, help=what)
    edges = f"of photos; light ones are inverted; {default}"
    parser.add_argument("--background", choices=["dark", "light"], help=edges)
    parser.add_argument("--test-share", type=float, default=0.2, metavar="SHARE", help="of each class; default 0.2")
    parser.add_argument("--seed", type=int, default=0, help="for drawing the test split; default 0")
    parser.add_argument("--names", help="class names of an .npz, separated by commas, in the order of its labels")
    for option, text in [("unit", "what one class is called"), ("origin", "who made it"), ("licence", "of the data")]:
        parser.add_argument(f"--{option}", help=f"{text}, for page and card")
    arguments = parser.parse_args()
    if not NAME.fullmatch(arguments.name):
        raise PipelineError(f"expected a name of letters, digits, - and _, found {arguments.name!r}")
    if not 0 < arguments.test_share < 1 or arguments.seed < 0:
        raise PipelineError("expected a --test-share between 0 and 1 and a --seed of at least 0")
    if arguments.form == "ink" and arguments.background:
        raise PipelineError("--background is for photos; with --as ink it is found for each picture")
    return arguments


def choose(arguments: argparse.Namespace, about: dict, pictures: list[Picture]) -> tuple[str, str]:
    """Return `about.form` and `about.background`: of the options, the earlier recipe, or else of a sample."""
    found = []
    for picture in pictures[:: max(1, len(pictures) // SAMPLED)]:
        with suppress(PipelineError):  # `pack` reports it
            grey = picture.load()
            found.append((is_ink(grey), edge(grey)))
    ink, edges = np.array(found or [(False, 0)]).T
    form = FORMS.get(arguments.form) or (arguments.background and "pictures") or about.get("form")
    if not form:
        form = "strokes" if ink.mean() >= AGREEING else "pictures"
    name = "ink" if form == "strokes" else "photos"
    print(f"packed as {name}: {ink.mean():.0%} of a sample are thin strokes on plain paper; --as changes it")
    background = arguments.background or about.get("background", "either")
    if form == "pictures" and background == "either":
        background = "light" if np.median(edges) > 127 else "dark"
    return form, background if form == "pictures" else "either"


def print_result(packed: Packed, relative: str) -> None:
    """Print the number of pictures of each class, why files were refused, and the next command."""
    classes = pd.Categorical.from_codes(packed.labels, packed.names)
    table = pd.crosstab(classes, packed.splits)[["train", "test"]]
    repeated = pd.Series([image.tobytes() for image in packed.images]).duplicated()
    table["repeated"] = repeated.groupby(classes).sum()  # pixel for pixel
    table = pd.concat([table, table.sum().to_frame("all").T]).rename_axis(columns="class")
    print(table.to_string(formatters=dict.fromkeys(table, "{:,}".format)))
    refused = pd.DataFrame(packed.refused, columns=["name", "reason"])
    for reason, names in list(refused.groupby("reason", sort=False)["name"])[:SHOWN]:
        more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        print(f"pack_images: {names.iloc[0]}{more}: {reason}".encode(errors="replace").decode(), file=sys.stderr)
    print(
        f"pack_images: {len(refused):,} refused ({relative}/{write.REFUSED})\n"
        f"Look at {relative}/{write.SHEET}, then run: python tools/recipe.py {Path(relative).name}"
    )


def main() -> None:
    arguments = read_arguments()
    relative = f"data/own/{arguments.name}"
    folder, path = PROJECT / relative, PROJECT / f"recipes/{arguments.name}.yaml"
    recipe = write.read_recipe(path, relative)
    about = dict(recipe.get("about", {}))
    if arguments.source.suffix.lower() == ".npz":
        found = find_arrays(arguments.source, arguments.names.split(",") if arguments.names else None)
    else:
        found = find_pictures(arguments.source)
    form, background = choose(arguments, about, found.pictures)
    packed = pack(found, converter(form, background), arguments.test_share, arguments.seed)
    own = {"name": arguments.name, "subject": f"the {len(packed.names)} classes of {arguments.name}", **UNKNOWN}
    options = {key: value for key in UNKNOWN if (value := getattr(arguments, key))}
    about = own | about | options | {"form": form, "background": background}

    with chdir(PROJECT), exclusive("pack_images"):
        digests = write.save(packed, folder)
        write.save_recipe(path, recipe, packed, about, relative, digests)
    print_result(packed, relative)


if __name__ == "__main__":
    run(main)
