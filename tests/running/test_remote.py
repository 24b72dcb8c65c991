"""Sharing through a remote: what one has computed, another fetches."""

import json
import re
import shutil
from urllib.request import Request, urlopen

import pytest

import push_runs
from common.errors import PipelineError
from fixtures import AUTHOR, edit_params, run, succeed
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
    succeed(light, "python", "tools/run_variant.py", "--set", "train.seed=5")
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
    result = run(clone, "python", "tools/run_variant.py", "--set", "train.seed=5", "--pull")
    assert json.loads(result.stdout)["computed"] == [], result.stderr


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        ([], "Create a default remote with dvc remote add -d <remote name> <remote url>"),
        (
            [["add", "--default", "storage", "s3://digits"], ["modify", "storage", "version_aware", "true"]],
            "'push --run-cache' is unsupported for cloud versioned remotes; use a remote without `version_aware`",
        ),
    ],
)
def test_a_remote_that_cannot_hold_runs_is_one_line_with_the_cure(tmp_path, monkeypatch, commands, message):
    monkeypatch.chdir(tmp_path)
    succeed(tmp_path, "git", "init", "--quiet")
    succeed(tmp_path, "dvc", "init", "--quiet")
    for arguments in commands:
        succeed(tmp_path, "dvc", "remote", *arguments)
    with pytest.raises(PipelineError, match=f"{re.escape(message)}$") as error:
        push_runs.push(None)
    assert "\n" not in str(error.value)
