"""How long an epoch takes, compared with Keras' own `fit` of the same network: `python tests/benchmarks/training.py`.

After `make`. Each way runs in a process of its own, in turn, and trains, validates and measures the same. The fastest
of several runs counts, because whatever else the machine does can only slow one down.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from measure import PROJECT, machine, print_table, run  # makes tools/ importable

from running import copies, overrides

DATA = PROJECT / "data/normalized"
REPEATS = 3
# Parameters; the epochs of two trainings, whose difference is without start and compilation; and jit_compile of Keras,
# whose convolutions take several times as long with XLA.
NETWORKS: dict[str, tuple[dict, tuple[int, int], str]] = {
    "128 and 64 units": ({"model.hidden_units": [128, 64]}, (3, 13), "auto"),
    "512 and 256 units": ({"model.hidden_units": [512, 256]}, (3, 13), "auto"),
    "two convolutions": ({"model.convolutions": [32, 64], "model.hidden_units": []}, (1, 3), ""),
}


def ours(project: Path, few: int, many: int) -> float:
    """Return the seconds of an epoch of stages/train.py."""
    seconds = []
    for epochs in (few, many):
        overrides.write(project, {"train.epochs": epochs})
        seconds.append(run([sys.executable, "stages/train.py"], project))
    return (seconds[1] - seconds[0]) / (many - few)


def fit(model: str, jit_compile: str) -> float:
    """Fit a copy of a saved network as Keras does by default; return the seconds of the fastest of three epochs."""
    import keras
    import numpy as np

    train, validation = (
        tuple(np.load(DATA / split / f"{name}.npy") for name in ("images", "labels"))
        for split in ("train", "validation")
    )
    network = keras.models.clone_model(keras.saving.load_model(model, compile=False))
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile or False)
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: times.append(-perf_counter()),
        on_epoch_end=lambda epoch, logs: times.append(times.pop() + perf_counter()),
    )
    network.fit(*train, batch_size=128, epochs=4, validation_data=validation, callbacks=[clock], verbose=0)
    return min(times[1:])


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(fit(*sys.argv[1:])))
        return
    if not DATA.exists():
        raise SystemExit("data/normalized is missing: run `make` first")
    rows = []
    for name, (parameters, epochs, jit_compile) in NETWORKS.items():
        mine, keras = [], []
        with TemporaryDirectory() as folder:
            project = copies.copy(PROJECT, Path(folder))
            (project / "data/normalized").symlink_to(DATA)
            overrides.write(project, {**parameters, "train.batch_size": 128})
            command = [sys.executable, __file__, project / "models/model.keras", jit_compile]
            for _ in range(REPEATS):
                mine.append(ours(project, *epochs))
                output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                keras.append(json.loads(output.splitlines()[-1]))
        rows.append([name, min(mine), min(keras), min(mine) / min(keras)])
    title = f"seconds of an epoch at batch 128, the fastest of {REPEATS} runs; {machine()}"
    print_table(title, ["", "this project", "Keras' fit", "ratio"], rows)


if __name__ == "__main__":
    main()
