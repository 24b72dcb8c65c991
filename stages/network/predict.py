"""Load a trained network and compute its probabilities, with the arithmetic of the training."""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.files import rerun_hint
from contracts import archive
from contracts.dataset import SHAPE
from network import layers
from network.determinism import keras, set_threads, tf, uncovered

BATCH = 2_000  # images


def load(path: Path = archive.PATH) -> keras.Model:
    """Open the archive. Raises PipelineError when it is missing or damaged."""
    set_threads(archive.uncovered(archive.load_config(path)))
    try:
        return keras.saving.load_model(path)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        # Keras puts the cause last, after the whole configuration of each layer around it.
        reason = " ".join(str(error).split()).rpartition("Exception encountered: ")[2]
        raise PipelineError(
            f"{path} is not a model that Keras {keras.__version__} opens ({reason[:200]}); {rerun_hint('train')}"
        ) from None


def compiled(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function from BATCH images to their probabilities, computed as in training; it is compiled once."""
    if uncovered(network):
        return tf.function(partial(network, training=False), autograph=False)
    return tf.function(partial(layers.answer, network.layers), autograph=False, jit_compile=True)


def predict(answer: Callable[[tf.Tensor], tf.Tensor], images: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, classes) float32 for images (n, 28, 28) float32 in [0, 1].

    answer: a compiled network. The last batch is padded with blank images, because XLA compiles once per batch size.
    """
    missing = -len(images) % BATCH
    full = np.concatenate([images, np.zeros((missing, *SHAPE), np.float32)]) if missing else images
    answers = [answer(tf.constant(full[start : start + BATCH])).numpy() for start in range(0, len(full), BATCH)]
    return np.concatenate(answers)[: len(images)]
