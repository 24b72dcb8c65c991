"""The numbers and the output in README.md and docs/ are those of the committed results; the commands in them work."""

import io
import json
import re
import subprocess
import time

import pandas as pd
import pytest
import yaml

import docs
from common.errors import PipelineError
from fixtures import AUTHOR, PROJECT, run, succeed, tools_environment

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
BLOCKS = [(path, match) for path in PAGES for match in docs.BLOCK.finditer(path.read_text())]
NUMBERS = [pytest.param(path, match, id=match["name"]) for path, match in BLOCKS if match["name"]]
OUTPUT = [
    pytest.param(match["old"], id=f"{path.stem}-{i}") for i, (path, match) in enumerate(BLOCKS) if not match["name"]
]
HASH = re.compile(r"\b[0-9a-f]{7,10}\b(?= |$)", re.MULTILINE)  # of a commit; another in a copy of the repository
LISTS = re.compile(r"\b([\d.]+)(?:[ ,][\d.]+)+\b(?=[';])")  # of values, as in `for rate in 0.001 0.004;`
QUEUE_LIMIT = 180  # seconds


def committed(path: str) -> str:
    """A file of the last commit: on a CPU of another kind, the one in the working tree may differ."""
    command = ["git", "show", f"HEAD:{path}"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("path", "block"), NUMBERS)
def test_the_numbers_of_a_page_are_those_of_the_committed_results(path, block):
    assert block["old"] == docs.NUMBERS[block["name"]](committed), "run `make docs`"


@pytest.mark.parametrize("block", OUTPUT)
def test_the_commands_print_what_is_shown(block):
    if run(PROJECT, "git", "log", "--format=%h", "--grep=^Baseline:", "-1").stdout == "":
        pytest.skip("the history of this copy does not reach back to the baseline")
    assert lines(docs.output(block)) == lines(block), "run `make docs`"


def lines(text: str) -> list[list[str]]:
    """The words of each line, sorted, because `dvc metrics diff` names its files in any order."""
    return sorted(line.split() for line in HASH.sub("", text).splitlines())


def test_every_kind_of_block_is_used_once():
    assert sorted(match["name"] for _, match in BLOCKS if match["name"]) == sorted(docs.NUMBERS)


def test_filling_a_page_changes_its_blocks_alone():
    page = "a\n<!-- numbers: tolerance -->\nold\n<!-- end -->\nb\n"
    page += "<!-- output -->\n```console\n$ echo 7\n6\n```\n<!-- end -->\n"
    expected = page.replace("old\n", docs.tolerance(committed)).replace("\n6\n", "\n7\n")
    assert docs.fill(page) == docs.fill(expected) == expected
    with pytest.raises(PipelineError, match="expected the name of a block, one of results, .*found 'none'"):
        docs.fill("<!-- numbers: none -->\n<!-- end -->\n")
    with pytest.raises(PipelineError, match="ls /none: .*No such file"):
        docs.fill("<!-- output -->\n```console\n$ ls /none\n```\n<!-- end -->\n")


def test_the_readme_is_short_and_every_link_leads_somewhere():
    assert len(PAGES[0].read_text().splitlines()) <= 150
    for path in [*PAGES, PROJECT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_table_of_seeds_belongs_to_the_committed_results():
    """So that the distribution and the committed run are of the same settings."""
    metrics = json.loads(committed("reports/evaluate/metrics.json"))
    table = pd.read_csv(io.StringIO(committed("reports/seeds.csv"))).set_index("seed")
    row = table.loc[yaml.safe_load(committed("params.yaml"))["train"]["seed"]]
    assert (row["accuracy"], row["errors"], row["loss"]) == (metrics["accuracy"], metrics["errors"], metrics["loss"])
    assert len(table) >= 10
    assert table["accuracy"].mean() >= 0.984


@pytest.mark.slow
def test_the_experiments_run_word_for_word(light):
    """On the tiny data, with one value in place of each list of values."""
    section = (PROJECT / "docs/experiments.md").read_text().split("## Experiments\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", re.sub(LISTS, r"\1", section), re.DOTALL)
    for block in blocks:
        if "queue start" in block:
            run_queue(light, block)
        else:
            output = succeed(light, "bash", "-ec", block, **AUTHOR)
    names = succeed(light, "dvc", "exp", "list", "--name-only").split()
    assert {"slow", "rate-0.001"} < set(names)
    assert len(names) == 3
    head = next(line for line in output.splitlines() if line.startswith("| Experiment"))
    columns = [column.strip() for column in head.strip("|").split("|")]
    assert set(columns) <= {
        "Experiment", "val_accuracy", "accuracy", "errors", "train.batch_size", "train.learning_rate"
    }  # fmt: skip
    assert yaml.safe_load((light / "params.yaml").read_text())["train"]["learning_rate"] == 0.001


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
            time.sleep(2)  # each look takes the worker a second of its core
        pytest.fail(f"the queue has not ended after {QUEUE_LIMIT} seconds")
    finally:
        run(project, "dvc", "queue", "stop", "--kill")


@pytest.mark.slow
def test_a_change_can_be_dropped_or_kept_as_the_readme_says(light):
    (commands,) = re.findall(r"```sh\n(git add .+)\n(git restore .+)\n```", (PROJECT / "README.md").read_text())
    keep, drop = commands
    before = succeed(light, "git", "rev-parse", "HEAD")
    page = (light / "reports/index.html").read_bytes()
    path = light / "params.yaml"
    path.write_text(path.read_text().replace("mistakes: 6", "mistakes: 3"))
    succeed(light, "dvc", "repro")
    assert page != (light / "reports/index.html").read_bytes()
    succeed(light, "bash", "-ec", drop)
    assert succeed(light, "git", "status", "--porcelain") == ""
    assert page == (light / "reports/index.html").read_bytes()
    assert "up to date" in succeed(light, "dvc", "status")

    path.write_text(path.read_text().replace("mistakes: 6", "mistakes: 3"))
    succeed(light, "dvc", "repro")
    succeed(light, "bash", "-ec", keep, EDITOR="sh -c 'echo Fewer mistakes > \"$1\"' --", **AUTHOR)
    assert before != succeed(light, "git", "rev-parse", "HEAD")
    assert succeed(light, "git", "status", "--porcelain") == ""
