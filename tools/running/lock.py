"""What a dvc.lock says: which bytes a stage wrote."""

import hashlib
import json
from operator import itemgetter

MODEL = "models/model.keras"


def digest(entry: dict) -> str | None:
    """Return the MD5 of an output or dependency, `.dir` at its end for a folder; None if the entry has none.

    After a push to a remote that is version-aware, DVC lists the files of a folder in the place of its MD5; that of a
    folder is the MD5 of this list (dvc_data.hashfile.tree.Tree.digest).
    """
    if "files" not in entry:
        return entry.get("md5")
    files = sorted(
        ({"md5": file["md5"], "relpath": file["relpath"]} for file in entry["files"]), key=itemgetter("relpath")
    )
    return hashlib.md5(json.dumps(files, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def outputs(lock: dict) -> dict[str, str | None]:
    """Return the MD5 of each output."""
    return {out["path"]: digest(out) for stage in lock["stages"].values() for out in stage.get("outs", [])}


def code(lock: dict | None) -> dict[str, str | None]:
    """Return the digests of the code and libraries that train and evaluate depend on."""
    stages = (lock or {}).get("stages", {})
    deps = [dep for name in ("train", "evaluate") for dep in stages.get(name, {}).get("deps", [])]
    return {dep["path"]: digest(dep) for dep in deps if not dep["path"].startswith(("data/", "models/"))}
