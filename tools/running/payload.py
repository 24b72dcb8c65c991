"""The files of the project that a worker needs, packed: the working tree as it is, without what is secret or large."""

import configparser
import io
import re
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

from common.errors import PipelineError

FOLDERS = ("stages", "tools")
FILES = ("requirements.in", "requirements.txt", "dvc.yaml", "dvc.lock", "params.yaml", ".dvcignore")
OPTIONS = ("url", "region", "endpointurl", "verify", "ssl_verify", "profile")  # of a remote; the others may be secrets


def pack(project: Path) -> bytes:
    """Return a .tar.xz of the tracked files that `repro evaluate` needs, as they are in the working tree.

    Equal files give equal bytes. Raises PipelineError when `project` is no Git repository, or has no default remote.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=project, capture_output=True
    )
    if listed.returncode:
        raise PipelineError(f"{project}: {listed.stderr.decode(errors='replace').strip().splitlines()[0]}")
    names = sorted(filter(needed, listed.stdout.decode().split("\0")))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            if (project / name).is_file():
                add(archive, name, (project / name).read_bytes())
        add(archive, ".dvc/config", public_config(project).encode())
    return packed.getvalue()


def needed(name: str) -> bool:
    """Return whether a worker needs this file."""
    top = PurePosixPath(name).parts[:1]
    return name in FILES or (bool(top) and top[0] in FOLDERS and not name.endswith((".pyc", ".part")))


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))


def public_config(project: Path) -> str:
    """Return a .dvc/config with the default remote, wherever it is configured, and no option that may be a secret.

    Workers have credentials of their own, as DVC finds them: the environment, ~/.aws, ssh keys ...
    """
    from dvc.config import Config  # a second of imports

    settings = Config(dvc_dir=str(project / ".dvc"))
    name = settings["core"].get("remote")
    if not name:
        raise PipelineError(
            "workers share their results through a DVC remote: `dvc remote add --default NAME URL` (docs/cluster.md)"
        )
    remote = settings["remote"][name]
    if re.search("//[^/@]*:[^/@]*@", remote["url"]):
        raise PipelineError(f"the URL of the DVC remote {name} holds a password: give it to each machine instead")
    config = configparser.RawConfigParser()
    config["core"] = {"remote": name, "analytics": "false", "check_update": "false"}
    config["cache"] = {"type": ",".join(settings["cache"].get("type") or ["reflink", "hardlink", "copy"])}
    config[f"'remote \"{name}\"'"] = {key: str(remote[key]) for key in OPTIONS if key in remote}
    written = io.StringIO()
    config.write(written)
    return written.getvalue()
