"""Studies on a real Dask scheduler and real workers, on the tiny MNIST, with a folder as the DVC remote."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import yaml
from dvc.exceptions import DvcException, UploadError

from common.errors import PipelineError
from fixtures import AUTHOR, PROJECT, commit, edit_params, run, succeed, tools_environment, training_held
from running import payload, worker

pytest.importorskip("distributed", reason="Dask is not installed: requirements-cluster.txt")
from running import cluster  # noqa: E402

DASK = [sys.executable, "-m", "dask"]
LIMIT = 120  # seconds for anything that should come


def wait_for(condition, what: str) -> object:
    """Return what `condition` gives once it is true; fail after LIMIT seconds."""
    end = time.monotonic() + LIMIT
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)
    return found


class Cluster(NamedTuple):
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]
    folder: Path  # each worker's own, below it: scratch space
    file: Path  # of the scheduler


@contextlib.contextmanager
def started(folder: Path, workers: int, **environment: str) -> Iterator[Cluster]:
    """A scheduler and workers without nannies: what is killed stays dead."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scheduler.json"
    settings = tools_environment(XDG_CACHE_HOME=str(folder / "cache"), **environment)
    with contextlib.ExitStack() as stack:

        def start(name: str, *arguments: str, **extra: str) -> subprocess.Popen:
            log = stack.enter_context((folder / f"{name}.log").open("w"))
            process = subprocess.Popen([*DASK, *arguments], env=settings | extra, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        scheduler = start(
            "scheduler", "scheduler", "--host=127.0.0.1", "--port=0", "--no-dashboard", f"--scheduler-file={file}"
        )
        wait_for(file.exists, "the scheduler")
        pool = []
        for number in range(workers):
            own = folder / f"worker{number}"
            own.mkdir()
            options = ["--nthreads=1", "--no-nanny", "--no-dashboard", "--memory-limit=0", "--death-timeout=60"]
            pool.append(
                start(f"worker{number}", "worker", f"--scheduler-file={file}", *options, f"--local-directory={own}",
                      TMPDIR=str(own))
            )  # fmt: skip
        yield Cluster(scheduler, pool, folder, file)


@pytest.fixture
def shared(light, tmp_path) -> Path:
    """The project with a remote, a folder; its own cache knows no runs but the committed one."""
    succeed(light, "dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    return light


def study(project: Path, *arguments: str) -> str:
    return succeed(project, "python", "tools/seeds.py", *arguments)


def tables(project: Path) -> list[bytes]:
    return [(project / f"reports/seeds.{ending}").read_bytes() for ending in ("csv", "npz")]


def entries(folder: Path) -> set[str]:
    """The run cache's entries below a cache or remote, as key/value."""
    return {f"{path.parent.name}/{path.name}" for path in (folder / "runs").rglob("*") if path.is_file()}


def processes_below(folder: Path) -> list[str]:
    """The processes whose working folder lies below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.mark.slow
def test_workers_give_what_a_run_without_them_gives_and_compute_nothing_twice(shared, tmp_path):
    """One cluster for all of it: a start of Dask and of every worker costs seconds."""
    alone = Path(shutil.copytree(shared, tmp_path / "alone"))
    succeed(alone, "dvc", "remote", "remove", "shared")
    with started(tmp_path / "cluster", 3) as dask:
        seeds_are_equal(shared, alone, dask)
        a_failing_variant_is_named_and_the_others_are_kept(shared, dask)
        for process in dask.workers[1:]:
            process.kill()
        for folder in (tmp_path / "remote", dask.folder / "cache"):
            shutil.rmtree(folder)
        study(shared, "2", "--scheduler", str(dask.file))
        assert tables(shared) == tables(alone)


def seeds_are_equal(project: Path, alone: Path, dask: Cluster) -> None:
    study(alone, "2", "--jobs", "2")
    remote = project.parent / "remote"
    output = study(project, "2", "--scheduler", str(dask.file), "--workers", "3")
    assert tables(project) == tables(alone), output
    assert entries(remote) <= entries(alone / ".dvc/cache")
    assert len(entries(remote)) >= 2 * 2  # train and evaluate of each seed
    modified = {path: path.stat().st_mtime_ns for path in remote.rglob("*")}
    again = study(project, "2", "--scheduler", str(dask.file), "--verify-workers")
    assert "the committed network, byte for byte" in again
    assert {path: path.stat().st_mtime_ns for path in remote.rglob("*")} == modified
    assert "Running stage" not in "".join(path.read_text() for path in dask.folder.glob("*.log"))


@pytest.mark.slow
def test_a_recipe_that_a_worker_trained_is_equal(shared, tmp_path):
    (shared / "recipes/tiny.yaml").write_text("train:\n  epochs: 1\n")
    commit(shared, "recipe")
    alone = Path(shutil.copytree(shared, tmp_path / "alone"))
    succeed(alone, "dvc", "remote", "remove", "shared")
    command = ["python", "tools/recipe.py", "tiny"]
    with started(tmp_path / "cluster", 1) as dask:
        output = succeed(shared, *command, "--scheduler", str(dask.file), **AUTHOR)
    assert "Running stage 'train'" not in output
    shutil.copytree(shared / ".dvc/cache", alone / ".dvc/cache", dirs_exist_ok=True)  # pages and figures, ...
    for entry in entries(tmp_path / "remote"):  # ... but not what the worker computed
        shutil.rmtree(alone / ".dvc/cache/runs" / entry[:2] / entry.split("/")[0])
    assert "Running stage 'train'" in succeed(alone, *command, **AUTHOR)
    tables, curves, locks = (
        [read(folder) for folder in (shared, alone)]
        for read in (
            lambda folder: pd.read_csv(folder / "reports/record.csv").drop(columns="minutes"),
            lambda folder: pd.read_csv(folder / "reports/record_curves.csv").drop(columns="minutes"),
            lambda folder: succeed(folder, "git", "show", f"{experiment(folder)}:dvc.lock"),
        )
    )
    assert tables[0].query("recipe == 'tiny'")["seed"].tolist() == [0]
    assert tables[0].equals(tables[1])
    assert curves[0].equals(curves[1])
    assert locks[0] == locks[1]


def experiment(folder: Path) -> str:
    return succeed(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/tiny-0").strip()


def a_failing_variant_is_named_and_the_others_are_kept(project: Path, dask: Cluster) -> None:
    command = ["python", "tools/sweep.py", "train.batch_size=16,100000", "--seeds", "1"]
    result = run(project, *command, "--scheduler", str(dask.file))
    assert result.returncode == 1
    assert "1 of 2 variants failed" in result.stderr
    assert "batch_size 100000, seed 0, on " in result.stderr
    assert "train.batch_size: expected at most 240" in result.stderr
    assert "1 are finished and kept" in result.stderr
    assert not (project / "reports/sweep.csv").exists()


@pytest.mark.slow
def test_a_worker_killed_in_mid_training_leaves_no_process_and_its_variant_is_computed_elsewhere(shared, tmp_path):
    held = contextlib.ExitStack()
    environment = held.enter_context(training_held(tmp_path / "hold"))

    def training(folder: Path) -> bool:
        return any("train.py" in process for process in processes_below(folder))

    with held, started(tmp_path / "cluster", 2, **environment) as dask:
        client = subprocess.Popen(
            ["python", "tools/seeds.py", "2", "--scheduler", str(dask.file), "--workers", "2"],
            cwd=shared, env=tools_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        first, second = (dask.folder / f"worker{number}" for number in range(2))
        wait_for(lambda: training(first) and training(second), "a training on each worker")
        dask.workers[0].kill()
        wait_for(lambda: not processes_below(first), "the end of its processes")
        held.close()
        output, _ = client.communicate(timeout=LIMIT)
        assert client.returncode == 0, output
        assert len(tables(shared)[0].splitlines()) == 3


@pytest.mark.slow
def test_after_a_killed_client_and_a_killed_scheduler_the_same_command_goes_on(shared, tmp_path):
    edit_params(shared, {"train.epochs": 1})
    remote = tmp_path / "remote"

    def begin(dask: Cluster, ended: int) -> subprocess.Popen:
        """Start the study; return its client as soon as `ended` variants have ended."""
        client = subprocess.Popen(
            ["python", "tools/seeds.py", "3", "--scheduler", str(dask.file)], cwd=shared, env=tools_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_for(lambda: (remote / "runs").exists() and len(entries(remote)) >= 2 * ended, f"variant {ended}")
        return client

    with started(tmp_path / "cluster", 1) as dask:
        client = begin(dask, 1)
        client.kill()
        client.communicate()
        client = begin(dask, 2)
        dask.scheduler.kill()
        _, message = client.communicate(timeout=LIMIT)
        assert client.returncode == 1
        assert re.search(r"^seeds: \d of 3 variants failed", message, re.MULTILINE), message
        assert "Traceback" not in message and "exception" not in message and "distributed" not in message, message
    finished = {path: path.stat().st_mtime_ns for path in (remote / "runs").rglob("*/*/*")}
    with started(tmp_path / "again", 1) as dask:
        study(shared, "3", "--scheduler", str(dask.file))
    assert finished.items() <= {path: path.stat().st_mtime_ns for path in (remote / "runs").rglob("*/*/*")}.items()
    assert len({entry.split("/")[0] for entry in entries(remote)}) == len(entries(remote))


@pytest.mark.slow
def test_a_worker_of_another_version_is_refused_by_name(shared, tmp_path):
    stub = tmp_path / "stub/numpy-0.0.1.dist-info"
    stub.mkdir(parents=True)
    (stub / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n")
    with started(tmp_path / "cluster", 1, PYTHONPATH=str(stub.parent)) as dask:
        result = run(shared, "python", "tools/seeds.py", "2", "--scheduler", str(dask.file))
    assert result.returncode == 1
    assert re.search(
        r"refused, not like this machine:\n  127\.0\.0\.1 .*: numpy: expected \S+, found 0\.0\.1", result.stderr
    )


@pytest.mark.slow
def test_without_the_certificate_nobody_gets_in(tmp_path):
    folder = tmp_path / "tls"
    succeed(PROJECT, "python", "tools/cluster.py", "certificate", str(folder))
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    refused = run(PROJECT, "python", "tools/cluster.py", "certificate", str(folder))
    assert refused.returncode == 1
    ask = "import sys; from distributed import Client; Client(scheduler_file=sys.argv[1], timeout=5).run(print)"
    with started(tmp_path / "cluster", 1, DASK_CONFIG=str(folder)) as dask:
        address = json.loads(dask.file.read_text())["address"]
        assert address.startswith("tls://")
        succeed(tmp_path, "python", "-c", ask, str(dask.file), DASK_CONFIG=str(folder))
        assert run(tmp_path, "python", "-c", ask, str(dask.file), DASK_CONFIG=str(tmp_path / "none")).returncode == 1


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "node7:8786", "192.168.0.1:8786", "ws://host:1"])
def test_an_address_without_tls_is_refused_off_this_machine(address):
    with pytest.raises(PipelineError, match="expected a tls:// address"):
        cluster.require_safe(address)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), ("{}", "scheduler-file"), ("x", "scheduler-file")]
)
def test_a_file_of_no_scheduler_is_one_line(content, message, tmp_path):
    if content is not None:
        (tmp_path / "file").write_text(content)
    with pytest.raises(PipelineError, match=message):
        cluster.scheduler_address(str(tmp_path / "file"))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "localhost:1", "tcp://[::1]:8786", "tls://node7:8786"])
def test_loopback_and_tls_are_allowed(address):
    cluster.require_safe(address)


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_one_line(shared, monkeypatch):
    result = run(shared, "python", "-c", (
        "import sys; sys.path[:0] = ['tools', 'stages']; sys.argv = ['seeds.py', '2', '--scheduler', 'tcp://127.0.0.1:9'];"
        "from running import cluster; cluster.CONNECT = 1; import seeds; from common.errors import run; run(seeds.main)"
    ))  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith("seeds: no scheduler or no worker at tcp://127.0.0.1:9: ")


def test_without_a_remote_one_line_says_how_to_set_it_up(project):
    with pytest.raises(PipelineError, match="dvc remote add --default NAME URL"):
        payload.pack(project)


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (UploadError(9), "has the DVC remote room, and may you write to it?"),
        (DvcException("none"), "run `dvc repro` first"),
    ],
)
def test_data_that_cannot_be_pushed_is_one_line_with_the_cure(project, monkeypatch, error, cure):
    def push(*_):
        raise error

    monkeypatch.setattr("dvc.repo.Repo.push", push)
    with pytest.raises(PipelineError, match=f"^the data cannot be pushed: .*{re.escape(cure)}$"):
        cluster.push_data(project)


def test_what_travels_holds_no_secret(project, tmp_path):
    succeed(project, "dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    (project / ".dvc/config.local").write_text(
        "['remote \"shared\"']\n    url = s3://bucket/x\n    secret_access_key = TOPSECRET\n    endpointurl = http://e\n"
    )
    (project / ".env").write_text("TOPSECRET")
    packed = payload.pack(project)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        names = archive.getnames()
        content = b"".join(archive.extractfile(name).read() for name in names)
    assert b"TOPSECRET" not in content
    assert b"s3://bucket/x" in content and b"endpointurl" in content
    assert not [name for name in names if name.startswith((".git/", "data", "models", ".env")) or "local" in name]
    assert packed == payload.pack(project)
    (project / ".dvc/config.local").write_text("['remote \"shared\"']\n    url = ssh://user:TOPSECRET@host/x\n")
    with pytest.raises(PipelineError, match="holds a password"):
        payload.pack(project)


@pytest.mark.parametrize(
    ("cpuinfo", "machine", "expected"),
    [
        ("flags\t\t: sse avx2 fma\n", "x86_64", "x86_64, AVX2 and FMA"),
        ("flags\t\t: sse avx2 fma avx512f\n", "AMD64", "x86_64, AVX2 and FMA"),
        ("flags\t\t: sse avx\n", "x86_64", "x86_64, no AVX2 and FMA"),
        ("Features\t: fp asimd\n", "aarch64", "aarch64"),
    ],
)
def test_the_fingerprint_tells_the_kind_of_cpu(cpuinfo, machine, expected, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(worker, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: machine)
    found = worker.fingerprint(["numpy", "no-such-package"])
    assert found["CPU"] == expected
    assert found["no-such-package"] == "missing"
    assert worker.differences({**found, "numpy": "0"}) == [f"numpy: expected 0, found {found['numpy']}"]


def test_the_engine_is_not_imported_without_its_option():
    code = (
        "import sys; sys.path[:0] = ['tools', 'stages']; import seeds, sweep, recipe, run_variant, running.variants;"
        "assert not {'dask', 'distributed'} & {*sys.modules}"
    )
    succeed(PROJECT, "python", "-c", code)


def test_the_files_for_slurm_and_kubernetes_use_options_that_dask_has(tmp_path):
    documents = [*yaml.safe_load_all((PROJECT / "cluster/kubernetes.yaml").read_text())]
    containers = [
        container
        for document in documents
        if document["kind"] == "Deployment"
        for container in document["spec"]["template"]["spec"]["containers"]
    ]
    script = (PROJECT / "cluster/slurm.sh").read_text()
    script = re.sub(
        r"^#.*|sbatch .*|srun --ntasks \S+|--scheduler \"\$file\" --workers.*", "", script, flags=re.MULTILINE
    )
    used = [word for container in containers for word in container["command"]] + script.split()
    helps = [
        subprocess.run([*DASK, name, "--help"], capture_output=True, text=True) for name in ("scheduler", "worker")
    ]
    options = {word for word in used if word.startswith("--")}
    assert options
    assert not [option for option in options if not any(option in shown.stdout for shown in helps)]


@pytest.mark.slow
def test_slurm_runs_scheduler_workers_and_client_in_one_job(shared, tmp_path):
    """With a stand-in for srun, which starts its command as often as it is told."""
    folder = tmp_path / "tls"
    succeed(PROJECT, "python", "tools/cluster.py", "certificate", str(folder))
    (tmp_path / "bin").mkdir()
    srun = tmp_path / "bin/srun"
    srun.write_text('#!/bin/bash\nshift; n=$1; shift\nfor ((i = 0; i < n; i++)); do "$@" & done\nwait\n')
    srun.chmod(0o755)
    (shared / ".venv/bin").mkdir(parents=True)
    (shared / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (shared / ".venv/bin/python").chmod(0o755)
    environment = tools_environment(
        DASK_CONFIG=str(folder), SLURM_JOB_ID="7", SLURM_NTASKS="2", TMPDIR=str(tmp_path),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )  # fmt: skip
    environment["PATH"] = f"{tmp_path / 'bin'}:{environment['PATH']}"
    command = ["bash", "cluster/slurm.sh", "tools/sweep.py", "train.epochs=1", "--seeds=1"]
    with subprocess.Popen(
        command, cwd=shared, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            output, _ = process.communicate(timeout=LIMIT)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output
    assert len((shared / "reports/sweep.csv").read_text().splitlines()) == 2
