"""The archive of the trained network: Keras' own format, with the same bytes for the same network."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from common.files import atomic_write, readable

if TYPE_CHECKING:  # importing Keras takes seconds, and most readers of the archive do without
    from network.determinism import keras

PATH = Path("models/model.keras")
# Options of layers and initializers, all unset, that older versions of Keras refuse as unknown.
RECENT = ("input_axes", "output_axes", "quantization_config")
# The kinds of layers that network/layers.py covers, with those options that may have any value that Keras allows.
COVERED: dict[str, set[str]] = {
    "input_layer": {"batch_shape"},
    "reshape": {"target_shape"},
    "flatten": set(),
    "dropout": {"rate", "seed"},
    "dense": {"units"},
    "conv2d": {"filters", "kernel_size", "strides", "padding"},
    "max_pooling2d": {"pool_size", "strides", "padding"},
    "average_pooling2d": {"pool_size", "strides", "padding"},
}
# The values that the other options must have, where they are set.
EXPECTED = {
    "trainable": True,
    "dtype": "float32",
    "use_bias": True,
    "kernel_initializer": "GlorotUniform",
    "bias_initializer": "Zeros",
    "data_format": "channels_last",
    "dilation_rate": [1, 1],
    "groups": 1,
    "activation": "relu",
    "sparse": False,
    "ragged": False,
    "optional": False,
}


def save(network: "keras.Model", path: Path = PATH) -> None:
    """Save in Keras' own format, byte for byte the same for the same network.

    Keras writes a zip of metadata.json, config.json and model.weights.h5 in which three things change from run to run
    (keras-team/keras#15948, #15143, tensorflow/tensorflow#54067, `keras/src/saving/saving_lib.py`):
    - `date_saved` in metadata.json: left out;
    - `shared_object_id` in config.json, the memory address of an object that occurs more than once: numbered from 1;
    - the time of model.weights.h5 in the zip: the earliest that a zip can hold.
    Unset options of RECENT are left out, so that older versions open it as well: docs/troubleshooting.md lists them.
    `keras.saving.load_model` opens the result without any of this project's code.
    """
    with atomic_write(path) as part, TemporaryDirectory() as folder:
        original = Path(folder) / "original.keras"  # Keras insists on the suffix
        network.save(original)
        with zipfile.ZipFile(original) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as target:
            for name in sorted(source.namelist()):
                target.writestr(zipfile.ZipInfo(name), canonical(name, source.read(name)))


def canonical(name: str, content: bytes) -> bytes:
    """Return a member of the archive without anything that depends on the time or on memory addresses."""
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


def load_weights(path: Path = PATH) -> dict[str, np.ndarray]:
    """Return the layers' arrays by their names in the archive, `dense_1/vars/0` and so on; those of one kind in order.

    The kernel of a dense layer, (inputs, outputs) float32, is its variable 0 and the bias, (outputs,), its variable 1.
    Raises PipelineError when the archive is missing or damaged. Keras is not imported, which would take seconds.
    """
    arrays: dict[str, np.ndarray] = {}

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with readable(path, "train"):
        content = zipfile.ZipFile(path).read("model.weights.h5")
        h5py.File(io.BytesIO(content))["layers"].visititems(collect)
    return {name: arrays[name] for name in sorted(arrays, key=lambda name: (len(name), name))}  # dense_10 after dense_2


def load_config(path: Path = PATH) -> dict[str, Any]:
    """Return Keras' configuration of the saved network. Raises PipelineError when the archive is missing or damaged."""
    with readable(path, "train"), zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def uncovered(config: Mapping[str, Any]) -> list[str]:
    """Return the kinds of layers that network/layers.py does not cover, as `conv2d (groups)`, for Keras' configuration.

    Without any, the same bytes are promised on every supported machine: the network is a chain of layers of COVERED
    that ends in a dense one with softmax. Otherwise they are promised on one machine only.
    """
    layers = config["config"]["layers"]
    found = [] if config["class_name"] == "Sequential" else [snake_case(config["class_name"])]
    for layer in layers:
        kind = snake_case(layer["class_name"])
        if kind not in COVERED or (layer is layers[-1] and kind != "dense"):
            found.append(kind)
            continue
        expected = {**EXPECTED, "activation": "softmax"} if layer is layers[-1] else EXPECTED
        options = {k: plain(v) for k, v in layer["config"].items() if k not in COVERED[kind] | {"name"}}
        other = sorted(k for k, value in options.items() if value not in (None, expected.get(k)))
        if kind == "dense" and len(layer["build_config"]["input_shape"]) != 2:
            other.append("input_shape")
        found += [f"{kind} ({', '.join(other)})"] if other else []
    return list(dict.fromkeys(found))


def snake_case(class_name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", class_name).lower()


def plain(value: Any) -> Any:
    """Return what Keras calls an option's value: the class of an initializer, the name of a dtype policy."""
    return value["config"].get("name", value["class_name"]) if isinstance(value, dict) and "config" in value else value
