"""MNIST, identified by the SHA-256 of its files: the reader is trained on it, whatever data the pipeline uses."""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from common.errors import PipelineError
from common.params import Download
from contracts.dataset import SHAPE
from sources.fetch import save, without_secrets
from sources.source import open_source

RAW = "data/raw"  # where the pipeline keeps its own data, which usually is MNIST
HEADER = {"images": 16, "labels": 8}  # bytes of an IDX file before its values


def load(settings: Download) -> list[np.ndarray]:
    """Return training images (n, 28, 28) uint8, their labels (n,) uint8, test images and their labels, as published.

    The files come from data/raw if it holds them, otherwise from MNIST_MIRROR, if that is set, or the first source that
    has them. Raises PipelineError, with the reason for each source, when there is none.
    """
    digests = settings.sha256.model_dump(by_alias=True)
    mirror = os.environ.get("MNIST_MIRROR")
    reasons = []
    for source in [RAW, *([mirror] if mirror else settings.sources)]:
        try:
            with TemporaryDirectory() as folder:
                return read(source, digests, Path(folder))
        except Exception as error:  # bad data can raise any error; the next source may still work
            reason = str(error) if isinstance(error, PipelineError) else type(error).__name__
            reasons.append(f"{without_secrets(source)}: {reason}")
    raise PipelineError("\n  ".join(["no source has MNIST, on which the reader is trained", *reasons]))


def read(source: str, digests: Mapping[str, str | None], folder: Path) -> list[np.ndarray]:
    """Return the arrays of one source, in the order of `digests`; `folder` is an empty working folder.

    Raises PipelineError when a digest differs, and what `open_source` raises.
    """
    arrays = []
    with open_source(source, folder) as find:
        for name, digest in digests.items():
            path, kind = folder / name, name.split("-")[1]
            if not any(save(chunks, path) == digest for chunks in find(name)):
                raise PipelineError(f"{name}: expected SHA-256 {digest}, found another file")
            values = np.fromfile(path, np.uint8, offset=HEADER[kind])
            arrays.append(values.reshape(-1, *SHAPE) if kind == "images" else values)
    return arrays
