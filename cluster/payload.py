"""What travels to a worker: the tracked files that its stages need, and their data, and nothing else."""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml


def entries(folder: Path, stages: Sequence[str]) -> list[dict]:
    """Return the entries of some stages in the dvc.lock of `folder`."""
    locked = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return [locked[name] for name in stages]


def outputs(folder: Path, stages: Sequence[str]) -> list[str]:
    return [out["path"] for entry in entries(folder, stages) for out in entry["outs"]]


def task(folder: Path, tracked: Iterable[str], stages: Sequence[str]) -> dict:
    """Return what `worker.call` needs to run some stages of `folder`, a copy of the project.

    code: an archive of stages/, params.yaml and the inputs that Git tracks. data: the paths of the other inputs, and
    data_key: their digest. commands, outputs: those of the stages.
    """
    made = outputs(folder, stages)
    deps = {dep["path"]: dep["md5"] for entry in entries(folder, stages) for dep in entry["deps"]}
    inputs = ["params.yaml", "stages", *sorted(deps.keys() - {*made})]
    found = {path: [name for name in tracked if name == path or name.startswith(f"{path}/")] for path in inputs}
    data = [path for path in inputs if not found[path]]
    return {
        "code": pack(folder, sorted({name for names in found.values() for name in names})),
        "data": data,
        "data_key": hashlib.sha256(repr([(path, deps[path]) for path in data]).encode()).hexdigest()[:32],
        "commands": [entry["cmd"] for entry in entries(folder, stages)],
        "outputs": made,
    }


def pack(folder: Path, names: Iterable[str]) -> bytes:
    """Return a .tar.gz of files and folders in `folder`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1, dereference=True) as archive:
        for name in names:
            archive.add(folder / name, name)
    return packed.getvalue()
