import csv
import json
import shutil

import numpy as np
import pytest
import yaml

import verify
from fixtures import PROJECT, commit, run, succeed
from running import lock

# Git's own tests make it distrust the owner so; the home has no exception.
FOREIGN = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
LOCK = yaml.safe_load("""
stages:
  a:
    outs:
    - {path: data, md5: 0123456789abcdef.dir}
    - {path: model, md5: aaaaaaaaaaaaaaaa}
""")


def test_hashes_are_those_of_the_outputs():
    assert lock.outputs(LOCK) == {"data": "0123456789abcdef.dir", "model": "aaaaaaaaaaaaaaaa"}


def test_the_table_says_what_is_the_same():
    lines = verify.table({"data": "1" * 32, "old": "2" * 32}, {"data": "1" * 32, "new": "3" * 32})
    assert [line.split() for line in lines] == [
        ["output", "committed", "here", "same"],
        ["data", "1" * 12, "1" * 12, "yes"],
        ["old", "2" * 12, "none", "NO"],
        ["new", "none", "3" * 12, "NO"],
    ]


@pytest.mark.parametrize(
    ("same", "differences", "unmet", "status", "word"),
    [
        (True, {"accuracy": 0, "loss": 0}, "", 0, "identical"),
        (True, {"accuracy": 0, "loss": 0}, "a CPU without AVX2", 0, "identical"),
        (False, {"accuracy": 0, "loss": 0}, "", 2, "although this machine should get the committed ones"),
        (False, {"accuracy": 0, "loss": 0}, "a CPU without AVX2", 2, "other bytes, which may be on a CPU without AVX2"),
        (False, {"accuracy": -0.0029, "loss": 0.0099}, "a CPU without AVX2", 2, "within"),
        (False, {"accuracy": -0.0031, "loss": 0}, "a CPU without AVX2", 1, "accuracy outside"),
        (False, {"accuracy": 0.0031, "loss": 0.02}, "", 1, "accuracy, loss outside"),
    ],
)
def test_the_verdict_is_identical_within_the_tolerance_or_different(same, differences, unmet, status, word):
    found, verdict = verify.judge(same, differences, unmet)
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
def test_a_committed_result_is_verified(light):
    status, output, error = verify_here(light)
    assert status == 0, error
    assert "verify: identical" in output
    assert "NO" not in output
    assert f"numpy {np.__version__}" in output
    statement = json.loads((light / "verify.json").read_text())
    assert statement["verdict"] == "identical"
    assert statement["commit"] == succeed(light, "git", "rev-parse", "HEAD").strip()
    assert statement["outputs"] == lock.outputs(yaml.safe_load((light / "dvc.lock").read_text()))
    assert statement["seconds"] > 0
    assert succeed(light, "git", "status", "--porcelain") == ""  # Git ignores it
    assert "expected: the same bytes" in output


def test_a_forged_result_is_found(project, finished, monkeypatch, capsys):
    path = project / "reports/evaluate/metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps({**metrics, "accuracy": metrics["accuracy"] - 0.1}))
    path = project / "dvc.lock"
    md5 = lock.outputs(yaml.safe_load(path.read_text()))["reports/evaluate/metrics.json"]
    path.write_text(path.read_text().replace(md5, "f" * 32))
    commit(project, "forged")

    def repro(folder, *_, **__):
        for name in ("dvc.lock", verify.METRICS, verify.MODEL):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(finished / name, folder / name)

    monkeypatch.setattr(verify, "PROJECT", project)
    monkeypatch.setattr(verify.copies, "repro", repro)
    monkeypatch.setattr("sys.argv", ["verify.py"])
    with pytest.raises(SystemExit) as error:
        verify.main()
    assert error.value.code == 1
    output = capsys.readouterr().out
    assert [line.split()[0] for line in output.splitlines() if line.endswith(" NO")] == [
        "reports/evaluate/metrics.json"
    ]
    assert "accuracy: +0.100000 (tolerance 0.003)" in output
    assert "verify: different: accuracy outside the tolerance" in output


def test_without_a_commit_there_is_nothing_to_compare_with(project):
    shutil.rmtree(project / ".git")
    status, _, error = verify_here(project)
    assert status == 1
    assert error.startswith("verify: git rev-parse: not a git repository")
    succeed(project, "git", "init", "--quiet")
    status, _, error = verify_here(project)
    assert error == "verify: the last commit has no dvc.lock: nothing to compare with; run `dvc repro` and commit\n"


def test_another_owner_of_the_repository_is_told_as_that_and_not_as_a_missing_lock(project):
    result = run(project, "python", "tools/verify.py", **FOREIGN)
    assert result.returncode == 1
    assert result.stderr.startswith("verify: Git takes the repository for someone else's (dubious ownership)")


def test_the_project_as_a_folder_of_a_larger_repository_is_verified_with_its_own_lock(project, tmp_path, monkeypatch):
    larger = tmp_path / "larger"
    larger.mkdir()
    succeed(larger, "git", "init", "--quiet")
    shutil.rmtree(project / ".git")
    shutil.move(project, larger / "digits")
    (larger / "dvc.lock").write_text("stages: {}\n")
    commit(larger, "larger")
    monkeypatch.setattr(verify, "PROJECT", larger / "digits")
    locked = yaml.safe_load(verify.committed("dvc.lock"))
    assert {"train", "evaluate"} <= locked["stages"].keys()
    assert verify.find_stale(locked, verify.copies.copy(larger / "digits", tmp_path / "copy")) == []


def test_a_lock_of_a_version_aware_remote_is_compared_by_the_same_hashes(finished):
    locked = yaml.safe_load((finished / "dvc.lock").read_text())
    expected = lock.outputs(locked)
    for stage in locked["stages"].values():
        for entry in [*stage["outs"], *stage["deps"]]:
            if entry["md5"].endswith(".dir"):
                folder = finished / entry["path"]
                names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
                names = [name for name in names if "__pycache__" not in name]
                del entry["md5"]
                entry["files"] = [{"relpath": name, "md5": verify.md5(folder / name), "size": 1} for name in names]
    assert lock.outputs(locked) == expected
    assert [path for path in verify.find_stale(locked, finished) if "/" not in path] == []


def test_the_table_of_rebuilds_has_what_verify_states(finished, monkeypatch):
    monkeypatch.setattr(verify, "PROJECT", finished)
    head, *rows = csv.reader((PROJECT / "docs/rebuilds.csv").read_text().splitlines())
    statement = verify.make_statement(b"", {}, 1, "identical: every output has the committed bytes")
    assert set(head) - {"remarks"} <= statement.keys()
    assert len(rows) >= 2
    assert all(len(row) == len(head) for row in rows)
    assert {row[head.index("verdict")] for row in rows} <= {"identical", "equal within the tolerance", "different"}


def test_the_issue_template_asks_for_the_statement():
    template = yaml.safe_load((PROJECT / ".github/ISSUE_TEMPLATE/rebuild.yml").read_text())
    assert [field["id"] for field in template["body"] if "id" in field] == ["statement", "machine", "table"]
    assert "verify.json" in str(template)
    assert "/verify.json" in (PROJECT / ".gitignore").read_text().splitlines()


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
    commit(project, "stale")
    status, output, error = verify_here(project)
    assert (status, output) == (1, "")
    assert error == f"verify: dvc.lock was not made with this {named}; run `dvc repro` and commit\n"
