"""Make a certificate for the machines of a study.

Writes Dask's settings with a certificate and its key to FOLDER, readable by its owner alone. Copy the folder to every
machine and name it in DASK_CONFIG there. Only its owners can run commands on the workers.
"""

import argparse
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from common.errors import PipelineError, run  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    try:
        from distributed.security import Security
    except ImportError:
        raise PipelineError(
            "a certificate needs Dask: `.venv/bin/python -m pip install --require-hashes -r requirements-cluster.txt`"
        ) from None
    if folder.exists() and any(folder.iterdir()):
        raise PipelineError(f"{folder}: expected an empty or new folder; other machines may use the files in it")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = Security.temporary()  # one certificate for all roles, its own authority, valid for a year
    own = {"cert": made.tls_ca_file, "key": made.tls_client_key}
    tls = {"ca-file": made.tls_ca_file, "scheduler": own, "worker": own, "client": own}
    # Mutual TLS. The settings hold the certificate itself, because its path differs between machines.
    settings = {"distributed": {"comm": {"require-encryption": True, "default-scheme": "tls", "tls": tls}}}
    file = folder / "mnist.yaml"
    file.touch(0o600)
    file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    print(f"certificate: wrote {folder}; copy it to every machine and `export DASK_CONFIG={folder.resolve()}` there")


if __name__ == "__main__":
    run(main)
