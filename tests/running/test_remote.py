"""Sharing through a remote: what one has computed, another fetches."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml

from fixtures import AUTHOR, PROJECT, edit_params, run, succeed, tools_environment
from test_pipeline import executed


@pytest.fixture
def s3(monkeypatch):
    """A real S3 API with an empty bucket, served on this machine."""
    server_module = pytest.importorskip("moto.server", reason="moto is not installed")
    boto3 = pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()  # shared by the servers of a process
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="digits")
    yield endpoint
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def remote(request, tmp_path) -> list[list[str]]:
    """The `dvc remote` commands that set the remote up, as in docs/experiments.md."""
    if request.param == "folder":
        return [["add", "--default", "storage", str(tmp_path / "storage")]]
    endpoint = request.getfixturevalue("s3")
    return [["add", "--default", "storage", "s3://digits/cache"], ["modify", "storage", "endpointurl", endpoint]]


@pytest.mark.slow
def test_a_colleague_fetches_results_and_variants_instead_of_computing_them(light, remote, tmp_path):
    for arguments in remote:
        succeed(light, "dvc", "remote", *arguments)
    succeed(light, "git", "commit", "--quiet", "--all", "-m", "remote", **AUTHOR)
    finished = (light / "params.yaml").read_text()
    edit_params(light, {"plot.mistakes": 3, "eda.samples_per_digit": 2})
    variant = (light / "params.yaml").read_text()
    assert executed(succeed(light, "dvc", "repro")) == ["check", "eda", "plot", "report"]
    (light / "params.yaml").write_text(finished)
    succeed(light, "dvc", "repro")
    succeed(light, "dvc", "push")
    succeed(light, "python", "tools/push_runs.py")

    clone = tmp_path / "clone"
    succeed(tmp_path, "git", "clone", "--quiet", str(light), str(clone), **AUTHOR)
    shutil.rmtree(light)
    succeed(clone, "dvc", "pull", "--run-cache")
    assert executed(succeed(clone, "dvc", "repro")) == []
    assert succeed(clone, "git", "status", "--porcelain") == ""
    (clone / "params.yaml").write_text(variant)
    assert executed(succeed(clone, "dvc", "repro", "--pull")) == []
    assert "mistakes: 3" in (clone / "dvc.lock").read_text()


@pytest.mark.slow
def test_machines_share_variants_through_s3_also_when_two_compute_the_same_one_at_once(light, s3, tmp_path):
    for arguments in (["add", "--default", "storage", "s3://digits/x"], ["modify", "storage", "endpointurl", s3]):
        succeed(light, "dvc", "remote", *arguments)
    edit_params(light, {"train.epochs": 1})
    machines = [light, *(Path(shutil.copytree(light, tmp_path / name)) for name in ("second", "third"))]
    before = succeed(light, "git", "status", "--porcelain")
    command = [sys.executable, "tools/run_variant.py", "--set", "train.seed=5"]
    both = [
        subprocess.Popen(command, cwd=machine, env=tools_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for machine in machines[:2]
    ]
    first, second = (json.loads(process.communicate()[0]) for process in both)
    assert first["computed"] == ["train", "evaluate"]
    assert (first["outputs"], first["runs"]) == (second["outputs"], second["runs"])
    assert succeed(light, "git", "status", "--porcelain") == before
    client = pytest.importorskip("boto3").client("s3", endpoint_url=s3)
    names = [found["Key"] for found in client.list_objects_v2(Bucket="digits")["Contents"]]
    entries = [tuple(name.split("/")[-2:]) for name in names if "/runs/" in name]
    assert len({key for key, _ in entries}) == len(entries)  # no second result
    assert {tuple(run) for run in first["runs"].values()} <= {*entries}
    others = {key for key, _ in entries} - {key for key, _ in first["runs"].values()}
    (check,) = (path for key in others for path in (light / ".dvc/cache/runs").glob(f"*/{key}/*"))
    assert yaml.safe_load(check.read_text())["cmd"] == "python stages/check.py"  # its own runs alone, and their check

    (tmp_path / "stub").mkdir()
    (tmp_path / "stub/tensorflow.py").write_text("raise SystemExit('no TensorFlow here')\n")
    third = json.loads(succeed_quietly(machines[2], *command, PYTHONPATH=str(tmp_path / "stub")))
    assert (third["computed"], third["pushed"]) == ([], 0)
    assert third["outputs"] == first["outputs"]


def succeed_quietly(folder: Path, *command: str, **environment: str) -> str:
    """Run a command that must succeed; return what it printed on standard output."""
    result = run(folder, *command, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        ([], "Create a default remote with dvc remote add -d <remote name> <remote url>\n"),
        (
            [["add", "--default", "storage", "s3://digits"], ["modify", "storage", "version_aware", "true"]],
            "'push --run-cache' is unsupported for cloud versioned remotes; use a remote without `version_aware`\n",
        ),
    ],
)
def test_a_remote_that_cannot_hold_runs_is_one_line_with_the_cure(tmp_path, commands, message):
    succeed(tmp_path, "git", "init", "--quiet")
    succeed(tmp_path, "dvc", "init", "--quiet")
    for arguments in commands:
        succeed(tmp_path, "dvc", "remote", *arguments)
    result = run(tmp_path, "python", str(PROJECT / "tools/push_runs.py"))
    assert result.returncode == 1
    assert result.stderr.startswith("push_runs: ")
    assert result.stderr.endswith(message)
    assert result.stderr.count("\n") == 1
