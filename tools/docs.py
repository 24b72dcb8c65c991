"""Fill the marked blocks of README.md and docs/ from the results and from the output of commands.

Usage: python tools/docs.py

`<!-- numbers: NAME -->` ... `<!-- end -->` holds what the function of that name returns. `<!-- output -->` ...
`<!-- end -->` holds a console block: its commands (after `$ `) run again, and their output is replaced.
"""

import running.stages_on_path  # noqa: F401

import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import yaml

import seeds
import verify
from common.errors import PipelineError, run
from common.files import atomic_write
from evaluation import intervals
from running import copies

PROJECT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- (numbers: (?P<name>\w+)|output) -->\n)(?P<old>.*?)(<!-- end -->)", re.DOTALL)

Read = Callable[[str], str]  # from the path of a file of the project to its text


def read(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


def table(rows: list[list[str]]) -> str:
    """Return a Markdown table; the first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"


def results(read: Read) -> str:
    """The accuracy over the seeds and of the committed run, and the network."""
    metrics, values = json.loads(read("reports/evaluate/metrics.json")), yaml.safe_load(read("params.yaml"))
    percent = 100 * pd.read_csv(io.StringIO(read("reports/seeds.csv")))["accuracy"]
    low, high = (100 * metrics["accuracy_interval"][end] for end in ("low", "high"))
    images, train = json.loads(read("reports/eda/summary.json"))["images"], values["train"]
    units = " → ".join(map(str, [784, *values["model"]["hidden_units"], len(values["dataset"]["class_names"])]))
    spread = f"mean ± standard deviation, n = {len(percent)} seeds, range {percent.min():.2f} to {percent.max():.2f} %"
    return table(
        [
            ["", ""],
            ["Test accuracy", f"**{percent.mean():.2f} % ± {percent.std(ddof=1):.2f}** ({spread})"],
            [
                f"The committed run, seed {train['seed']}",
                f"{100 * metrics['accuracy']:.2f} %, 95 % interval {low:.1f} to {high:.1f} % "
                f"(Wilson, n = {metrics['images']:,} test images)",
            ],
            [
                "Network",
                f"{units}, dense, ReLU and softmax; {train['epochs']} epochs of Adam on {images['train']:,} images",
            ],
        ]
    )


def seed_noise(read: Read) -> str:
    """How far two single runs may be apart."""
    percent = 100 * pd.read_csv(io.StringIO(read("reports/seeds.csv")))["accuracy"]
    points = seeds.evident_difference(percent)
    return f"Two single runs of these settings differ by {points:.2f} points or more once in 20 times.\n"


def tolerance(read: Read) -> str:
    """What `verify` accepts where bytes differ."""
    accuracy, loss = verify.TOLERANCE["accuracy"], verify.TOLERANCE["loss"]
    return f"The tolerance of `make verify`: accuracy within {100 * accuracy:.1f} points, loss within {loss}.\n"


def rebuilds(read: Read) -> str:
    """The machines on which `make verify` was run."""
    runs = pd.read_csv(io.StringIO(read("docs/rebuilds.csv")), dtype=str, keep_default_na=False)
    rows = [["verdict", "CPU", "system", "Python", "committed"]]
    for row in runs.itertuples():
        rows.append(
            [row.verdict, f"{row.cpu} ({row.architecture}, {row.cores} cores)", row.system, row.python, row.commit_date]
        )
    return table(rows)


def recipes(read: Read) -> str:
    """The distribution that each recipe reached, and what the test images alone add to it."""
    record = pd.read_csv(io.StringIO(read("reports/record.csv")))
    rows = [["recipe", "hidden units", "epochs", "test accuracy", "minutes on two cores"]]
    for name, runs in record.groupby("recipe"):
        units = " and ".join(map(str, yaml.safe_load(read(f"recipes/{name}.yaml"))["model"]["hidden_units"]))
        percent, minutes = 100 * runs["accuracy"], [f"{value:.0f}" for value in sorted(runs["minutes"])]
        spread = f" ± {percent.std(ddof=1):.2f}" if len(runs) > 1 else ""
        time = minutes[0] if minutes[0] == minutes[-1] else f"{minutes[0]} to {minutes[-1]}"
        epochs = str(runs["epochs"].iloc[0])
        rows.append([f"`{name}`", units, epochs, f"{percent.mean():.2f} %{spread} (n = {len(runs)})", time])
    best = record.groupby("recipe")["accuracy"].mean().max()
    low, high = intervals.wilson(round(best * 10_000), 10_000, 0.95)
    return f"{table(rows)}\nTest-set sampling alone gives ±{50 * (high - low):.2f} points (95 %) at the best of them.\n"


def measured(read: Read, benchmark: str, row: str, size: int = -1) -> list[str]:
    """Return the numbers of a row that a benchmark printed, of the network `size`: 0 is the smaller one."""
    lines = read(f"tests/benchmarks/results/avx512/{benchmark}.txt").splitlines()
    rows = [line for line in lines if line.startswith(f"{row}  ")]
    return rows[size].removeprefix(row).split()


def speed(read: Read) -> str:
    """The benchmarks, on a CPU with AVX-512."""
    rows = [["", "512 and 256 units", "128 and 64 units"]]
    epochs = [measured(read, "training", "ours", size) for size in (-1, 0)]
    rows.append(["one epoch", *(f"{seconds} s" for seconds, *_ in epochs)])
    rows.append(["… relative to its matrix products alone (NumPy)", *(products for _, products, _ in epochs)])
    for name, way in (("Keras' own `fit`", "keras"), ("PyTorch", "torch"), ("JAX", "jax")):
        rows.append(
            [f"{name}, relative to this epoch", *(measured(read, "training", way, size)[2] for size in (-1, 0))]
        )
    cold = measured(read, "pipeline", "cold dvc repro")
    rows.append(["all stages from scratch, data included", f"{float(cold[0]):.0f} s", ""])
    rows.append(["… relative to a typical one-file tutorial script", cold[-2], ""])
    return table(rows)


def pages(read: Read) -> str:
    """A link to each page of docs/, with its first sentence."""
    lines = []
    for path in sorted((PROJECT / "docs").glob("*.md")):
        title, first = re.findall(r"\A# (.+)\n+((?:.+\n)+)", read(f"docs/{path.name}"))[0]
        sentence = " ".join(first.split()).split(". ")[0].rstrip(".")
        lines.append(f"- [{title}](docs/{path.name}): {sentence}\n")
    return "".join(lines)


NUMBERS = {f.__name__: f for f in (results, seed_noise, tolerance, rebuilds, recipes, speed, pages)}


def output(block: str) -> str:
    """Run the commands of a console block again; return it with what they print now. Only the last may print.

    Raises PipelineError when a command fails.
    """
    commands = re.findall(r"^\$ (.+)$", block, re.MULTILINE)
    shown = "".join(f"$ {command}\n" for command in commands)
    # `dvc metrics diff` names its files in the order of a set, which the hash seed decides.
    environment = {**copies.environment(), "PYTHONHASHSEED": "0"}
    result = subprocess.run(
        ["bash", "-ec", "\n".join(commands)], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    if result.returncode:
        raise PipelineError(f"{commands[-1]}: {result.stderr.strip()}")
    return f"```console\n{shown}{result.stdout.rstrip()}\n```\n"


def fill(text: str, read: Read = read) -> str:
    """Return a page with all its blocks filled. Raises PipelineError for an unknown name and a failing command."""

    def new(match: re.Match) -> str:
        name = match["name"]
        if name is None:
            return f"{match[1]}{output(match['old'])}{match[5]}"
        if name not in NUMBERS:
            raise PipelineError(f"expected the name of a block, one of {', '.join(NUMBERS)}, found {name!r}")
        return f"{match[1]}{NUMBERS[name](read)}{match[5]}"

    return BLOCK.sub(new, text)


def main() -> None:
    for path in [*sorted((PROJECT / "docs").glob("*.md")), PROJECT / "README.md"]:
        old = path.read_text(encoding="utf-8")
        new = fill(old)
        if new != old:
            with atomic_write(path) as part:
                part.write_text(new, encoding="utf-8", newline="\n")
        print(f"docs: {path.relative_to(PROJECT)}{'' if new == old else ' has changed'}")


if __name__ == "__main__":
    run(main)
