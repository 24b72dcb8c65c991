"""A copy of the project whose DVC restores and records variants, while workers compute them."""

import hashlib
import io
import shlex
import sys
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from common.errors import PipelineError
from running import copies, overrides, processes
from running.variants import COMPUTED, TARGET

# The `python` of the copy's stages. It leaves those that take long to the workers, and notes the first of them.
PYTHON = """#!/bin/sh
case "$DVC_STAGE" in {stages}) echo "$DVC_STAGE" >{refused}; exit 1 ;; esac
exec {python} "$@"
"""


class Workplace:
    def __init__(self, project: Path, scratch: Path, line: processes.LifeLine):
        """Copy the project to `scratch`, an empty folder; DVC runs on the life line."""
        self.line, self.refused = line, scratch / "refused"
        self.tracked = copies.git.tracked_files(project)
        self.folder = copies.copy(project, scratch / "project", share_cache=True)
        python = scratch / "bin/python"
        python.parent.mkdir()
        paths = {"refused": shlex.quote(str(self.refused)), "python": shlex.quote(sys.executable)}
        python.write_text(PYTHON.format(stages="|".join(COMPUTED), **paths), encoding="utf-8")
        python.chmod(0o700)
        self.environment = {**copies.environment(), "DVC_SITE_CACHE_DIR": str(scratch / "site")}
        self.environment["PATH"] = f"{python.parent}:{self.environment['PATH']}"

    def dvc(self, *arguments: str) -> str:
        """Run DVC; return its message if it fails, or an empty string."""
        status, lines = processes.run([*copies.DVC, *arguments], self.folder, self.line, self.environment)
        return " / ".join(lines[-2:]) or f"exit status {status}" if status else ""

    def prepare(self, changes: overrides.Overrides) -> tuple[str, ...]:
        """Restore a variant as far as DVC has its results; return the stages that a worker must run."""
        overrides.write(self.folder, changes)
        self.refused.unlink(missing_ok=True)
        message = self.dvc("repro", TARGET)
        if not message:
            return ()
        if not self.refused.exists():
            raise PipelineError(message)
        return COMPUTED[COMPUTED.index(self.refused.read_text().strip()) :]

    def record(self, changes: overrides.Overrides, outputs: dict[str, bytes]) -> None:
        """Put the outputs that a worker has computed into DVC's cache, under the paths that are declared here."""
        stages = self.prepare(changes)  # the copy has served other variants since
        for path in self.outputs(stages):
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).unlink(missing_ok=True)  # it may be a link to the cache
            (self.folder / path).write_bytes(outputs[path])
        if message := self.dvc("commit", "--force", *stages):
            raise PipelineError(message)

    def locked(self, stages: Sequence[str]) -> list[dict]:
        """Return the entries of some stages in dvc.lock."""
        entries = yaml.safe_load((self.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        return [entries[name] for name in stages]

    def outputs(self, stages: Sequence[str]) -> dict[str, str]:
        """Return the MD5 of each output of some stages."""
        return {out["path"]: out["md5"] for entry in self.locked(stages) for out in entry["outs"]}

    def task(self, stages: Sequence[str]) -> dict:
        """Return what `worker.call` needs to run some stages, and nothing else.

        code: an archive of stages/, params.yaml and the inputs that Git tracks. data: the paths of the other inputs,
        and data_key: their digest. commands, outputs: those of the stages.
        """
        entries, outputs = self.locked(stages), list(self.outputs(stages))
        deps = {dep["path"]: dep["md5"] for entry in entries for dep in entry["deps"]}
        inputs = ["params.yaml", "stages", *sorted(deps.keys() - {*outputs})]
        found = {path: [name for name in self.tracked if f"{name}/".startswith(f"{path}/")] for path in inputs}
        data = [path for path in inputs if not found[path]]
        return {
            "code": self.pack(sorted({name for names in found.values() for name in names})),
            "data": data,
            "data_key": hashlib.sha256(repr([(path, deps[path]) for path in data]).encode()).hexdigest()[:32],
            "commands": [entry["cmd"] for entry in entries],
            "outputs": outputs,
        }

    def pack(self, names: Iterable[str]) -> bytes:
        """Return a .tar.gz of files and folders."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1, dereference=True) as archive:
            for name in names:
                archive.add(self.folder / name, name)
        return packed.getvalue()
