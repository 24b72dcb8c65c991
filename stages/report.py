"""Write the results as one self-contained page, and as a model card.

Reads  models/model.keras, reader/results, the test images it shows, the measures, tables and figures of the stages
       before, and the templates in stages/page.
Writes reports/index.html and reports/model_card.md.
"""

import common.interrupts  # noqa: F401

import base64
import hashlib
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common import params
from common.files import load_json, require
from common.lock import run_stage
from common.params import About, Dataset, Evaluate, Model, Normalize, Plot, Train
from contracts import archive, dataset, reader, tables
from page import templates

PAGE = Path("reports/index.html")
CARD = Path("reports/model_card.md")  # its headings are those of Mitchell et al. (2019)
Row = Any  # a row of predictions.csv or ambiguous.csv
COLOURS = 64  # of a figure on the page: a third of the bytes, without a visible difference


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def encode_png(image: Image.Image) -> str:
    """Return the image as PNG in base64."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return encode(file.getvalue())


def encode_image(image: np.ndarray) -> str:
    """Return an image, (28, 28) float32 in [0, 1], as a grey PNG in base64, white ink on black."""
    return encode_png(Image.fromarray(dataset.grey_levels(image)))


def load_figure(name: str) -> dict:
    """Return a figure by its path in reports/: PNG in base64, width and height in pixels."""
    path = require(Path(f"reports/{name}.png"), name.partition("/")[0])
    image = Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    return {"png": encode_png(image), "width": image.width, "height": image.height}


def load_reader(names: list[str], form: str) -> dict | None:
    """Return network and metrics of the reader, or None if the data are not drawn digits, which it cannot read.

    The weights are kernel, (inputs, outputs), and bias of each layer in turn, float16, little-endian, in base64.
    """
    if names != reader.NAMES or form != "strokes":
        return None
    layers, metrics = reader.load_network(), reader.load_metrics()
    parts = [part.astype("<f2").tobytes() for layer in layers for part in layer]
    network = {
        "sizes": [len(layers[0][0]), *(len(bias) for _, bias in layers)],
        "weights": encode(b"".join(parts)),
        "places": reader.PLACES,
        "threshold": metrics["confidence_threshold"],
    }
    return {"network": network, "metrics": metrics}


def list_probabilities(row: Row, names: list[str]) -> list[tuple[str, float]]:
    """Return the probability of the answer, of the second answer or the right one, and of all others together."""
    if hasattr(row, "runner_up"):
        known = {row.predicted: row.confidence, row.runner_up: row.runner_up_confidence}
    else:
        known = {row.predicted: row.confidence, row.actual: math.exp(-row.loss)}
    rows = [(f"{names[label]}{', the right answer' * (label == row.actual)}", share) for label, share in known.items()]
    others = len(names) - len(known)
    return rows + ([(f"{others} others", max(0.0, 1 - sum(known.values())))] if others else [])


def describe_network(config: dict) -> str:
    """Return the hidden units of a saved network of dense layers alone, or the kinds of the layers of another one."""
    layers = config["config"]["layers"]
    kinds = [archive.snake_case(layer["class_name"]) for layer in layers]
    if {*kinds} <= {"input_layer", "flatten", "dense"}:
        units = [str(layer["config"]["units"]) for layer in layers if "units" in layer["config"]]
        return f"{' and '.join(units[:-1]) or 'no'} hidden units"
    return f"layers {', '.join(kind for kind in kinds if kind not in ('input_layer', 'reshape', 'flatten'))}"


def main() -> None:
    names, about = params.load(Dataset).class_names, params.load(About)
    mistakes = tables.most_confident_mistakes(tables.load(tables.PREDICTIONS), params.load(Plot).mistakes)
    changes = tables.load(tables.ROBUSTNESS)
    values = {
        "about": about,
        "names": names,
        "normalize": params.load(Normalize),
        "model": params.load(Model),
        "train": params.load(Train),
        "evaluate": params.load(Evaluate),
        "network": describe_network(archive.load_config()),
        "split_sizes": load_json(Path("reports/eda/summary.json"), "eda")["images"],
        "metrics": load_json(tables.EVALUATE / "metrics.json", "evaluate"),
        "per_digit": tables.load(tables.PER_DIGIT).dropna(),
        "changed": changes.dropna(),
        "without_digits": changes[changes["accuracy"].isna()],
        "mistakes": [*mistakes.itertuples()],
        "ambiguous": [*tables.load(tables.AMBIGUOUS).itertuples()],
        "images": dataset.load(dataset.FOLDER / "test").images,
        "encode_image": encode_image,
        "list_probabilities": list_probabilities,
        "load_figure": load_figure,
        "reader": load_reader(names, about.form),
        "uncovered": archive.uncovered(archive.load_config()),
        "model_sha256": hashlib.sha256(require(archive.PATH, "train").read_bytes()).hexdigest(),
    }

    templates.save(PAGE, "index.html", values)
    templates.save(CARD, "model_card.md", values)
    print(f"report: {PAGE}, {PAGE.stat().st_size / 1e6:.1f} MB, and {CARD}")


if __name__ == "__main__":
    run_stage(main)
