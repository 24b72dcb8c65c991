"""The contract of the network: how it is built, how its archive is saved and loaded, and how it answers."""

import json
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.files import again, atomic_write, require
from contracts.dataset import SHAPE
from network import arithmetic
from network.determinism import keras, tf

PATH = Path("models/model.keras")
BATCH = 2_000  # images
# Options of layers and initializers, all unset, that older versions of Keras refuse as unknown.
RECENT = ("input_axes", "output_axes", "quantization_config")


def build(hidden_units: Sequence[int], classes: int, seed: int) -> keras.Sequential:
    """Return the network, (n, 28, 28) float32 in [0, 1] -> (n, classes) probabilities, with weights drawn from `seed`.

    Layers are named, because the names Keras makes up count the layers of the process.
    """
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(SHAPE, name="image"),
            keras.layers.Flatten(name="flatten"),
            *(keras.layers.Dense(n, activation="relu", name=f"hidden_{i}") for i, n in enumerate(hidden_units, 1)),
            keras.layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="digits",
    )


def save(model: keras.Model, path: Path = PATH) -> None:
    """Save in Keras' own format, byte for byte the same for the same model.

    Keras writes a zip of metadata.json, config.json and model.weights.h5 in which three things change from run to run
    (keras-team/keras#15948, #15143, tensorflow/tensorflow#54067, `keras/src/saving/saving_lib.py`):
    - `date_saved` in metadata.json: left out;
    - `shared_object_id` in config.json, the memory address of an object that occurs more than once: numbered from 1;
    - the time of model.weights.h5 in the zip: the earliest that a zip can hold.
    Unset options of RECENT are left out, so that older versions open it as well: docs/troubleshooting.md lists them.
    `keras.saving.load_model` opens the result without any of this project's code.
    """
    with atomic_write(path) as part:
        original = part.with_suffix(".keras")  # Keras insists on the suffix
        try:
            model.save(original)
            with zipfile.ZipFile(original) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as target:
                for name in sorted(source.namelist()):
                    target.writestr(zipfile.ZipInfo(name), canonical(name, source.read(name)))
        finally:
            original.unlink(missing_ok=True)


def canonical(name: str, content: bytes) -> bytes:
    """Return a member of the archive without what depends on the time or on memory addresses."""
    if not name.endswith(".json"):
        return content
    numbers: dict[int, int] = {}

    def renumber(entries: dict) -> dict:
        entries.pop("date_saved", None)
        for option in RECENT:
            if option in entries and entries[option] is None:
                del entries[option]
        if "shared_object_id" in entries:
            entries["shared_object_id"] = numbers.setdefault(entries["shared_object_id"], len(numbers) + 1)
        return entries

    return json.dumps(json.loads(content, object_hook=renumber), sort_keys=True).encode()


def load(path: Path = PATH) -> keras.Model:
    """Open the archive. Raises PipelineError when it is missing or damaged."""
    try:
        return keras.saving.load_model(require(path, "train"))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        # Keras puts the cause last, behind the whole configuration of each layer around it.
        reason = " ".join(str(error).split()).rpartition("Exception encountered: ")[2]
        raise PipelineError(
            f"{path} is not a model that Keras {keras.__version__} opens ({reason[:200]}); {again('train')}"
        ) from None


def compiled(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from BATCH images to their probabilities, computed as in training; it is compiled once.

    Raises PipelineError when the network has a layer that network/arithmetic.py does not cover.
    """
    arithmetic.require_covered(network.layers)
    return tf.function(partial(arithmetic.probabilities, network.layers), autograph=False, jit_compile=True)


def predict(answer: Callable[[tf.Tensor], tf.Tensor], images: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, classes) float32 for images (n, 28, 28) float32 in [0, 1].

    answer: a compiled network. The last batch is padded with blank images, because XLA compiles once per batch size.
    """
    missing = -len(images) % BATCH
    full = np.concatenate([images, np.zeros((missing, *SHAPE), np.float32)]) if missing else images
    answers = [answer(tf.constant(full[start : start + BATCH])).numpy() for start in range(0, len(full), BATCH)]
    return np.concatenate(answers)[: len(images)]
