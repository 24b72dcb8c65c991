"""Keras and TensorFlow, set up so that the same inputs give the same bytes. Always import them from here.

The settings must be in the environment before TensorFlow is imported; importing it here makes that so however a stage
is started. They override the user's environment; otherwise reproducibility would depend on the shell. A
line on standard error says so if the two differ.

What they do not touch (the number of threads, ONEDNN_MAX_CPU_ISA, GLIBC_TUNABLES ...) does not change a byte: XLA
compiles the whole training step, and network/arithmetic.py gives it each sum in a form whose order is fixed.
"""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
    # ~/.keras/keras.json may name another backend.
    "KERAS_BACKEND": "tensorflow",
}


def apply() -> None:
    """Put SETTINGS into the environment; report overridden values, and machines where they do not suffice."""
    for name, value in SETTINGS.items():
        if os.environ.get(name, value) != value:
            print(
                f"{name}={os.environ[name]} is set; using {value!r}, so that results are reproducible", file=sys.stderr
            )
    if why := platform_support.unsupported_reason():
        print(f"{why}: the same bytes as on other machines are not promised (docs/reproducibility.md)", file=sys.stderr)
    os.environ.update(SETTINGS)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no log noise; bytes do not depend on it


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


apply()
with quiet():
    import keras
    import tensorflow as tf  # noqa: F401

# ~/.keras/keras.json may change these as well; the values are Keras' own defaults.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
keras.config.set_dtype_policy("float32")
