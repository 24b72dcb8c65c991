"""The report of a pull request on a made-up history, and the workflow that writes it."""

import json
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import yaml

import pull_request
from common import errors
from comparison.revisions import PREDICTIONS
from fixtures import AUTHOR, PROJECT, commit, succeed

DVC_YAML = "metrics: [reports/evaluate/metrics.json]\nparams: [params.yaml]\n"
ACTUAL = np.arange(50) % 10
WORKFLOW = yaml.load((PROJECT / ".github/workflows/pipeline.yml").read_text(), yaml.BaseLoader)  # `on` is a word


def write(folder: Path, mistakes: int, epochs: int, images: int = 50) -> None:
    """Put results into the working tree: the first images are taken for the next digit."""
    reports = folder / "reports/evaluate"
    reports.mkdir(parents=True, exist_ok=True)
    predicted = (ACTUAL + (np.arange(50) < mistakes)) % 10
    rows = [f"{i},{ACTUAL[i]},{predicted[i]},0.9\n" for i in range(images)]
    for path in PREDICTIONS.values():
        (folder / path).write_text("index,actual,predicted,confidence\n" + "".join(rows))
    (reports / "metrics.json").write_text(json.dumps({"errors": mistakes}))
    (reports / "curve.png").write_text(f"a picture of {mistakes} mistakes")
    (folder / "params.yaml").write_text(yaml.safe_dump({"train": {"epochs": epochs}}))


@pytest.fixture
def branch(tmp_path, monkeypatch) -> Path:
    """A branch `longer` with half the errors; main went on after it had left, to no errors at all."""
    folder = tmp_path / "branch"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc/config").write_text((PROJECT / ".dvc/config").read_text())
    (folder / ".dvc/.gitignore").write_text("/tmp\n/cache\n")
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / ".gitignore").write_text("/data/\n")
    write(folder, 20, epochs=5)
    succeed(folder, "git", "init", "--quiet", "--initial-branch=main")
    commit(folder, "Plain")
    succeed(folder, "git", "switch", "--quiet", "--create", "longer")
    write(folder, 10, epochs=9)
    commit(folder, "Train longer")
    succeed(folder, "git", "switch", "--quiet", "main")
    write(folder, 0, epochs=99)
    commit(folder, "Something else")
    succeed(folder, "git", "switch", "--quiet", "longer")
    monkeypatch.chdir(folder)
    return folder


def reported(*arguments: str, status: int = 0) -> dict[str, str]:
    """The sections of the report by their titles; called in this process, which has imported what it needs."""
    with (
        patch("sys.argv", ["pull_request.py", *arguments]),
        redirect_stdout(StringIO()) as out,
        pytest.raises(SystemExit) as end,
    ):
        errors.run(pull_request.main)
    assert end.value.code == status, end.value.code
    sections = dict(section.split("\n\n", 1) for section in out.getvalue().split("## ")[1:])
    return {title: body.strip() for title, body in sections.items()}


def refused(base: str) -> None:
    with patch("sys.argv", ["pull_request.py", base]):
        errors.run(pull_request.main)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_the_report_compares_the_branch_with_the_commit_it_left(branch):
    report = reported()
    assert "**Accuracy +20.00 points: the new network is better than the old one" in report["Is the change real?"]
    assert cells(report["Metrics"])[2][1:] == ["errors", "20", "10", "-10"]
    assert cells(report["Parameters"])[2][1:] == ["train.epochs", "5", "9"]
    assert report["Figures that changed"] == "- [reports/evaluate/curve.png](<reports/evaluate/curve.png>)"
    assert report["Results that are not committed"].startswith("None")


def test_results_that_nobody_committed_are_reported_and_named(branch):
    write(branch, 5, epochs=9)
    (branch / "reports/new.png").write_text("a picture")
    report = reported("main")
    assert "**Accuracy +30.00 points" in report["Is the change real?"]
    assert "](<reports/new.png>)" in report["Figures that changed"]
    assert "- `reports/evaluate/metrics.json`" in report["Results that are not committed"]


def test_without_a_change_the_report_says_so(branch):
    report = reported("HEAD")
    assert "**The same images right and wrong." in report["Is the change real?"]
    assert report["Metrics"] == report["Parameters"] == "No difference."
    assert report["Figures that changed"] == "None."


def test_another_test_set_leaves_a_report_with_the_reason(branch):
    write(branch, 10, epochs=9, images=49)
    report = reported()
    assert report["Is the change real?"].startswith("**Not comparable:** expected the same validation images")
    assert cells(report["Metrics"])[2][1:] == ["errors", "20", "10", "-10"]


def test_a_file_in_another_folder_links_to_the_figures_from_there(branch):
    folder = branch / "data/normalized/validation"
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", np.zeros((50, 28, 28), np.float32))
    np.save(folder / "labels.npy", ACTUAL.astype(np.uint8))
    assert reported("--out", "out/report.md", "--flips", "flips.png") == {}
    assert (branch / "flips.png").read_bytes().startswith(b"\x89PNG")
    report = (branch / "out/report.md").read_text()
    for name in ("../flips.png", "../reports/evaluate/curve.png"):
        assert f"- [{name}](<{name}>)" in report
        assert (branch / "out" / name).exists()


def test_a_margin_that_is_kept_is_said_in_the_report(branch):
    report = reported("--margin", "1")
    assert "Not worse than 1 points: shown for these two networks" in report["Is the change real?"]


def test_a_margin_that_is_not_kept_or_cannot_be_judged_fails_after_the_report_was_written(branch):
    write(branch, 30, epochs=9)
    assert reported("--margin", "0.1", "--out", "report.md", status=3) == {}
    assert "Not worse than 0.1 points: NOT shown" in (branch / "report.md").read_text()
    write(branch, 10, epochs=9, images=49)
    assert "Not comparable" in reported("--margin", "0.1", status=1)["Is the change real?"]


def test_a_base_from_before_the_validation_predictions_says_how_to_compare(branch):
    succeed(branch, "git", "rm", "--quiet", PREDICTIONS["validation"].as_posix())
    commit(branch, "Before")
    write(branch, 5, epochs=9)
    assert reported("HEAD")["Is the change real?"].endswith("compare with `--split test`")
    assert "Accuracy +10.00 points" in reported("HEAD", "--split", "test")["Is the change real?"]


def test_a_partial_clone_has_its_report(branch, tmp_path, monkeypatch):
    monkeypatch.setattr(pull_request, "PATIENCE", 60)
    succeed(branch, "git", "config", "uploadpack.allowFilter", "true")
    succeed(branch, "git", "config", "uploadpack.allowAnySHA1InWant", "true")
    succeed(tmp_path, "git", "clone", "--quiet", "--filter=blob:none", f"file://{branch}", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    report = reported("HEAD~1")
    assert "**Accuracy +20.00 points" in report["Is the change real?"]
    assert cells(report["Metrics"])[2][1:] == ["errors", "20", "10", "-10"]


def test_a_dvc_that_does_not_end_leaves_the_rest_of_the_report(branch, monkeypatch):
    monkeypatch.setattr(pull_request, "PATIENCE", 0.01)
    report = reported()
    assert "**Accuracy +20.00 points" in report["Is the change real?"]
    assert report["Metrics"] == "`dvc metrics diff` had not ended after 0.01 seconds."


def test_in_a_folder_of_a_larger_repository_files_are_named_as_they_are_from_there(branch, tmp_path, monkeypatch):
    larger = tmp_path / "larger"
    larger.mkdir()
    succeed(larger, "git", "init", "--quiet", "--initial-branch=main")
    shutil.rmtree(branch / ".git")
    inner = Path(shutil.move(branch, larger / "digits"))
    monkeypatch.chdir(inner)
    commit(larger, "Larger")
    write(inner, 5, epochs=9)
    assert "- `reports/evaluate/metrics.json`" in reported()["Results that are not committed"]


def test_a_git_that_shows_signatures_does_not_break_the_heading(branch, tmp_path):
    succeed(tmp_path, "ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
    signed = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={tmp_path / 'key.pub'}", "commit", "-S")
    succeed(branch, "git", *signed, "--quiet", "--allow-empty", "-m", "Signed subject", **AUTHOR)
    succeed(branch, "git", "config", "log.showSignature", "true")
    heading = reported("HEAD")["Is the change real?"].splitlines()[0]
    assert heading.endswith("` Signed subject → `working tree` the files as they are now")


def test_an_unknown_base_is_refused(branch):
    with pytest.raises(SystemExit, match="pull_request: nonsense: neither a Git revision nor a DVC experiment"):
        refused("nonsense")
    succeed(branch, "git", "checkout", "--quiet", "--orphan", "alone")
    commit(branch, "Alone")
    with pytest.raises(SystemExit, match="main and HEAD have no commit in common here: fetch the whole history"):
        refused("main")


def test_the_workflow_runs_all_checks_and_then_the_report():
    assert WORKFLOW["on"].keys() == {"push", "pull_request", "schedule"}
    assert WORKFLOW["permissions"] == {"contents": "read"}
    job = WORKFLOW["jobs"]["checks"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    *_, checks, report = (step["run"] for step in job["steps"] if "run" in step)
    assert checks == ".ci/run"
    assert "tools/pull_request.py HEAD^1 --out pull_request.md --flips flips.png" in report
    assert 'cat pull_request.md >> "$GITHUB_STEP_SUMMARY"' in report
    assert job["steps"][0]["with"]["fetch-depth"] == "0"


def test_the_checks_of_a_pull_request_are_all_that_make_offers():
    script = (PROJECT / ".ci/run").read_text()
    commands = ["make", "make lint", ".venv/bin/python tools/verify.py", "make test-all", "make test-emulated"]
    places = [re.search(rf"^{re.escape(command)}\b", script, re.MULTILINE).start() for command in commands]
    assert places == sorted(places)


def test_actions_are_pinned_to_a_commit():
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    actions = [step["uses"] for step in steps if "uses" in step]
    assert len(actions) >= 4
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in actions)
