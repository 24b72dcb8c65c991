"""Make what a study on several machines needs.

Usage: python tools/cluster.py certificate FOLDER

Writes a certificate, its key and Dask's settings for them to FOLDER, readable by its owner alone. Copy the folder to
every machine and name it in DASK_CONFIG there: whoever has it can run commands on the workers, nobody else can.
"""

import running.stages_on_path  # noqa: F401

import argparse
import os
from pathlib import Path

import yaml

from common.errors import PipelineError, run

CERTIFICATE, KEY, SETTINGS = "certificate.pem", "key.pem", "mnist.yaml"


def settings() -> dict:
    """Return Dask's settings for mutual TLS; Dask puts the folder's name in the place of $DASK_CONFIG."""
    pair = {"cert": f"$DASK_CONFIG/{CERTIFICATE}", "key": f"$DASK_CONFIG/{KEY}"}
    roles = dict.fromkeys(("scheduler", "worker", "client"), pair)
    tls = {"ca-file": f"$DASK_CONFIG/{CERTIFICATE}", **roles}
    return {"distributed": {"comm": {"require-encryption": True, "default-scheme": "tls", "tls": tls}}}


def write_certificate(folder: Path) -> None:
    """Write the three files. Raises PipelineError when Dask is missing or `folder` has files already."""
    try:
        from distributed.security import Security
    except ImportError:
        raise PipelineError(
            "a certificate needs Dask: `.venv/bin/python -m pip install --require-hashes -r requirements-cluster.txt`"
        ) from None
    if folder.exists() and any(folder.iterdir()):
        raise PipelineError(f"{folder}: expected an empty folder or none; other machines may use what is in it")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = Security.temporary()  # one certificate for all roles, its own authority, valid for a year
    write(folder / CERTIFICATE, made.tls_ca_file)
    write(folder / KEY, made.tls_client_key)
    write(folder / SETTINGS, yaml.safe_dump(settings(), sort_keys=False))


def write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    certificate = commands.add_parser("certificate", help="make a certificate for scheduler, workers and clients")
    certificate.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write_certificate(folder)
    print(f"cluster: wrote {folder}; copy it to every machine and `export DASK_CONFIG={folder.resolve()}` there")


if __name__ == "__main__":
    run(main)
