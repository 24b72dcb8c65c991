"""The archive of the trained network: Keras' own format, with the same bytes for the same network."""

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from common.files import atomic_write

if TYPE_CHECKING:  # importing Keras takes seconds, and most readers of the archive do without
    from network.determinism import keras

PATH = Path("models/model.keras")
# Options of layers and initializers, all unset, that older versions of Keras refuse as unknown.
RECENT = ("input_axes", "output_axes", "quantization_config")


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
    with atomic_write(path) as part:
        original = part.with_suffix(".keras")  # Keras insists on the suffix
        try:
            network.save(original)
            with zipfile.ZipFile(original) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as target:
                for name in sorted(source.namelist()):
                    target.writestr(zipfile.ZipInfo(name), canonical(name, source.read(name)))
        finally:
            original.unlink(missing_ok=True)


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
