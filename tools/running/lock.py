"""The contents of a dvc.lock: which bytes a stage read and wrote."""

MODEL = "models/model.keras"


def outputs(lock: dict) -> dict[str, str | None]:
    """Return the MD5 of each output, with `.dir` at its end for a folder."""
    return {out["path"]: out.get("md5") for stage in lock["stages"].values() for out in stage.get("outs", [])}


def code(lock: dict | None) -> dict[str, str | None]:
    """Return the MD5 of the code and libraries that train and evaluate depend on."""
    stages = (lock or {}).get("stages", {})
    deps = [dep for name in ("train", "evaluate") for dep in stages.get(name, {}).get("deps", [])]
    return {dep["path"]: dep.get("md5") for dep in deps if not dep["path"].startswith(("data/", "models/"))}
