"""The contents of a dvc.lock: which bytes a stage read and wrote, and what has changed since."""

from pathlib import Path

from common import params
from common.errors import PipelineError

MODEL = "models/model.keras"


def parse(content: bytes, pipeline: bytes, place: Path | str) -> dict:
    """Return a dvc.lock without the stages that its dvc.yaml, `pipeline`, no longer has: DVC keeps their entries.

    place: where they are. Raises PipelineError, with the place and the file, when one of them is not a mapping.
    """
    lock = params.parse_sections(content, f"{place}: dvc.lock")
    stages = params.parse_sections(pipeline, f"{place}: dvc.yaml").get("stages", {})
    kept = {stage: entry for stage, entry in lock.get("stages", {}).items() if stage.partition("@")[0] in stages}
    return {**lock, "stages": kept}


def outputs(lock: dict) -> dict[str, str | None]:
    """Return the MD5 of each output, with `.dir` at its end for a folder."""
    return {out["path"]: out.get("md5") for stage in lock["stages"].values() for out in stage.get("outs", [])}


def code(lock: dict | None) -> dict[str, str | None]:
    """Return the MD5 of the code and libraries that train and evaluate depend on."""
    stages = (lock or {}).get("stages", {})
    deps = [dep for name in ("train", "evaluate") for dep in stages.get(name, {}).get("deps", [])]
    return {dep["path"]: dep.get("md5") for dep in deps if not dep["path"].startswith(("data/", "models/"))}


def find_stale(target: str | None = None) -> list[str]:
    """Return the files, parameters and stages in the current folder that differ from dvc.lock, sorted.

    target: only this stage and those before it. Outputs that Git does not hold may be missing, as in a fresh clone.
    Raises PipelineError when DVC cannot read the project.
    """
    from dvc.exceptions import DvcException  # most of a second
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            status = repo.status(target and [target], with_deps=True)
            cached = [str(out) for out in repo.index.outs if out.use_cache]
            folders = {parent for out in repo.index.outs for parent in Path(str(out)).parents}
    except DvcException as error:
        raise PipelineError(f"DVC cannot read the project: {' '.join(str(error).split())}") from None
    found = set()
    for stage, changes in status.items():
        for change in changes:
            if not isinstance(change, dict):
                found.add(stage)  # another command
                continue
            for name, state in [item for items in change.values() for item in items.items()]:
                path, missing = Path(name), state in ("deleted", "not in cache")
                if isinstance(state, dict):
                    found |= {f"{name}: {key}" for key in state}
                elif path not in folders and not (missing and any(map(path.is_relative_to, cached))):
                    found.add(name)
    return sorted(found)
