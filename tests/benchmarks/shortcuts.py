"""What each shortcut in the code saves: `python tests/benchmarks/shortcuts.py`, after `make`, on an idle machine.

Runs stages in a copy of the project, in turn with all shortcuts and without one of them. A shortcut that saves less
than two percent of a run is not worth its code.
"""

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import yaml
from measure import PROJECT, machine, print_table, run  # makes tools/ importable

from running import copies

REPEATS = 3
STAGES = ["normalize", "eda", "train", "evaluate", "plot"]  # those that have a shortcut; `reader` has those of `train`


def import_everything() -> None:
    imports = importlib.import_module("common.imports")
    without = imports.importing_without
    imports.importing_without = lambda *unused: without()


def search_what_is_imported() -> None:
    does_nothing = SimpleNamespace(isenabled=int, disable=int, freeze=int, enable=int)
    importlib.import_module("common.imports").gc = does_nothing


def give_memory_back() -> None:
    importlib.import_module("common.memory").keep_freed = lambda: None


def let_tensorflow_copy() -> None:
    batches = importlib.import_module("training.batches")
    batches.aligned = lambda size, batch_size: np.empty((size, batch_size, 28, 28), np.float32)


# By name: how to do without it, and the stages that have it.
SHORTCUTS: dict[str, tuple[Callable[[], None], list[str]]] = {
    "imports without unused packages": (import_everything, STAGES),
    "no searches for garbage in what is imported": (search_what_is_imported, STAGES),
    "freed memory is kept": (give_memory_back, ["train", "evaluate"]),
    "arrays that TensorFlow need not copy": (let_tensorflow_copy, ["train"]),
}


def run_stage(stage: str, without: str | None) -> None:
    """Run a stage in this process, without one of the shortcuts."""
    here = Path(__file__).resolve().parent  # which has a `training` of its own
    sys.path[:] = ["stages", *(folder for folder in sys.path if Path(folder).resolve() != here)]
    if without:
        SHORTCUTS[without][0]()
    sys.argv = [f"stages/{stage}.py"]
    module = importlib.import_module(stage)
    importlib.import_module("common.errors").run(module.main)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--without", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        return run_stage(arguments.stage, arguments.without)

    best: dict[tuple[str, str | None], float] = {}
    with TemporaryDirectory() as scratch:
        project = copies.copy(PROJECT, Path(scratch) / "project")
        environment = {**copies.environment(), "MNIST_MIRROR": str(PROJECT / "data/raw")}
        for stage in yaml.safe_load((project / "dvc.yaml").read_text())["stages"]:
            variants = [None, *(name for name, (_, stages) in SHORTCUTS.items() if stage in stages)]
            for _ in range(REPEATS):  # in turn, so that all see the same weather
                for name in variants:
                    command = [sys.executable, __file__, stage, *(["--without", name] if name else [])]
                    seconds = run(command, project, **environment).seconds
                    best[stage, name] = min(seconds, best.get((stage, name), seconds))
    cold = sum(seconds for (_, name), seconds in best.items() if name is None)
    rows = []
    for name, (_, stages) in SHORTCUTS.items():
        saved = sum(best[stage, name] - best[stage, None] for stage in stages)
        rows.append((name, ", ".join(stages), saved, 100 * saved / cold))
    print(f"{machine()}; the best of {REPEATS} runs each, in turn; all stages together take {cold:.1f} s")
    print_table("Shortcuts", ["", "stages", "saves (s)", "of a cold run (%)"], rows)


if __name__ == "__main__":
    main()
