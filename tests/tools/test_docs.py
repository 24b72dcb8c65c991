"""The blocks in README.md and docs/ are filled from the committed tables; the commands on these pages work."""

import re
import subprocess
import time

import pytest

import docs
from common.errors import PipelineError
from common.params import parse
from fixtures import PROJECT, commit, run, succeed, tools_environment

BLOCKS = [(path, match) for path in docs.PAGES for match in docs.BLOCK.finditer(path.read_text())]
OUTPUT = [
    pytest.param(match["old"], id=f"{path.stem}-{i}") for i, (path, match) in enumerate(BLOCKS) if not match["name"]
]
HASH = re.compile(r"\b[0-9a-f]{7,10}\b(?= |$)", re.MULTILINE)  # of a commit; another in a copy of the repository
LISTS = re.compile(r"\b([\d.]+)(?:[ ,][\d.]+)+\b(?=[';])")  # of values, as in `for rate in 0.001 0.004;`
QUEUE_LIMIT = 180  # seconds


def test_the_numbers_of_a_page_are_those_of_the_committed_tables():
    found = {match["name"]: match["old"] for _, match in BLOCKS if match["name"]}
    assert found == {"seeds": docs.seeds(), "recipes": docs.recipes()}, "run `make docs`"


@pytest.mark.parametrize("block", OUTPUT)
def test_the_commands_print_what_is_shown(block):
    if run(PROJECT, "git", "log", "--format=%h", "--grep=^Baseline:", "-1").stdout == "":
        pytest.skip("the history of this copy does not reach back to the baseline")
    assert lines(docs.output(block)) == lines(block), "run `make docs`"


def lines(text: str) -> list[list[str]]:
    """The words of each line, sorted, because `dvc metrics diff` names its files in any order."""
    return sorted(line.split() for line in HASH.sub("", text).splitlines())


def test_filling_a_page_changes_its_blocks_alone():
    page = "a\n<!-- numbers: seeds -->\nold\n<!-- end -->\nb\n"
    page += "<!-- output -->\n```console\n$ echo 7\n6\n```\n<!-- end -->\n"
    expected = page.replace("old\n", docs.seeds()).replace("\n6\n", "\n7\n")
    assert docs.fill(page) == docs.fill(expected) == expected
    with pytest.raises(PipelineError, match="ls /none: .*No such file"):
        docs.fill("<!-- output -->\n```console\n$ ls /none\n```\n<!-- end -->\n")


def test_the_readme_is_short_and_every_link_leads_somewhere():
    readme = docs.PAGES[0].read_text()
    assert len(readme.splitlines()) <= 150
    for path in [*docs.PAGES, PROJECT / "CONTRIBUTING.md"]:
        assert path == docs.PAGES[0] or f"]({path.relative_to(PROJECT)})" in readme
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.slow
def test_the_experiments_run_word_for_word(light):
    """On the tiny data, with one value in place of each list of values."""
    section = (PROJECT / "docs/experiments.md").read_text().split("## Experiments\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", re.sub(LISTS, r"\1", section), re.DOTALL)
    for block in blocks:
        if "queue start" in block:
            run_queue(light, block)
        else:
            output = succeed(light, "bash", "-ec", block)
    names = succeed(light, "dvc", "exp", "list", "--name-only").split()
    assert {"slow", "rate-0.001"} < set(names)
    assert len(names) == 3
    head = next(line for line in output.splitlines() if line.startswith("| Experiment"))
    columns = [column.strip() for column in head.strip("|").split("|")]
    assert {*columns} <= {"Experiment", "val_accuracy", "train.batch_size", "train.learning_rate"}
    assert parse((light / "params.yaml").read_text())["train"]["learning_rate"] == 0.001


def run_queue(project, block) -> None:
    """Run `block`, which queues experiments and starts a worker; return when none waits or runs any more.

    Without a pipe, which the worker would hold open after its last task. DVC's workers have hung: hence the limit.
    """
    nowhere = subprocess.DEVNULL
    end = time.monotonic() + QUEUE_LIMIT
    try:
        subprocess.run(["bash", "-ec", block], cwd=project, env=tools_environment(), stdout=nowhere, stderr=nowhere)
        status = None  # may fail on what a worker is just writing
        while status is None or status.returncode or re.search("Queued|Running", status.stdout):
            assert time.monotonic() < end, f"the queue has not ended after {QUEUE_LIMIT} seconds"
            time.sleep(2)  # each look takes the worker a second of its core
            status = run(project, "dvc", "queue", "status")
    finally:
        run(project, "dvc", "queue", "stop", "--kill")


@pytest.mark.slow
def test_a_change_can_be_dropped_or_kept_as_the_readme_says(light):
    ((keep, drop),) = re.findall(r"```sh\n(git add .+)\n(git restore .+)\n```", (PROJECT / "README.md").read_text())
    page = (light / "reports/index.html").read_bytes()
    path = light / "params.yaml"
    for command in (["python", "stages/train.py"], ["dvc", "repro"]):  # a stage by itself, whose output no cache has
        path.write_text(path.read_text().replace("epochs: 2", "epochs: 3").replace("mistakes: 6", "mistakes: 3"))
        succeed(light, *command)
        succeed(light, "bash", "-ec", drop)
        assert succeed(light, "git", "status", "--porcelain") == ""
        assert page == (light / "reports/index.html").read_bytes()
    assert "up to date" in succeed(light, "dvc", "status")

    path.write_text(path.read_text().replace("mistakes: 6", "mistakes: 3"))
    succeed(light, "dvc", "repro")
    before = succeed(light, "git", "rev-parse", "HEAD")
    succeed(light, "bash", "-ec", keep, EDITOR="sh -c 'echo Fewer mistakes > \"$1\"' --")
    assert before != succeed(light, "git", "rev-parse", "HEAD")
    assert succeed(light, "git", "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_merge_of_two_branches_that_changed_results_is_resolved_as_the_docs_say(light):
    page = (PROJECT / "docs/troubleshooting.md").read_text()
    (cure,) = re.findall(r"`(git checkout --ours dvc\.lock .+?)`", page)
    base = succeed(light, "git", "rev-parse", "HEAD").strip()
    for branch, old, new in (("theirs", "epochs: 2", "epochs: 3"), ("ours", "mistakes: 6", "mistakes: 3")):
        succeed(light, "git", "switch", "--quiet", "--create", branch, base)
        path = light / "params.yaml"
        path.write_text(path.read_text().replace(old, new))
        succeed(light, "dvc", "repro")
        commit(light, branch)
    assert "CONFLICT (content): Merge conflict in dvc.lock" in run(light, "git", "merge", "theirs").stdout
    succeed(light, "bash", "-ec", cure)
    assert succeed(light, "git", "status", "--porcelain") == ""
    assert "up to date" in succeed(light, "dvc", "status")
    merged = parse((light / "params.yaml").read_text())
    assert (merged["train"]["epochs"], merged["plot"]["mistakes"]) == (3, 3)
