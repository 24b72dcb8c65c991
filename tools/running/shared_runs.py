"""DVC's run cache, shared through a remote one entry at a time.

`dvc repro --pull` and `dvc push --run-cache` copy every entry there is, for every variant of a study (dvc#10449). Here
a stage that looks for its result asks the remote for that one entry, and what a variant used is pushed, contents first:
an entry in the remote says that its contents are there.

Three private parts of DVC 3.67 are used, and tests/test_variant.py checks that they behave so: `Repo.stage_cache` can
be replaced, `StageCache._load` looks an entry up, and `_get_stage_hash` names it.
"""

import contextlib
import functools
import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from dvc.config import RemoteConfigError
from dvc.exceptions import DvcException
from dvc.fs import HTTPFileSystem
from dvc.repo import Repo
from dvc.stage import Stage
from dvc.stage.cache import StageCache, _get_stage_hash

from common.errors import PipelineError
from running import hardware

TRIES = 3  # of a transfer: a remote may be busy for a moment


def retried(transfer: Callable) -> Callable:
    """Try a transfer up to TRIES times, then raise PipelineError with the last reason."""

    @functools.wraps(transfer)
    def attempt(*arguments):
        for number in range(1, TRIES + 1):
            try:
                return transfer(*arguments)
            except (DvcException, OSError) as error:
                if number == TRIES:
                    reason = " ".join(str(error).split())[:200]
                    raise PipelineError(f"the DVC remote failed {TRIES} times: {reason}") from None
            time.sleep(number)  # seconds

    return attempt


class RemoteEntries:
    """The entries of the run cache in a DVC remote: files runs/<2 digits>/<key>/<value>.

    Beside them lies, for each, the name of the host that computed it: made_on/<key>/<value>.
    """

    def __init__(self, repo: Repo):
        """Raises PipelineError when no remote is set up, or it cannot hold a run cache."""
        try:
            self.database = repo.cloud.get_remote_odb(command="run_variant", hash_name="md5-dos2unix")
        except RemoteConfigError:
            raise PipelineError(
                "workers share results through a DVC remote: `dvc remote add --default NAME URL` (docs/cluster.md)"
            ) from None
        if isinstance(self.database.fs, HTTPFileSystem):
            raise PipelineError("expected a DVC remote that can hold a run cache, found one over HTTP (dvc#9470)")
        self.fs = self.database.fs

    def folder(self, key: str) -> str:
        return self.fs.join(self.database.path, "runs", key[:2], key)

    @retried
    def values(self, key: str) -> list[str]:
        folder = self.folder(key)
        names = map(self.fs.name, self.fs.find(folder)) if self.fs.exists(folder) else []
        return sorted(name for name in names if is_entry(name))

    @retried
    def fetch(self, key: str, value: str, path: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        part = f"{path}.{os.getpid()}"
        self.fs.get_file(self.fs.join(self.folder(key), value), part)
        os.replace(part, path)

    @retried
    def push(self, key: str, value: str, path: str) -> None:
        made_on = self.made_on(key)
        self.fs.makedirs(made_on, exist_ok=True)
        self.fs.pipe_file(self.fs.join(made_on, value), hardware.host().encode())
        self.fs.makedirs(self.folder(key), exist_ok=True)
        self.fs.put_file(path, self.fs.join(self.folder(key), value))

    def made_on(self, key: str) -> str:
        return self.fs.join(self.database.path, "made_on", key)

    @retried
    def host(self, key: str, value: str) -> str | None:
        """Return the host that pushed an entry, None if that is not known (`dvc push --run-cache` does not say)."""
        path = self.fs.join(self.made_on(key), value)
        return self.fs.cat_file(path).decode() if self.fs.exists(path) else None


class SharedRuns(StageCache):
    """A run cache that fetches an entry when a stage looks for it, and remembers which entries were used."""

    def __init__(self, repo: Repo, remote: RemoteEntries | None):
        super().__init__(repo)
        self.remote = remote
        self.used: dict[str, tuple[str, str]] = {}  # stage -> key and value of its entry
        self.restored: set[str] = set()  # the stages that did not have to run

    def pull(self, *_: object, **__: object) -> list:
        """Fetch nothing: `Repo.reproduce` calls this to fetch every entry of the remote."""
        return []

    def _load(self, stage: Stage) -> dict | None:
        key = _get_stage_hash(stage)
        if self.remote:
            for value in self.remote.values(key):
                if not os.path.exists(path := self._get_cache_path(key, value)):
                    self.remote.fetch(key, value, path)
        entry = super()._load(stage)
        if entry:
            self.note(stage, key)
        return entry

    def restore(self, stage: Stage, *arguments: object, **options: object) -> None:
        super().restore(stage, *arguments, **options)
        self.restored.add(stage.addressing)

    def save(self, stage: Stage) -> None:
        super().save(stage)
        self.note(stage, _get_stage_hash(stage))

    def values(self, key: str) -> list[str]:
        """Return the names of the remote's entries of a key."""
        return self.remote.values(key) if self.remote else []

    def note(self, stage: Stage, key: str) -> None:
        """Remember the entry of a stage. Raises PipelineError when the same inputs have led to two results."""
        folder = self._get_cache_dir(key)
        local = filter(is_entry, os.listdir(folder)) if os.path.isdir(folder) else []
        found = {*local, *self.values(key)}
        self.require_one(stage.addressing, key, found)
        self.used[stage.addressing] = (key, found.pop())

    def require_one(self, stage: str, key: str, values: Iterable[str]) -> None:
        """Raise PipelineError that names the hosts when a key has several results."""
        if len(known := sorted(values)) > 1:
            hosts = [self.remote and self.remote.host(key, value) for value in known]
            named = ", ".join(
                f"{value[:12]} of {host or f'{hardware.host()} or an unknown host'}"
                for value, host in zip(known, hosts, strict=True)
            )
            raise PipelineError(
                f"{stage}: {len(known)} different results of the same inputs are known, {named}; "
                f"find out which is wrong, then remove it from runs/{key[:2]}/{key} (docs/cluster.md)"
            )

    def push_used(self) -> int:
        """Push what the remote lacks of the used entries, contents first; return how many entries that were.

        Raises PipelineError when the remote does not take them.
        """
        if not self.remote:
            return 0
        new = {stage: run for stage, run in self.used.items() if run[1] not in self.values(run[0])}
        files = set().union(*self.get_used_objs([*new.values()]).values()) if new else set()
        if files:
            self.push_files(files)
        for stage, (key, value) in new.items():
            self.remote.push(key, value, self._get_cache_path(key, value))
            self.require_one(stage, key, self.values(key))  # another host may have pushed at the same time
        return len(new)

    @retried
    def push_files(self, files: set) -> None:
        if failed := self.repo.cloud.push(files).failed:
            raise OSError(f"{len(failed)} of {len(files)} files were not taken; is the remote's disk full?")


def bring(project: Path, results: Iterable[dict]) -> None:
    """Fetch the entries that results of variants name, and their contents, from the default remote of `project`.

    A stage of the project with the same inputs is restored then. Raises PipelineError when the remote fails.
    """
    with contextlib.chdir(project), Repo() as repo:
        cache, remote = StageCache(repo), RemoteEntries(repo)
        runs = [(key, value) for result in results for key, value in result["runs"].values()]
        for key, value in runs:
            if not os.path.exists(path := cache._get_cache_path(key, value)):
                remote.fetch(key, value, path)
        files = set().union(*cache.get_used_objs(runs).values())
        if failed := repo.cloud.pull(files).failed:
            raise PipelineError(f"{len(failed)} of {len(files)} files could not be fetched from the remote")


def is_entry(name: str) -> bool:
    """Return whether a file is an entry, and not one that another process is just writing."""
    return re.fullmatch("[0-9a-f]{64}", name) is not None
