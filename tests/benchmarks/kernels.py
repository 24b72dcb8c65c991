"""Where the time of an epoch goes inside the compiled program, beside JAX: the kernels of XLA, by what they do.

`python tests/benchmarks/kernels.py [--peers PYTHON]`, after `make`. PYTHON is an interpreter that has JAX; without it
there is no column of JAX. Both do the work of training.py under XLA's profiler, whose own time is included.
"""

import argparse
import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import machine, print_table

TRAINING = runpy.run_path(str(Path(__file__).with_name("training.py")))  # not imported: stages/network has its name

# By the names that XLA gives its kernels; the first that fits. What no pattern fits is no kernel.
GROUPS = {
    "matrix products": r"dot|MatMul|ynn_fusion",
    "images of a batch, transposes, copies": r"(wrapped_|loop_)*(bitcast_|slice_)*(transpose|copy|gather|dynamic)",
    "Adam": r"(bitcast_)?(multiply_add|divide_subtract|subtract_divide|add_divide|multiply_subtract|sqrt)",
    "the rest": r"[a-z_0-9-]*(fusion|wrapped|reduce|broadcast|select|compare)",
}


@contextmanager
def profiled(way: str, folder: str):
    """Let XLA write down when its kernels begin and end."""
    if way == "jax":
        import jax

        options = jax.profiler.ProfileOptions()
        options.host_tracer_level, options.python_tracer_level = 3, 0
        with jax.profiler.trace(folder, profiler_options=options):
            yield
    else:
        from tensorflow.profiler import experimental

        with experimental.Profile(folder, experimental.ProfilerOptions(3, 0)):
            yield


def kernels(folder: str) -> Counter:
    """Return the seconds of each kernel that was profiled, by its name."""
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

    seconds: Counter = Counter()
    for path in Path(folder).rglob("*.xplane.pb"):
        for plane in XSpace.FromString(path.read_bytes()).planes:
            for line in plane.lines:
                for event in line.events:
                    seconds[plane.event_metadata[event.metadata_id].name] += event.duration_ps / 1e12
    return seconds


def grouped(seconds: Counter) -> dict[str, float]:
    """Return the milliseconds of an epoch by group."""
    found = dict.fromkeys(GROUPS, 0.0)
    for name, value in seconds.items():
        group = next((group for group, pattern in GROUPS.items() if re.match(pattern, name)), None)
        if group:
            found[group] += 1000 * value / TRAINING["EPOCHS"]
    return found


def measure(way: str, sizes: tuple[int, int], python: str) -> dict[str, float] | None:
    with TemporaryDirectory() as folder:
        command = [python, __file__, "--way", way, "--sizes", *map(str, sizes), "--folder", folder]
        result = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        )
        if "ModuleNotFoundError" in result.stderr:
            return None
        if result.returncode:
            raise SystemExit(result.stderr)
        return grouped(kernels(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable, help="an interpreter with JAX")
    for hidden in ("--way", "--folder"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        with profiled(arguments.way, arguments.folder):
            TRAINING["fit"](arguments.way, tuple(arguments.sizes))
        return
    print(machine())
    for sizes in TRAINING["SIZES"]:
        ways = {"ours": measure("ours", sizes, sys.executable), "JAX": measure("jax", sizes, arguments.peers)}
        ways = {way: found for way, found in ways.items() if found}
        rows = [(group, *(round(found[group]) for found in ways.values())) for group in GROUPS]
        rows.append(("all kernels", *(round(sum(found.values())) for found in ways.values())))
        print_table(f"{sizes[0]} and {sizes[1]} units, milliseconds an epoch", ["", *ways], rows)


if __name__ == "__main__":
    main()
