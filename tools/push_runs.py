"""Push every finished run; a colleague's `dvc repro --pull` then fetches it instead of computing it.

`dvc push --run-cache` pushes the entries of all runs, but the contents of the current one alone. The contents of the
others are in DVC's cache too, also the metrics, tables and figures that Git holds (`cache: false`); this pushes them.
"""

from running.project import run

import argparse

from dvc.exceptions import DvcException
from dvc.repo import Repo

from common.errors import PipelineError


def push(remote: str | None) -> tuple[int, int]:
    """Push all runs with their outputs; return the numbers of runs and files. Raises PipelineError if DVC cannot."""
    try:
        with Repo() as repo:
            runs = repo.stage_cache.push(remote)
            files = set().union(*repo.stage_cache.get_used_objs(runs).values())
            result = repo.cloud.push(files, remote=remote)
    except DvcException as error:
        cure = "; use a remote without `version_aware`" if "versioned" in str(error) else ""
        raise PipelineError(" ".join(f"{error}{cure}".split())) from None
    if result.failed:
        raise PipelineError(f"{len(result.failed)} of {len(files)} files could not be pushed; run it again")
    return len(runs), len(files)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--remote", help="a name of `dvc remote list`; the default one without it")
    runs, files = push(parser.parse_args().remote)
    print(f"push_runs: {runs} runs with {files} files are in the remote")


if __name__ == "__main__":
    run(main)
