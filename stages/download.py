"""Download the data as published from the first source that works, and verify it.

Reads  the `download` section of params.yaml; the environment variable MNIST_MIRROR replaces the sources in the network.
Writes data/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte: IDX, decompressed, the same bytes from every source.
"""

import common.interrupts  # noqa: F401

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from common import params
from common.errors import run
from common.lock import exclusive, require_parent
from common.params import Download
from sources.source import Digests, bring

RAW = Path("data/raw")
PART = Path("data/raw.part")  # same file system as RAW; a fixed name: the next run removes what a killed one left


def provide(sources: Sequence[str], digests: Digests) -> str:
    """Put the verified files into RAW unless they are there; return where they came from.

    Raises PipelineError, and leaves RAW unchanged, if no source has them.
    """
    if all((RAW / name).is_file() and sha256(RAW / name) == digest for name, digest in digests.items()):
        return f"already in {RAW}"
    shutil.rmtree(PART, ignore_errors=True)
    PART.mkdir(parents=True)
    try:
        source = bring(sources, digests, PART)
        require_parent()
        RAW.mkdir(exist_ok=True)
        for name in digests:
            os.replace(PART / name, RAW / name)
    finally:
        shutil.rmtree(PART, ignore_errors=True)
    return f"from {source}"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@exclusive("stage")
def main() -> None:
    settings = params.load(Download)
    digests = settings.sha256.model_dump(by_alias=True)
    origin = provide(settings.sources, digests)
    print(f"download: {len(digests)} files {origin} (verified)")


if __name__ == "__main__":
    run(main)
