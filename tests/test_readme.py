"""What the README says is so: its numbers are those of the committed results, its commands print what it shows."""

import json
import re
import subprocess
import time

import pandas as pd
import pytest
import yaml

import seeds
import verify
from common import wilson
from conftest import AUTHOR, PROJECT, run, succeed, tools_environment

README = (PROJECT / "README.md").read_text()
PRINTED = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
LISTS = re.compile(r"\b([\d.]+)(?:[ ,][\d.]+)+\b(?=[';])")  # of values, as in `for rate in 0.001 0.004;`
QUEUE_LIMIT = 180  # seconds
HASH = re.compile(r"\b[0-9a-f]{7,10}\b(?= |$)", re.MULTILINE)  # of a commit; another in a copy of the repository


def committed(path: str) -> str:
    """A file of the last commit: on a CPU of another kind, the one in the working tree may differ."""
    command = ["git", "show", f"HEAD:{path}"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(PROJECT / "reports/seeds.csv")


@pytest.fixture(scope="module")
def metrics() -> dict:
    return json.loads(committed("reports/evaluate/metrics.json"))


def test_the_headline_is_the_distribution_over_at_least_ten_seeds(table):
    percent = 100 * table["accuracy"]
    assert len(table) >= 10
    assert f"**{percent.mean():.2f} % ± {percent.std(ddof=1):.2f}**" in README
    assert f"over n = {len(table)} seeds, range {percent.min():.2f} to {percent.max():.2f} %" in README
    assert f"differ by {seeds.evident_difference(percent):.2f} points" in README
    assert percent.mean() >= 98.4


def test_the_table_of_seeds_belongs_to_the_committed_results(table, metrics):
    settings = yaml.safe_load(committed("params.yaml"))["train"]
    row = table.set_index("seed").loc[settings["seed"]]
    assert (row["accuracy"], row["errors"], row["loss"]) == (metrics["accuracy"], metrics["errors"], metrics["loss"])


def test_the_accuracy_is_that_of_the_committed_run(metrics):
    low, high = (100 * metrics["accuracy_interval"][end] for end in ("low", "high"))
    accuracy, n = f"{100 * metrics['accuracy']:.2f} %", f"n = {metrics['images']:,}"
    assert f"{accuracy}, 95 % interval {low:.1f} to {high:.1f} % (Wilson, {n} test images)" in README
    assert f"test accuracy {accuracy} (95 % interval {low:.1f}-{high:.1f}, {n})" in README


def test_the_network_is_that_of_the_parameters():
    values = yaml.safe_load(committed("params.yaml"))
    images = json.loads(committed("reports/eda/summary.json"))["images"]
    first, second = values["model"]["hidden_units"]
    assert f"784 → {first} → {second} → 10" in README
    assert f"{values['train']['epochs']} epochs of Adam on {images['train']:,} images" in README
    assert f"{784 * first + first + first * second + second + second * 10 + 10:,} weights" in README


def test_the_tolerance_is_that_of_verify():
    accuracy, loss = verify.TOLERANCE["accuracy"], verify.TOLERANCE["loss"]
    assert f"accuracy within {100 * accuracy:.1f} points, loss within {loss}" in README


def test_the_recipes_reached_what_the_table_says():
    for name, rows in pd.read_csv(PROJECT / "reports/record.csv").groupby("recipe"):
        recipe = yaml.safe_load((PROJECT / f"recipes/{name}.yaml").read_text())
        units, percent = " and ".join(map(str, recipe["model"]["hidden_units"])), 100 * rows["accuracy"]
        spread = f"{percent.mean():.2f} % ± {percent.std(ddof=1):.2f}" if len(rows) > 1 else f"{percent.iloc[0]:.2f} %"
        assert f"| `{name}` | {units} | {rows['epochs'].iloc[0]} | {spread} (n = {len(rows)}) |" in README


def test_what_is_said_of_the_record_holds():
    table = pd.read_csv(PROJECT / "reports/record.csv")
    record = table[table["recipe"] == "record"]
    low, high = wilson.interval(round(record["accuracy"].mean() * 10_000), 10_000, 0.95)
    fastest, slowest = record["minutes"].min(), record["minutes"].max()
    assert f"`record` takes {fastest:.0f} to {slowest:.0f} minutes on two cores" in README
    assert f"The choice of test images alone is worth {50 * (high - low):.2f} points to each side" in README


def measured(machine: str, benchmark: str, row: str) -> list[str]:
    """The numbers of the last row of that name that a benchmark printed on a machine; none if there is no such row."""
    lines = (PROJECT / f"tests/benchmarks/results/{machine}/{benchmark}.txt").read_text().splitlines()
    rows = [line for line in lines if line.startswith(f"{row}  ")]
    return rows[-1].removeprefix(row).split() if rows else []


def test_the_speed_is_what_the_benchmarks_printed():
    columns = []
    for machine in ("avx512", "avx2"):
        seconds, products, _ = measured(machine, "training", "ours")
        torch, jax, keras = (measured(machine, "training", way)[2:] for way in ("torch", "jax", "keras"))
        cold = measured(machine, "pipeline", "cold dvc repro")
        column = [f"{seconds} s", products, *keras, "; ".join(torch + jax), f"{float(cold[0]):.0f} s", cold[-2]]
        columns.append(column)
    table = README.split("**Speed**")[1].split("**Scale.**")[0]
    shown = [re.split(r" ?\| ?", line)[2:4] for line in table.splitlines() if line.startswith("| ")]
    assert shown == [["AVX-512", "AVX2"], *map(list, zip(*columns, strict=True))]


@pytest.mark.parametrize("block", PRINTED, ids=lambda block: block.splitlines()[0])
def test_the_commands_print_what_is_shown(block):
    found = subprocess.run(["git", "log", "--format=%h", "--grep=^Baseline:", "-1"], cwd=PROJECT, capture_output=True)
    if not found.stdout:
        pytest.skip("the history of this copy does not reach back to the baseline")
    commands = re.findall(r"^\$ (.+)$", block, re.MULTILINE)
    shown = "\n".join(line for line in block.splitlines() if not line.startswith("$ "))
    names = re.findall(r"^\$ (\w+=.+)$", README, re.MULTILINE)
    printed = succeed(PROJECT, "bash", "-ec", "\n".join([*names, *commands]))
    assert lines(printed) == lines(shown)


def lines(text: str) -> list[list[str]]:
    """The words of each line, sorted, because `dvc metrics diff` names its files in any order."""
    return sorted(line.split() for line in HASH.sub("", text).splitlines())


@pytest.mark.slow
def test_the_experiments_run_word_for_word(project):
    """On the tiny data, with one value in place of each list of values."""
    section = README.split("## Experiments\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", re.sub(LISTS, r"\1", section), re.DOTALL)
    for block in blocks:
        if "queue start" in block:
            run_queue(project, block)
        else:
            output = succeed(project, "bash", "-ec", block, **AUTHOR)
    names = succeed(project, "dvc", "exp", "list", "--name-only").split()
    assert {"slow", "rate-0.001"} < set(names)
    assert len(names) == 3
    head = next(line for line in output.splitlines() if line.startswith("| Experiment"))
    columns = [column.strip() for column in head.strip("|").split("|")]
    assert set(columns) <= {
        "Experiment", "val_accuracy", "accuracy", "errors", "train.batch_size", "train.learning_rate"
    }  # fmt: skip
    assert yaml.safe_load((project / "params.yaml").read_text())["train"]["learning_rate"] == 0.001


def run_queue(project, block) -> None:
    """Run `block`, which queues experiments and starts a worker; return when none waits or runs any more.

    Without a pipe, which the worker would hold open after its last task. DVC's workers have hung: hence the limit.
    """
    environment, nowhere = tools_environment(**AUTHOR), subprocess.DEVNULL
    end = time.monotonic() + QUEUE_LIMIT
    try:
        subprocess.run(["bash", "-ec", block], cwd=project, env=environment, stdout=nowhere, stderr=nowhere, check=True)
        while time.monotonic() < end:
            look = run(project, "dvc", "queue", "status")  # takes a second; may fail on what a worker is just writing
            if look.returncode == 0 and not re.search("Queued|Running", look.stdout):
                return
        pytest.fail(f"the queue has not ended after {QUEUE_LIMIT} seconds")
    finally:
        run(project, "dvc", "queue", "stop", "--kill")
