"""How long an epoch takes, compared with its bare matrix products and with other ways to fit the same network.

`python tests/benchmarks/training.py [--peers PYTHON]`, after `make`. PYTHON is an interpreter with PyTorch or JAX, by
default this one; what is not installed is left out. Each way runs in a process of its own, in turn. All but the matrix
products do the same work: they train, and compute loss and accuracy of the training and the validation images. The
fastest of several epochs counts, because whatever else the machine does can only slow one down.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from measure import PROJECT, machine, print_table, run  # makes tools/ importable

SIZES = [(128, 64), (512, 256)]
BATCH, EPOCHS, REPEATS = 128, 6, 3
LONG, SHORT = 13, 3  # epochs of two trainings, whose difference is without start and compilation
DATA = PROJECT / "data/normalized"
PEERS = ["torch", "jax"]
WAYS = ["matrix products", "this project", "keras", "keras, batch 32", *PEERS]


def ours(sizes: tuple[int, int]) -> float:
    """Return the seconds of an epoch of stages/train.py."""
    from running import copies, overrides  # whose packages an interpreter with PyTorch need not have

    with TemporaryDirectory() as folder:
        project = copies.copy(PROJECT, Path(folder))
        (project / "data/normalized").symlink_to(DATA)
        overrides.write(project, {"model.hidden_units": list(sizes), "train.batch_size": BATCH})
        found = []
        for epochs in (SHORT, LONG):
            overrides.write(project, {"train.epochs": epochs})
            found.append(run([sys.executable, "stages/train.py"], project))
    return (found[1] - found[0]) / (LONG - SHORT)


def other(way: str, sizes: tuple[int, int], python: str) -> float | None:
    """Run one way in a process of its own; return its seconds an epoch, None if it is not installed."""
    command = [python, __file__, "--way", way, "--sizes", *map(str, sizes)]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if result.returncode and "ModuleNotFoundError" not in result.stderr:
        raise SystemExit(result.stderr)
    return None if result.returncode else json.loads(result.stdout.splitlines()[-1])


def report(sizes: tuple[int, int], python: str) -> None:
    """Measure every way REPEATS times in turn and print the fastest epoch of each, as ratios too."""
    found: dict[str, list] = {way: [] for way in WAYS}
    for _ in range(REPEATS):
        for way, seconds in found.items():
            mine = way == "this project"
            seconds.append(ours(sizes) if mine else other(way, sizes, python if way in PEERS else sys.executable))
    best = {way: min(seconds) for way, seconds in found.items() if None not in seconds}
    bases = best["matrix products"], best["this project"]
    print_table(
        f"{sizes[0]} and {sizes[1]} units, batch {BATCH}",
        ["", "seconds an epoch", "/ matrix products", "/ this project"],
        [(way, seconds, *(seconds / base for base in bases)) for way, seconds in best.items()],
    )


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable, help="an interpreter with PyTorch or JAX")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        ways = {
            "matrix products": matrix_products,
            "keras": lambda sizes: keras_defaults(sizes, BATCH),
            "keras, batch 32": lambda sizes: keras_defaults(sizes, 32),
            "torch": pytorch,
            "jax": jax_scan,
        }
        print(json.dumps(min(ways[arguments.way](tuple(arguments.sizes))[1:])))  # the first epoch compiles
        return
    if not DATA.exists():
        raise SystemExit("data/normalized is missing: run `make` first")
    print(f"{machine()}; the fastest epoch of {REPEATS} runs, in turn")
    for sizes in SIZES:
        report(sizes, arguments.peers)


if __name__ == "__main__":
    main()
