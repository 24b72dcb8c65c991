"""How fast the network trains, beside its bare matrix products and other ways to fit it, all in one run.

`python tests/benchmarks/training.py [--peers PYTHON]`, after `make`. PYTHON is an interpreter that has PyTorch or JAX,
by default this one; a peer that is not installed is left out. Each way runs in a process of its own, in turn. All but
the matrix products do the same work: they train, and say after each epoch what `history.csv` says of it, loss and
accuracy of the training and of the validation images. What counts is the fastest epoch of each way, because whatever
else the machine does can only make an epoch slower; the first does not count, it compiles.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from measure import PROJECT, machine, print_table

SIZES = [(128, 64), (512, 256)]
BATCH, EPOCHS, REPEATS = 128, 6, 3
DATA = PROJECT / "data/normalized"
OURS = ["ours", "without the settings"]
PEERS = ["torch", "jax"]
WAYS = ["matrix products", *OURS, "keras", "keras, batch 32", *PEERS]


def measure(way: str, sizes: tuple[int, int], python: str) -> dict[str, float] | None:
    """Run one way in a process of its own; return its seconds an epoch by what they go to, None if not installed."""
    command = [python, __file__, "--way", way, "--sizes", *map(str, sizes)]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if result.returncode:
        if "ModuleNotFoundError" in result.stderr:
            return None
        raise SystemExit(result.stderr)
    return json.loads(result.stdout.splitlines()[-1])


def report(sizes: tuple[int, int], python: str) -> None:
    """Measure every way REPEATS times in turn and print the fastest epoch of each, as ratios too."""
    found: dict[str, list] = {way: [] for way in WAYS}
    for _ in range(REPEATS):
        for way in WAYS:
            found[way].append(measure(way, sizes, python if way in PEERS else sys.executable))
    best = {way: min(runs, key=lambda run: run["epoch"]) for way, runs in found.items() if all(runs)}
    products, ours = best["matrix products"]["epoch"], best["ours"]
    print_table(
        f"{sizes[0]} and {sizes[1]} units, batch {BATCH}, seconds an epoch",
        ["", "epoch", "x matrix products", "x ours"],
        [(way, run["epoch"], run["epoch"] / products, run["epoch"] / ours["epoch"]) for way, run in best.items()],
    )
    print_table(
        "Where ours go",
        ["", "seconds"],
        [(part, seconds) for part, seconds in ours.items() if part != "epoch"],
    )
    missing = [way for way in WAYS if way not in best]
    print(f"\nnot installed: {', '.join(missing)}" if missing else "")


def ours(sizes: tuple[int, int], settings: bool) -> dict[str, float]:
    """Fit as stages/train.py does; without the settings of determinism.py, with TensorFlow as it comes."""
    sys.path = [str(PROJECT / "stages"), *sys.path]
    sys.path.remove(str(Path(__file__).parent))  # its training.py would hide stages/network
    if not settings:
        import types

        from common import memory

        memory.keep_freed()
        import keras
        import tensorflow

        plain = types.ModuleType("network.determinism")
        plain.keras, plain.tf = keras, tensorflow
        sys.modules["network.determinism"] = plain
    os.chdir(PROJECT)
    from tempfile import TemporaryDirectory

    from common import params
    from common.params import Model, Train
    from contracts import dataset
    from network import batches
    from network.build import build
    from network.checkpoint import Checkpoint
    from network.fit import fit

    splits = [dataset.load(DATA / name) for name in ("train", "validation")]
    values = params.load(Train).model_copy(update={"batch_size": BATCH, "epochs": EPOCHS})
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        clock = timed(Checkpoint)("train", [], "", Path("history.csv"), EPOCHS)
        fit(build(Model(hidden_units=[*sizes]), 10, 0), *splits, values, clock)
        start = perf_counter()
        plan = batches.Plan.of(len(splits[0].labels), values)
        for _ in batches.shuffled(splits[0], values, plan, range(1)):
            pass
        feeding = perf_counter() - start
    best = min(range(1, EPOCHS), key=clock.epochs.__getitem__)
    epoch, validation, callbacks = clock.epochs[best], clock.validation[best], clock.callbacks[best]
    return {
        "epoch": epoch,
        "steps": epoch - validation - callbacks,
        "validation": validation,
        "callbacks": callbacks,
        "batches, alone (they are prepared meanwhile)": feeding,
        "compilation, once": clock.epochs[0] - epoch,
    }


def timed(base: type) -> type:
    """Return a checkpoint that also notes when epochs, validations and the callbacks themselves begin and end."""

    class Clock(base):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.epochs, self.validation, self.callbacks = [], [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.began = perf_counter()

        def on_test_begin(self, logs=None):
            self.tested = perf_counter()

        def on_test_end(self, logs=None):
            self.ended = perf_counter()
            self.validation.append(self.ended - self.tested)

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self.callbacks.append(perf_counter() - self.ended)
            self.epochs.append(perf_counter() - self.began)

    return Clock


def keras_defaults(sizes: tuple[int, int], batch: int) -> list[float]:
    """Fit with everything that Keras does by default, but for the size of a batch."""
    import keras

    images, labels, validation = load()
    network = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            *(keras.layers.Dense(units, activation="relu") for units in sizes),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    seconds: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seconds.append(-perf_counter()),
        on_epoch_end=lambda epoch, logs: seconds.append(seconds.pop() + perf_counter()),
    )
    network.fit(images, labels, batch, epochs=EPOCHS, validation_data=validation, callbacks=[clock], verbose=0)
    return seconds


def load() -> tuple:
    import numpy as np

    arrays = {
        f"{split} {name}": np.load(DATA / split / f"{name}.npy")
        for split in ("train", "validation")
        for name in ("images", "labels")
    }
    return arrays["train images"], arrays["train labels"], (arrays["validation images"], arrays["validation labels"])


def matrix_products(sizes: tuple[int, int]) -> list[float]:
    """Multiply what one epoch multiplies, and nothing else: forward, gradients of the weights, gradients of inputs."""
    import numpy as np

    images = load()[0].reshape(-1, 784)
    widths = [784, *sizes, 10]
    random = np.random.default_rng(0)
    weights = [random.random(shape, np.float32) for shape in zip(widths, widths[1:], strict=False)]
    values = [random.random((BATCH, width), np.float32) for width in widths]
    seconds = []
    for _ in range(EPOCHS):
        start = perf_counter()
        for first in range(0, len(images) - BATCH + 1, BATCH):
            values[0] = images[first : first + BATCH]
            for value, weight in zip(values, weights, strict=False):
                value @ weight
            for value, gradient in zip(values, values[1:], strict=False):
                value.T @ gradient
            for gradient, weight in zip(values[2:], weights[1:], strict=True):
                gradient @ weight.T
        seconds.append(perf_counter() - start)
    return seconds


def pytorch(sizes: tuple[int, int]) -> list[float]:
    """Fit the plainest PyTorch loop: the images in one tensor, indexed."""
    import torch

    images, labels, (validation, truth) = load()
    images, labels = torch.from_numpy(images), torch.from_numpy(labels).long()
    validation, truth = torch.from_numpy(validation), torch.from_numpy(truth).long()
    widths = [784, *sizes, 10]
    layers: list = [torch.nn.Flatten()]
    for wide, narrow in zip(widths, widths[1:], strict=False):
        layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer, measure_loss = torch.optim.Adam(network.parameters()), torch.nn.CrossEntropyLoss()
    seconds = []
    for _ in range(EPOCHS):
        start = perf_counter()
        total, hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            scores = network(images[batch])
            loss = measure_loss(scores, labels[batch])
            loss.backward()
            optimizer.step()
            total += loss.detach()
            hits += (scores.argmax(1) == labels[batch]).sum()
        with torch.no_grad():
            scores = network(validation)
            found = total, hits, measure_loss(scores, truth), (scores.argmax(1) == truth).float().mean()
        [value.item() for value in found]
        seconds.append(perf_counter() - start)
    return seconds


def jax_scan(sizes: tuple[int, int]) -> list[float]:
    """Fit with JAX, an epoch as one compiled scan; Adam by hand, as Kingma and Ba (2015) have it."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    images, labels, (validation, truth) = load()
    images, labels = jnp.asarray(images.reshape(-1, 784)), jnp.asarray(labels)
    validation, truth = jnp.asarray(validation.reshape(-1, 784)), jnp.asarray(truth)
    widths, random = [784, *sizes, 10], np.random.default_rng(0)
    weights = [
        (jnp.asarray(random.normal(0, (2 / i) ** 0.5, (i, o)), jnp.float32), jnp.zeros(o))
        for i, o in zip(widths, widths[1:], strict=False)
    ]

    def logits(weights, x):
        for w, b in weights[:-1]:
            x = jax.nn.relu(x @ w + b)
        return x @ weights[-1][0] + weights[-1][1]

    def loss(weights, x, y):
        scores = logits(weights, x)
        accuracy = (scores.argmax(1) == y).mean()
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), y[:, None], 1).mean(), accuracy

    def step(state, batch):
        weights, mean, square, t = state
        found, gradient = jax.value_and_grad(loss, has_aux=True)(weights, images[batch], labels[batch])
        t += 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, gradient)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = jax.tree.map(lambda w, m, s: w - rate * m / (jnp.sqrt(s) + 1e-7), weights, mean, square)
        return (weights, mean, square, t), found

    @jax.jit
    def epoch(state, order):
        state, found = jax.lax.scan(step, state, order)
        return state, (*(values.mean() for values in found), *loss(state[0], validation, truth))

    zeros = jax.tree.map(jnp.zeros_like, weights)
    state, seconds = (weights, zeros, zeros, 0.0), []
    for _ in range(EPOCHS):
        start = perf_counter()
        steps = len(images) // BATCH
        state, found = epoch(state, jnp.asarray(random.permutation(len(images))[: steps * BATCH].reshape(-1, BATCH)))
        [value.item() for value in found]
        seconds.append(perf_counter() - start)
    return seconds


def fit(way: str, sizes: tuple[int, int]) -> dict[str, float]:
    match way:
        case "ours" | "without the settings":
            return ours(sizes, settings=way == "ours")
        case "keras" | "keras, batch 32":
            epochs = keras_defaults(sizes, BATCH if way == "keras" else 32)
        case "torch":
            epochs = pytorch(sizes)
        case "jax":
            epochs = jax_scan(sizes)
        case _:
            epochs = matrix_products(sizes)
    return {"epoch": min(epochs[1:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable, help="an interpreter with PyTorch or JAX")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(fit(arguments.way, tuple(arguments.sizes))))
        return
    if not Path(DATA).exists():
        raise SystemExit("data/normalized is missing: run `make` first")
    print(f"{machine()}; the fastest epoch of {REPEATS} runs of {EPOCHS}, in turn")
    for sizes in SIZES:
        report(sizes, arguments.peers)


if __name__ == "__main__":
    main()
