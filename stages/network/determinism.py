"""Keras and TensorFlow, set up so that the same inputs give the same bytes. Always import them from here.

The settings must be in the environment before TensorFlow is imported. They override the user's environment, because
reproducibility would depend on the shell otherwise; a line on standard error reports each value that is overridden.

Other variables (the number of threads, ONEDNN_MAX_CPU_ISA, GLIBC_TUNABLES ...) do not change a byte: XLA compiles the
whole training step, and network/arithmetic.py gives it each sum in a form whose order is fixed. Networks with layers
that network/layers.py does not cover run on Keras' own operations, with the same bytes on one machine only (`steady`).
"""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from contracts import archive
from network import platform_support

# The widest vectors for the code that XLA compiles itself: wider ones would add in a different order. AVX2 came with
# Haswell, 2013; NEON is in every 64-bit ARM.
ISA = "NEON" if platform.machine().lower() in ("aarch64", "arm64") else "AVX2"
SETTINGS = {
    # Intel's oneDNN picks its kernels, and with them the order of the sums, by instruction set and number of threads.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # Eigen's matrix product with oneDNN kernels; chosen by the instruction set as well.
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0",
    # XLA's matrix products come from YNNPACK, which picks a kernel, and with it how a sum is cut, by the CPU's
    # instructions, unless the second flag asks it for the same sums on all. The third leaves the products in the form
    # that network/arithmetic.py gives them: folded into a product, a transpose makes XLA leave it to Eigen.
    "XLA_FLAGS": f"--xla_cpu_max_isa={ISA} --xla_cpu_enable_platform_dependent_math=false "
    "--xla_disable_hlo_passes=transpose-folding",
    # Other XLA options of the user's shell could change the compiled program.
    "TF_XLA_FLAGS": "",
    # A GPU adds in a different order.
    "CUDA_VISIBLE_DEVICES": "-1",
    # keras.json in this folder may name another backend, type of numbers or order of channels.
    "KERAS_HOME": os.devnull,
    # So may the environment.
    "KERAS_BACKEND": "tensorflow",
}
THREADS = 4  # of Keras' own operations; on two cores no slower than two


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what C++ writes to standard error: TensorFlow's first lines come before it reads TF_CPP_MIN_LOG_LEVEL."""
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


for name, value in SETTINGS.items():
    if os.environ.get(name, value) != value:
        print(f"{name}={os.environ[name]} is set; using {value!r}, so that results are reproducible", file=sys.stderr)
if why := platform_support.unsupported_reason():
    print(f"{why}: the same bytes as on other machines are not promised (docs/reproducibility.md)", file=sys.stderr)
os.environ.update(SETTINGS)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no log noise; bytes do not depend on it
with quiet():
    import keras
    import tensorflow as tf  # noqa: F401


def uncovered(network: keras.Model) -> list[str]:
    """Return the kinds of layers that network/layers.py does not cover; see contracts/archive.py."""
    return archive.uncovered(json.loads(network.to_json()))


def steady(build: Callable[[], keras.Model]) -> keras.Model:
    """Return the network that `build` returns; if any of its layers is not covered, print them and call `set_threads`.

    That must happen before TensorFlow starts, hence a draft without weights is built first.
    """
    with keras.StatelessScope(initialize_variables=False):
        kinds = uncovered(build())
    if kinds:
        print(f"{', '.join(kinds)}: same bytes on this machine only")
    set_threads(kinds)
    return build()


def set_threads(kinds: Sequence[str]) -> None:
    """Make the order of sums independent of the number of cores, and of the run, for layers that are not covered.

    TensorFlow cuts sums by the number of its threads. In a process that has used TensorFlow before, it keeps its own.
    """
    if kinds:
        tf.config.experimental.enable_op_determinism()
        with suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(THREADS)
