import json
import shutil

import numpy as np
import pytest
import yaml

import verify
from conftest import AUTHOR, run, succeed

LOCK = yaml.safe_load("""
stages:
  a:
    outs:
    - {path: data, md5: 0123456789abcdef.dir}
    - {path: model, md5: aaaaaaaaaaaaaaaa}
""")


def test_hashes_are_those_of_the_outputs():
    assert verify.hashes(LOCK) == {"data": "0123456789abcdef.dir", "model": "aaaaaaaaaaaaaaaa"}


def test_the_table_says_what_is_the_same():
    lines = verify.table({"data": "1" * 32, "old": "2" * 32}, {"data": "1" * 32, "new": "3" * 32})
    assert [line.split() for line in lines] == [
        ["output", "committed", "here", "same"],
        ["data", "1" * 12, "1" * 12, "yes"],
        ["old", "2" * 12, "none", "NO"],
        ["new", "none", "3" * 12, "NO"],
    ]


@pytest.mark.parametrize(
    ("same", "differences", "status", "word"),
    [
        (True, {"accuracy": 0, "loss": 0}, 0, "identical"),
        (False, {"accuracy": 0, "loss": 0}, 2, "within"),
        (False, {"accuracy": -0.0029, "loss": 0.0099}, 2, "within"),
        (False, {"accuracy": -0.0031, "loss": 0}, 1, "accuracy outside"),
        (False, {"accuracy": 0.0031, "loss": 0.02}, 1, "accuracy, loss outside"),
    ],
)
def test_the_verdict_is_identical_within_the_tolerance_or_different(same, differences, status, word):
    found, verdict = verify.judge(same, differences)
    assert found == status
    assert word in verdict


def test_the_weight_difference_is_the_largest(finished, tmp_path):
    first = finished / verify.MODEL
    assert verify.largest_weight_difference(first, first) == "0"
    assert "not here" in verify.largest_weight_difference(tmp_path / "none", first)


def verify_here(project):
    result = run(project, "python", "tools/verify.py")
    return result.returncode, result.stdout, result.stderr


@pytest.mark.slow
def test_a_committed_result_is_verified_and_a_forged_one_is_found(project):
    status, output, error = verify_here(project)
    assert status == 0, error
    assert "verify: identical" in output
    assert "NO" not in output
    assert f"numpy {np.__version__}" in output

    path = project / "reports/evaluate/metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps({**metrics, "accuracy": metrics["accuracy"] - 0.1}))
    lock = project / "dvc.lock"
    md5 = verify.hashes(yaml.safe_load(lock.read_text()))["reports/evaluate/metrics.json"]
    lock.write_text(lock.read_text().replace(md5, "f" * 32))
    succeed(project, "git", "commit", "--quiet", "--all", "-m", "forged", **AUTHOR)
    status, output, _ = verify_here(project)
    assert status == 1
    assert [line.split()[0] for line in output.splitlines() if line.endswith(" NO")] == [
        "reports/evaluate/metrics.json"
    ]
    assert "accuracy: +0.100000 (tolerance 0.003)" in output
    assert "verify: different: accuracy outside the tolerance" in output


def test_without_a_commit_there_is_nothing_to_compare_with(project):
    shutil.rmtree(project / ".git")
    status, _, error = verify_here(project)
    assert status == 1
    assert error.startswith("verify: the last commit has no dvc.lock")


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("stages/train.py", "import", "# a remark\nimport", "stages/train.py"),
        ("params.yaml", "epochs: 2", "epochs: 3", "params.yaml: train"),
        ("dvc.yaml", "python stages/eda.py", "python -u stages/eda.py", "eda"),
        ("dvc.lock", "  evaluate:\n    cmd", "  evaluated:\n    cmd", "evaluate, evaluated"),
    ],
)
def test_a_lock_that_does_not_match_the_project_is_one_line_before_anything_runs(project, file, old, new, named):
    path = project / file
    path.write_text(path.read_text().replace(old, new, 1))
    succeed(project, "git", "commit", "--quiet", "--all", "-m", "stale", **AUTHOR)
    status, output, error = verify_here(project)
    assert (status, output) == (1, "")
    assert error == f"verify: dvc.lock was not made with this {named}; run `dvc repro` and commit\n"
