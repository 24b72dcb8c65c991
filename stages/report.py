"""Write the results as one self-contained page, and as a model card.

Reads  models/model.keras, reader/results, the test images it shows, the measures, tables and figures of the stages
       before, the pinned versions of requirements.in and the templates in stages/page.
Writes reports/index.html and reports/model_card.md.
"""

import common.interrupts  # noqa: F401

import base64
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from common import params
from common.errors import PipelineError, run
from common.files import load_json, require
from common.lock import exclusive
from common.params import About, Dataset, Evaluate, Model, Normalize, Plot, Train
from contracts import dataset, reader, tables, weights
from page import templates

PAGE = Path("reports/index.html")
CARD = Path("reports/model_card.md")  # its headings are those of Mitchell et al. (2019)
REQUIREMENTS = Path("requirements.in")
MODEL = Path("models/model.keras")
EVALUATE = Path("reports/evaluate")
# The figures of the page: title and text alternative.
FIGURES = {
    "eda/digit_distribution": (
        "Class distribution",
        "Bars: the share of each {unit} in the training, validation and test split.",
    ),
    "eda/sample_images": ("Training images", "The first training images of each {unit}, a row for each."),
    "plot/calibration": (
        "Calibration",
        "Reliability diagram: the accuracy of the predictions over their confidence, with the images in each bin.",
    ),
    "plot/confusion_matrix": (
        "Confusion matrix",
        "Matrix of actual by predicted {unit}; each cell is a number of test images, coloured by mistakes.",
    ),
    "plot/per_digit": (
        "Precision, recall and F1 of each {unit}",
        "Dots with intervals for each {unit}; the table below has the same numbers.",
    ),
    "plot/robustness": (
        "Robustness",
        "Accuracy and confidence by size of the change; the table below has the same numbers.",
    ),
    "plot/training_history": (
        "Training",
        "Two line charts over the epochs, training beside validation: accuracy, and cross-entropy loss.",
    ),
}


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def encode_figure(content: bytes, title: str, alt: str) -> dict:
    """Return what the page needs to show a PNG file: its bytes in base64, its size in pixels, title and text."""
    width, height = Image.open(io.BytesIO(content)).size
    return {"png": encode(content), "width": width, "height": height, "title": title, "alt": alt}


def load_figures(unit: str) -> dict[str, dict]:
    """Return each figure by the name of its file; `unit` is what one class is called."""
    figures = {}
    for name, (title, alt) in FIGURES.items():
        path = require(Path(f"reports/{name}.png"), name.partition("/")[0])
        figures[path.stem] = encode_figure(path.read_bytes(), title.format(unit=unit), alt.format(unit=unit))
    return figures


def encode_network(path: Path, arrays: Mapping[str, np.ndarray], outputs: int) -> dict:
    """Return the sizes of the layers, from the pixels to the digits, and their weights.

    arrays: kernel (inputs, outputs) and bias (outputs,) of each dense layer in turn, float32. The weights are one after
    the other in this order, float32, little-endian, in base64.
    Raises PipelineError when the layers do not lead from the pixels to that many outputs.
    """
    parts = list(arrays.values())
    kernels, biases = parts[::2], parts[1::2]
    sizes = [dataset.SHAPE[0] * dataset.SHAPE[1], *(len(bias) for bias in biases)]
    shapes = [shape for pair in zip(sizes, sizes[1:], strict=False) for shape in (pair, pair[1:])]
    if [part.shape for part in parts] != shapes or len(kernels) != len(biases) or sizes[-1] != outputs:
        found = ", ".join(str(part.shape) for part in parts)
        raise PipelineError(f"{path}: expected dense layers from {sizes[0]} pixels to {outputs} outputs, found {found}")
    return {"sizes": sizes, "weights": encode(b"".join(part.astype("<f4").tobytes() for part in parts))}


def reader_arrays() -> dict[str, np.ndarray]:
    return {f"{i}": each for i, each in enumerate(each for layer in reader.load_network() for each in layer)}


def encode_image(image: np.ndarray) -> str:
    """Return an image, (28, 28) float32 in [0, 1], as a grey PNG in base64: ink is white, as the network sees it."""
    file = io.BytesIO()
    Image.fromarray(np.rint(image * np.float32(255)).astype(np.uint8)).save(file, "PNG")
    return encode(file.getvalue())


def show_mistakes(rows: Iterable[tables.Prediction], images: np.ndarray, names: list[str]) -> Iterator[dict]:
    """Yield what the gallery shows of each mistake."""
    for row in rows:
        yield {
            "index": row.index,
            "png": encode_image(images[row.index]),
            "line": f"{names[row.actual]} predicted as {names[row.predicted]}",
            "shares": templates.percent(row.confidence),
        }


def show_ambiguous(rows: Iterable[tables.Ambiguous], images: np.ndarray, names: list[str]) -> Iterator[dict]:
    """Yield what the gallery shows of each image with two answers nearly as likely."""
    for row in rows:
        yield {
            "index": row.index,
            "png": encode_image(images[row.index]),
            "line": f"{names[row.predicted]} or {names[row.runner_up]}? It is {names[row.actual]}",
            "shares": f"{templates.percent(row.confidence, 1)}, {templates.percent(row.runner_up_confidence, 1)}",
        }


def list_parameters(*sections: params.Section) -> list[tuple[str, object]]:
    """Return every parameter of the sections, as `train.epochs` and its value."""
    return [
        (f"{type(section).__name__.lower()}.{name}", value)
        for section in sections
        for name, value in section.model_dump().items()
    ]


def pinned_versions(text: str) -> list[str]:
    """Return the lines `package==version` of a requirements file, sorted, without remarks."""
    return sorted(line.split()[0] for line in text.splitlines() if "==" in line)


@exclusive("stage")
def main() -> None:
    names, about = params.load(Dataset).class_names, params.load(About)
    normalize, model, train = params.load(Normalize), params.load(Model), params.load(Train)
    evaluate, mistakes = params.load(Evaluate), params.load(Plot).mistakes
    images = dataset.load(dataset.FOLDER / "test").images
    predictions = tables.load(EVALUATE / "predictions.csv", tables.Prediction)
    ambiguous = tables.load(EVALUATE / "ambiguous.csv", tables.Ambiguous)
    reading = load_json(reader.METRICS, "reader")
    shared = {
        "about": about,
        "names": names,
        "metrics": load_json(EVALUATE / "metrics.json", "evaluate"),
        "level": evaluate.confidence_level,
        "split_sizes": load_json(Path("reports/eda/summary.json"), "eda")["images"],
        "hidden_units": model.hidden_units,
        "per_digit": tables.load(EVALUATE / "per_digit.csv", tables.Digit),
        "robustness": tables.load(EVALUATE / "robustness.csv", tables.Robustness),
        "reading": reading,
    }

    templates.save(
        PAGE,
        "index.html",
        **shared,
        network=encode_network(MODEL, weights.load(MODEL), len(names)),
        reader=encode_network(reader.PATH, reader_arrays(), len(reader.NAMES) + 1)
        | {"sure_from": reading["confidence_threshold"]},
        model_sha256=hashlib.sha256(MODEL.read_bytes()).hexdigest(),
        figures=load_figures(about.unit),
        mistakes=list(show_mistakes(tables.most_confident_mistakes(predictions, mistakes), images, names)),
        ambiguous=list(show_ambiguous(ambiguous, images, names)),
        parameters=list_parameters(normalize, model, train, evaluate),
    )
    templates.save(
        CARD,
        "model_card.md",
        **shared,
        normalize=normalize,
        train=train,
        reader_units=[len(bias) for _, bias in reader.load_network()[:-1]],
        versions=pinned_versions(REQUIREMENTS.read_text(encoding="utf-8")),
    )
    print(f"report: {PAGE}, {PAGE.stat().st_size / 1e6:.1f} MB, and {CARD}")


if __name__ == "__main__":
    run(main)
