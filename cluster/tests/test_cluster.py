"""Studies on Dask workers, with the tiny MNIST: in this process, and as processes of their own where one is killed."""

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
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from common.errors import PipelineError
from fixtures import PROJECT, edit_params, run, succeed, tools_environment, training_held
from running import processes
from running.variants import Where, run_variants
from watching import LIMIT, processes_below, start, trainings, wait_for

distributed = pytest.importorskip("distributed", reason="Dask is not installed: requirements-cluster.txt")
from distributed.cli import dask_scheduler, dask_worker  # noqa: E402

from cluster import pool, worker  # noqa: E402
from cluster.workplace import Workplace  # noqa: E402

DASK = [sys.executable, "-m", "dask"]
VARIANTS = [{"train.seed": seed, "train.epochs": 1} for seed in (5, 6)]


@pytest.fixture
def address(tmp_path, monkeypatch) -> Iterator[str]:
    """The address of a scheduler with two workers, all in this process."""
    monkeypatch.setenv("MNIST_CACHE", str(tmp_path / "host"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="inproc", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def files(folder: Path, report: dict) -> list[bytes]:
    """The results of a variant."""
    return [(folder / path).read_bytes() for path in ("models/model.keras", "reports/evaluate/predictions.csv")]


def entries(project: Path) -> set[str]:
    """The entries of a project's run cache, as key/value."""
    runs = project / ".dvc/cache/runs"
    return {f"{path.parent.name}/{path.name}" for path in runs.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_workers_get_the_results_of_this_machine_compute_nothing_twice_and_name_what_fails(
    light, address, tmp_path, capsys
):
    alone = Path(shutil.copytree(light, tmp_path / "alone", symlinks=True))
    before = entries(light)
    expected = run_variants(alone, VARIANTS[:1], Where(), files, "here")
    reports, results = [], []

    def read(folder: Path, report: dict) -> list[bytes]:
        reports.append(report)
        results.append(files(folder, report))
        return results[-1]

    there = Where(scheduler=address, workers=2, verify_workers=True)
    found = run_variants(light, VARIANTS, there, read, "there")
    assert found[:1] == expected
    assert "the committed network, byte for byte" in capsys.readouterr().out
    assert {tuple(report["computed"]) for report in reports} == {("train", "evaluate")}
    assert all(report["hardware"] and report["host"] and report["seconds"] > 0 for report in reports)
    assert entries(alone) <= entries(light)
    assert len(entries(light) - before) == 6  # check, train and evaluate of each seed

    failing = [*VARIANTS, {"train.batch_size": 100000}]
    with pytest.raises(PipelineError, match="1 of 3 variants failed\n  batch_size 100000: on .*: train: .*at most 240"):
        run_variants(light, failing, Where(scheduler=address), read, "again")
    assert [report["computed"] for report in reports[2:]] == [[], []]
    assert sorted(results[2:]) == sorted(found)
    assert not list((light / ".dvc/tmp").glob("tmp*"))


def test_a_worker_that_is_not_like_this_machine_is_refused_by_name(address):
    expected = {"CPU": worker.version("CPU"), "numpy": "0.0.1"}
    with (
        distributed.Client(address, set_as_default=False) as client,
        pytest.raises(PipelineError, match=r"refused, .*\n  .* \(inproc:.*\): numpy: expected 0.0.1, found \d"),
    ):
        pool.require_workers(client, expected)
    assert worker.call("study", {}, b"", expected)["error"].startswith("refused, not like the machine")


def test_only_declared_outputs_are_written_and_never_through_a_link_to_the_cache(tmp_path, monkeypatch):
    place = object.__new__(Workplace)
    place.folder, kept = tmp_path / "project", tmp_path / "kept"
    kept.write_bytes(b"of the cache")
    (place.folder / "models").mkdir(parents=True)
    os.link(kept, place.folder / "models/model.keras")
    monkeypatch.setattr(Workplace, "prepare", lambda *_: ("train",))
    monkeypatch.setattr(Workplace, "dvc", lambda *_: "")
    monkeypatch.setattr(Workplace, "outputs", lambda *_: ["models/model.keras"])
    place.record({}, {"models/model.keras": b"new", "reports/../../../outside": b"new"})
    assert kept.read_bytes() == b"of the cache"
    assert [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()].count(b"new") == 1


def test_only_tracked_files_and_the_data_travel(finished, tmp_path):
    project = Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))
    for name in ("stages/my_key.pem", "stages/network/.env", ".dvc/config.local", "stages/new.py"):
        (project / name).write_text("['core']\n" if "config" in name else "TOPSECRET")
    with processes.life_line() as line:
        place = Workplace(project, tmp_path / "scratch", line)
    shutil.copytree(project / "data/normalized", place.folder / "data/normalized", dirs_exist_ok=True)
    task = place.task(["train", "evaluate"])
    assert task["data"] == [f"data/normalized/{split}" for split in ("test", "train", "validation")]
    assert task["outputs"][0] == "models/model.keras"
    for packed in (task["code"], place.pack(task["data"])):
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            names = archive.getnames()
            assert not [name for name in names if not name.startswith(("stages/", "params", "req", "data/normalized"))]
            assert not any(b"TOPSECRET" in archive.extractfile(m).read() for m in archive.getmembers() if m.isfile())


@pytest.mark.parametrize("content", ["{}", "x", '{"address": "tcp://10.0.0.1:8786"}'])
def test_an_address_without_tls_is_refused_on_this_machine_too(content, tmp_path):
    (tmp_path / "file").write_text(content)
    for address in ("tcp://127.0.0.1:8786", "localhost:8786", str(tmp_path / "file")):
        with pytest.raises(PipelineError, match="an address like tls://HOST:8786"):
            pool.scheduler_address(address)


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setattr(pool, "CONNECT", 1)
    with (
        pytest.raises(PipelineError, match="^no scheduler or no worker at inproc://10.0.0.1/1/1: .*$"),
        pool.connected(Where(scheduler="inproc://10.0.0.1/1/1")),
    ):
        pass


def test_the_engine_is_not_imported_without_its_option():
    code = (
        "import sys; sys.path[:0] = ['tools', 'stages']; import seeds, sweep, recipe, run_variant;"
        "assert not {'dask', 'distributed', 'cluster'} & {*sys.modules}"
    )
    succeed(PROJECT, "python", "-c", code)


class Cluster(NamedTuple):
    folder: Path
    file: Path  # of the scheduler
    environment: dict[str, str]
    scheduler: subprocess.Popen
    stack: contextlib.ExitStack

    def start_worker(self, name: str) -> tuple[subprocess.Popen, Path]:
        """Start a worker without a nanny: when it is killed it stays dead. Return it and its scratch folder."""
        own = self.folder / name
        own.mkdir()
        options = ["--nthreads=1", "--no-nanny", "--no-dashboard", "--memory-limit=0", "--death-timeout=60"]
        command = ["worker", f"--scheduler-file={self.file}", *options, f"--local-directory={own}"]
        return start_dask(self.stack, command, {**self.environment, "TMPDIR": str(own)}), own


def start_dask(stack: contextlib.ExitStack, command: list[str], environment: dict[str, str]) -> subprocess.Popen:
    process = subprocess.Popen([*DASK, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


@contextlib.contextmanager
def started(folder: Path, **environment: str) -> Iterator[Cluster]:
    """A scheduler of its own process, with a certificate."""
    folder.mkdir()
    tls, file = folder / "tls", folder / "scheduler.json"
    succeed(PROJECT, "python", "cluster/certificate.py", str(tls))
    settings = tools_environment(MNIST_CACHE=str(folder / "cache"), DASK_CONFIG=str(tls), **environment)
    command = ["scheduler", "--protocol=tls", "--host=127.0.0.1", "--port=0", "--no-dashboard"]
    with contextlib.ExitStack() as stack:
        scheduler = start_dask(stack, [*command, f"--scheduler-file={file}"], settings)
        wait_for(file.exists, "the scheduler")
        yield Cluster(folder, file, settings, scheduler, stack)


@pytest.mark.slow
def test_kills_of_client_worker_and_scheduler_leave_no_process_and_lose_no_finished_variant(light, tmp_path):
    """One cluster for all of it: a start of Dask, of every worker and client costs seconds."""
    edit_params(light, {"train.epochs": 1})
    succeed(light, "dvc", "repro", "evaluate")
    held = contextlib.ExitStack()
    environment = held.enter_context(training_held(tmp_path / "hold"))

    def study(seeds: int) -> subprocess.Popen:
        command = ("tools/seeds.py", str(seeds), "--scheduler", str(dask.file))
        return start(light, sys.executable, *command, **dask.environment)

    with held, started(tmp_path / "cluster", **environment) as dask:
        only_the_owner_reads_the_certificate_and_others_are_refused(dask)
        first, scratch = dask.start_worker("first")
        client = study(3)
        wait_for(lambda: trainings(scratch), "a training")
        client.send_signal(signal.SIGINT)
        output, _ = client.communicate(timeout=LIMIT)
        assert client.returncode == 130, output
        wait_for(lambda: not processes_below(scratch), "the end of its processes")

        client = study(3)
        wait_for(lambda: trainings(scratch), "a training")
        _, other = dask.start_worker("late")
        wait_for(lambda: trainings(other), "a training on the worker that joined late")
        first.kill()
        wait_for(lambda: not processes_below(scratch), "the end of its processes")
        held.close()
        output, _ = client.communicate(timeout=LIMIT)
        assert client.returncode == 0, output
        assert len((light / "reports/seeds.csv").read_text().splitlines()) == 4

        known = entries(light)
        with training_held(tmp_path / "hold"):
            client = study(4)
            wait_for(lambda: trainings(other), "a training of the one new seed")
            dask.scheduler.kill()
            output, _ = client.communicate(timeout=LIMIT)
        assert client.returncode == 1
        assert re.search(r"^seeds: 1 of 4 variants failed\n  seed 3: on no host", output, re.MULTILINE), output
        assert "Traceback" not in output and "distributed" not in output, output
        assert entries(light) >= known


def only_the_owner_reads_the_certificate_and_others_are_refused(dask: Cluster) -> None:
    folder = dask.folder / "tls"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert run(PROJECT, "python", "cluster/certificate.py", str(folder)).returncode == 1  # others may use it
    assert json.loads(dask.file.read_text())["address"].startswith("tls://")
    ask = "import sys; from distributed import Client; Client(scheduler_file=sys.argv[1], timeout=2)"
    assert run(PROJECT, "python", "-c", ask, str(dask.file), DASK_CONFIG=str(folder / "none")).returncode == 1


def test_the_file_for_kubernetes_uses_options_that_dask_has():
    used = re.findall("--[a-z][a-z-]+", re.sub("#.*", "", (PROJECT / "cluster/kubernetes.yaml").read_text()))
    options = [option for dask in (dask_scheduler, dask_worker) for option in dask.main.params]
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    assert "--protocol" in used
    assert [option for option in used if option not in known] == []


@pytest.mark.slow
def test_slurm_runs_scheduler_workers_and_client_in_one_job(light, tmp_path):
    """With a stand-in for srun, which starts its command as often as asked."""
    folder = tmp_path / "tls"
    succeed(PROJECT, "python", "cluster/certificate.py", str(folder))
    for path, text in [
        (tmp_path / "bin/srun", '#!/bin/bash\nshift; n=$1; shift\nfor ((i = 0; i < n; i++)); do "$@" & done\nwait\n'),
        (light / ".venv/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'),
    ]:
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    settings = {"DASK_CONFIG": str(folder), "SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "TMPDIR": str(tmp_path)}
    path = f"{tmp_path / 'bin'}:{tools_environment()['PATH']}"
    command = ("bash", "cluster/slurm.sh", "tools/sweep.py", "train.epochs=1", "--seeds=1")
    process = start(light, *command, **settings, MNIST_CACHE=str(tmp_path), PATH=path)
    try:
        output, _ = process.communicate(timeout=LIMIT)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output
    assert len((light / "reports/sweep.csv").read_text().splitlines()) == 2
