"""verify on the tiny project; where the pipeline itself does not matter, the finished project stands for its run."""

import hashlib
import json
import shutil
import zipfile
from contextlib import redirect_stdout
from io import StringIO

import pytest
import yaml

import verify
from common import errors
from fixtures import PROJECT, commit, run, succeed
from running import copies, lock
from verification import commits
from verification.commits import Results

METRICS, FIGURE = "reports/evaluate/metrics.json", "reports/plot/mistakes.png"
FORGED = [
    METRICS,
    FIGURE,
    "reports/evaluate/per_digit.csv",
    "reports/evaluate/predictions.csv",
    "reports/eda/summary.json",
]


@pytest.fixture
def rebuilt(project, finished, monkeypatch):
    """The finished project, which is copied where verify would rebuild it."""

    def repro(folder, *_, **__):
        shutil.copytree(finished, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", ".dvc", "data"))

    monkeypatch.setattr(verify, "PROJECT", project)
    monkeypatch.setattr(copies, "repro", repro)
    return project


def verified(*arguments: str) -> tuple[object, str]:
    """The exit status, or the message instead of it, and the output."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, pytest.raises(SystemExit) as end:
        patch.setattr("sys.argv", ["verify.py", *arguments])
        errors.run(verify.main)
    return end.value.code, out.getvalue()


def forge(project, *, also_lock: bool) -> None:
    """Commit other results: a number in each table, a byte in the figure; if asked, with their hashes in dvc.lock."""
    locked = (project / "dvc.lock").read_text()
    hashes = lock.outputs(yaml.safe_load(locked))
    for name in FORGED:
        path = project / name
        content = path.read_bytes()
        digit = next(i for i in reversed(range(len(content))) if chr(content[i]) in "01234567")
        path.write_bytes(content[:digit] + bytes([content[digit] + 1]) + content[digit + 1 :])
        if also_lock:
            locked = locked.replace(hashes[name], hashlib.md5(path.read_bytes()).hexdigest())
    (project / "dvc.lock").write_text(locked)
    commit(project, "forged")


def test_forged_results_are_named_with_their_numbers_or_if_dvc_lock_differs_before_anything_runs(rebuilt):
    forge(rebuilt, also_lock=False)
    message, _ = verified()
    assert message == f"verify: dvc.lock does not match {', '.join(sorted(FORGED))}; run `dvc repro` and commit"

    succeed(rebuilt, "git", "reset", "--quiet", "--hard", "HEAD~1")
    forge(rebuilt, also_lock=True)
    status, output = verified()
    assert status == 1
    assert {line.split()[0] for line in output.splitlines() if line.endswith(" NO")} == {*FORGED}
    assert all(f"{name}: " in output for name in FORGED if name != FIGURE)
    assert "verify: different: 5 of " in output
    assert json.loads((rebuilt / "verify.json").read_text())["verdict"] == "different"


def test_every_change_without_dvc_repro_is_named_before_anything_runs(rebuilt):
    for file, old, new in [
        ("stages/train.py", "import", "# a remark\nimport"),
        ("params.yaml", "epochs: 2", "epochs: 3"),
        ("dvc.yaml", "python stages/eda.py", "python -u stages/eda.py"),
        ("dvc.lock", "  evaluate:\n    cmd", "  evaluated:\n    cmd"),
    ]:
        path = rebuilt / file
        path.write_text(path.read_text().replace(old, new, 1))
    (rebuilt / FIGURE).unlink()
    commit(rebuilt, "stale")
    message, _ = verified()
    assert {"stages/train.py", "params.yaml: train", "eda", FIGURE, "stages/evaluate.py"} <= {
        *message.removeprefix("verify: dvc.lock does not match ").split(";")[0].split(", ")
    }


def test_an_earlier_commit_is_verified_by_its_own_results_and_uncommitted_changes_do_not_count(rebuilt):
    forge(rebuilt, also_lock=True)
    (rebuilt / "params.yaml").write_text("nonsense")
    status, output = verified("HEAD~1")
    assert status == 0, output
    assert "verify: identical" in output
    statement = json.loads((rebuilt / "verify.json").read_text())
    assert statement["commit"] == succeed(rebuilt, "git", "rev-parse", "HEAD~1").strip()
    assert verified("nonsense")[0] == "verify: nonsense is not a commit of this repository"
    assert "has no dvc.lock: nothing to compare with" in verified("HEAD~2")[0]
    shutil.rmtree(rebuilt / ".git")
    assert verified()[0].startswith("verify: git rev-parse: not a git repository")


def test_the_verdict_does_not_depend_on_whether_the_statement_can_be_written(rebuilt, capsys):
    (rebuilt / "verify.json.part").mkdir()  # as in a read-only checkout
    status, output = verified()
    assert (status, output.splitlines()[-1]) == (0, "verify: identical: every output has the committed bytes")
    assert capsys.readouterr().err.startswith("verify: verify.json could not be written: ")


def test_an_earlier_commit_gets_the_packages_that_it_pins(rebuilt, tmp_path, monkeypatch):
    requirements = rebuilt / "requirements.txt"
    old = requirements.read_bytes()
    requirements.write_text("numpy==1.0\n")
    commit(rebuilt, "other packages")
    uv, log = tmp_path / "bin/uv", tmp_path / "log"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\necho "$@" >> {log}\nfor file; do :; done; test "$file" = --quiet\n')
    uv.chmod(0o755)
    monkeypatch.setattr(commits.shutil, "which", lambda name, path: str(uv))
    earlier = commits.find(rebuilt, "HEAD~1")
    assert commits.find_python(rebuilt, commits.find(rebuilt, "HEAD"), rebuilt, tmp_path) == commits.sys.executable
    (tmp_path / "requirements.txt").write_bytes(old)
    python = commits.find_python(rebuilt, earlier, tmp_path, tmp_path / "environment")
    assert python == str(tmp_path / "environment/bin/python")
    sync = log.read_text().splitlines()[1]
    assert sync == f"pip sync --require-hashes --python {python} {tmp_path / 'requirements.txt'} --quiet"

    uv.write_text("#!/bin/sh\necho 'error: no wheel' >&2\nexit 1\n")
    for path, message in [(str(uv), "uv cannot install the packages of .*: error: no wheel"), (None, "is missing")]:
        monkeypatch.setattr(commits.shutil, "which", lambda name, *, found=path, **_: found)
        with pytest.raises(errors.PipelineError, match=message):
            commits.find_python(rebuilt, earlier, tmp_path, tmp_path / "environment")


@pytest.mark.slow
def test_a_commit_is_rebuilt_and_found_identical_in_a_folder_of_a_larger_repository(light, tmp_path):
    larger = tmp_path / "larger"
    larger.mkdir()
    succeed(larger, "git", "init", "--quiet")
    shutil.rmtree(light / ".git")
    shutil.move(light, larger / "digits")
    (larger / "dvc.lock").write_text("stages: {}\n")
    commit(larger, "larger")
    result = run(larger / "digits", "python", "tools/verify.py")
    assert result.returncode == 0, result.stderr
    assert "verify: identical" in result.stdout
    assert "expected: the same bytes" in result.stdout
    assert " NO" not in result.stdout
    statement = json.loads((larger / "digits/verify.json").read_text())
    assert statement["outputs"].keys() == commits.read_results(larger / "digits").hashes.keys()
    assert succeed(larger, "git", "status", "--porcelain") == ""  # Git ignores the statement
    head = (PROJECT / "docs/rebuilds.csv").read_text().splitlines()[0].split(",")
    assert set(head) - {"remarks"} <= statement.keys()


OLD = Results({METRICS: "1", "models/model.keras": "2", FIGURE: "3"}, {METRICS: b'{"accuracy": 0.98, "errors": 2}'})
NEAR = Results({METRICS: "7", "models/model.keras": "8", FIGURE: "9"}, {METRICS: b'{"accuracy": 0.981, "errors": 2}'})
FAR = Results(NEAR.hashes, {METRICS: b'{"accuracy": 0.97, "errors": 2}'})
MISSING = Results({**OLD.hashes, FIGURE: None}, OLD.contents)
OTHER = "a CPU without AVX2"


@pytest.mark.parametrize(
    ("found", "reason", "status", "verdict", "lines"),
    [
        (OLD, "", 0, "identical: every output has the committed bytes", 0),
        (NEAR, "", 1, "different: 3 of 3 outputs, where equal bytes are promised", 1),
        (NEAR, OTHER, 2, "equal within the tolerance: other bytes, as may be (a CPU without AVX2)", 0),
        (FAR, OTHER, 1, "different: outside the tolerance", 1),
        (MISSING, OTHER, 1, "different: outside the tolerance", 1),
    ],
)
def test_other_bytes_are_a_failure_where_equal_ones_are_promised(found, reason, status, verdict, lines):
    code, line, differences = verify.judge(OLD, found, reason)
    assert (code, len(differences)) == (status, lines)
    assert line.startswith(verdict)


def test_equal_bytes_are_promised_for_covered_layers_on_supported_machines(tmp_path, monkeypatch):
    monkeypatch.setattr(verify.platform_support, "unsupported_reason", lambda: "")
    assert verify.find_reason(tmp_path).startswith("a commit older than")
    (tmp_path / "stages/network").mkdir(parents=True)
    (tmp_path / "stages/network/arithmetic.py").touch()
    assert verify.find_reason(tmp_path) == ""  # and no network at all
    layers = [{"class_name": "GRU", "config": {}}, {"class_name": "Lambda", "config": {}}]
    (tmp_path / "models").mkdir()
    with zipfile.ZipFile(tmp_path / "models/model.keras", "w") as file:
        file.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
    assert verify.find_reason(tmp_path) == "gru, lambda: same bytes on one machine only"
