"""How long an epoch takes, compared with Keras' own `fit` of the same network: `python tests/benchmarks/training.py`.

After `make`. Each way runs in a process of its own, in turn, and trains, validates and measures the same. The fastest
of several runs counts, because whatever else the machine does can only slow one down.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from measure import PROJECT, machine, print_table, run  # makes tools/ importable

from running import copies, overrides

DATA = PROJECT / "data/normalized"
REPEATS = 3
# Parameters, and the epochs of two trainings, whose difference is without start and compilation.
NETWORKS: dict[str, tuple[dict, tuple[int, int]]] = {
    "128 and 64 units": ({"model.hidden_units": [128, 64]}, (3, 13)),
    "512 and 256 units": ({"model.hidden_units": [512, 256]}, (3, 13)),
    "two convolutions": ({"model.convolutions": [32, 64], "model.hidden_units": []}, (1, 3)),
}
WAYS = {"fit": "auto", "fit without XLA": False}  # Keras' jit_compile


def ours(project: Path, few: int, many: int) -> float:
    """Return the seconds of an epoch of stages/train.py."""
    seconds = []
    for epochs in (few, many):
        overrides.write(project, {"train.epochs": epochs})
        seconds.append(run([sys.executable, "stages/train.py"], project))
    return (seconds[1] - seconds[0]) / (many - few)


def fit(model: str, way: str, epochs: int) -> float:
    """Fit a copy of a saved network as Keras does by default; return the seconds of the fastest epoch but the first."""
    import keras
    import numpy as np

    train, validation = (
        tuple(np.load(DATA / split / f"{name}.npy") for name in ("images", "labels"))
        for split in ("train", "validation")
    )
    network = keras.models.clone_model(keras.saving.load_model(model, compile=False))
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=WAYS[way])
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: times.append(-perf_counter()),
        on_epoch_end=lambda epoch, logs: times.append(times.pop() + perf_counter()),
    )
    network.fit(*train, batch_size=128, epochs=epochs, validation_data=validation, callbacks=[clock], verbose=0)
    return min(times[1:])


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(fit(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
        return
    if not DATA.exists():
        raise SystemExit("data/normalized is missing: run `make` first")
    rows = []
    for name, (parameters, epochs) in NETWORKS.items():
        found: dict[str, list[float]] = {way: [] for way in ("this project", *WAYS)}
        with TemporaryDirectory() as folder:
            project = copies.copy(PROJECT, Path(folder))
            (project / "data/normalized").symlink_to(DATA)
            overrides.write(project, {**parameters, "train.batch_size": 128})
            for _ in range(REPEATS):
                found["this project"].append(ours(project, *epochs))
                for way in WAYS:
                    command = [sys.executable, __file__, str(project / "models/model.keras"), way, "4"]
                    output = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
                    found[way].append(json.loads(output.stdout.splitlines()[-1]))
        mine, *others = (min(seconds) for seconds in found.values())
        rows.append([name, mine, *others, mine / min(others)])
    title = f"seconds of an epoch at batch 128, the fastest of {REPEATS} runs; {machine()}"
    print_table(title, ["", "this project", *WAYS, "/ the faster fit"], rows)


if __name__ == "__main__":
    main()
