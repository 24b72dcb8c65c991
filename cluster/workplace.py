"""A copy of the project whose DVC restores and records variants, while workers compute them."""

import shlex
import sys
from pathlib import Path

from cluster import payload
from common.errors import PipelineError
from running import copies, overrides, processes
from running.overrides import Overrides
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
        own = copies.environment()
        self.environment = {
            **own,
            "PATH": f"{python.parent}:{own['PATH']}",
            "DVC_SITE_CACHE_DIR": str(scratch / "site"),
        }

    def dvc(self, *arguments: str) -> str:
        """Run DVC; return its message if it fails, or an empty string."""
        status, lines = processes.run([*copies.DVC, *arguments], self.folder, self.line, self.environment)
        return " / ".join(lines[-2:]) or f"exit status {status}" if status else ""

    def prepare(self, changes: Overrides) -> tuple[str, ...]:
        """Restore a variant, or what DVC has of it; return the stages that a worker must run.

        Raises PipelineError when a stage fails that runs here.
        """
        overrides.write(self.folder, changes)
        self.refused.unlink(missing_ok=True)
        message = self.dvc("repro", TARGET)
        if not message:
            return ()
        if not self.refused.exists():
            raise PipelineError(message)
        return COMPUTED[COMPUTED.index(self.refused.read_text().strip()) :]

    def record(self, changes: Overrides, outputs: dict[str, bytes]) -> None:
        """Put the outputs that a worker has computed into DVC's cache, under the paths that are declared here.

        Raises PipelineError when DVC fails.
        """
        stages = self.prepare(changes)  # the copy has served other variants since
        for path in payload.outputs(self.folder, stages):
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).unlink(missing_ok=True)  # it may be a link to the cache
            (self.folder / path).write_bytes(outputs[path])
        if message := self.dvc("commit", "--force", *stages):
            raise PipelineError(message)
