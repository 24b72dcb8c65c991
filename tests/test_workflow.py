"""The workflow in .github: what it runs, and its report of a pull request."""

import re

import pytest
import yaml

from fixtures import PROJECT, commit, edit_params, succeed
from test_pipeline import executed

WORKFLOW = yaml.load((PROJECT / ".github/workflows/pipeline.yml").read_text(), yaml.BaseLoader)  # `on` is a word
*_, CHECKS, EMULATED, REPORT = (step["run"] for step in WORKFLOW["jobs"]["checks"]["steps"] if "run" in step)


def test_a_pull_request_is_checked_by_all_that_make_offers_with_the_history_and_pinned_actions():
    script = (PROJECT / ".ci/run").read_text()
    commands = ["make", "make lint", ".venv/bin/python tools/verify.py", "make test-all"]
    places = [re.search(rf"^{re.escape(command)}\b", script, re.MULTILINE).start() for command in commands]
    assert places == sorted(places)
    assert (CHECKS, EMULATED) == (".ci/run", "make test-emulated")
    job = WORKFLOW["jobs"]["checks"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert job["steps"][0]["with"]["fetch-depth"] == "0"
    actions = [step["uses"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]
    assert actions and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in actions)


@pytest.mark.slow
def test_the_report_of_a_pull_request_has_the_verdict_and_what_changed(light, tmp_path):
    """The step of the workflow, word for word but for where the Python is."""
    edit_params(light, {"train.epochs": 3})
    assert executed(succeed(light, "dvc", "repro")) == ["check", "train", "evaluate", "plot", "report"]
    (light / "reports/plot/mistakes.png").write_bytes(b"another figure")
    commit(light, "Train longer")
    script = REPORT.replace(".venv/bin/python", "python").replace("HEAD^1", "HEAD~1")
    succeed(light, "bash", "-ec", script, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    sections = dict(section.split("\n\n", 1) for section in (light / "pull_request.md").read_text().split("## ")[1:])
    assert "- train.epochs: 2 → 3" in sections["Is the change real?"]
    assert "reports/evaluate/metrics.json" in sections["Metrics"]
    assert re.search(r"train\.epochs *\| 2 *\| 3", sections["Parameters"])
    assert "- reports/plot/mistakes.png\n" in sections["Figures that changed"]
    assert (light / "flips.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "summary.md").read_text() == (light / "pull_request.md").read_text()
