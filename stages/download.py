"""Download the published data from the first source that works, and verify it.

Reads  the `download` section of params.yaml; the environment variable MNIST_MIRROR replaces the sources in the network.
Writes data/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte: IDX, decompressed, the same bytes from every source.
"""

import common.interrupts  # noqa: F401

import hashlib
from collections.abc import Sequence
from pathlib import Path

from common import params
from common.files import atomic_write
from common.lock import run_stage
from common.params import Download
from sources import source
from sources.source import Digests

RAW = Path("data/raw")


def provide(sources: Sequence[str], digests: Digests) -> str:
    """Write the verified files to RAW unless they are there; return where they came from.

    Raises PipelineError, and leaves RAW unchanged, if all sources fail.
    """
    here = {name: (RAW / name).read_bytes() for name in digests if (RAW / name).is_file()}
    if {name: hashlib.sha256(content).hexdigest() for name, content in here.items()} == digests:
        return f"already in {RAW}"
    origin, files = source.load(sources, digests)
    for name, content in files.items():
        with atomic_write(RAW / name) as part:
            part.write_bytes(content)
    return f"from {origin}"


def main() -> None:
    settings = params.load(Download)
    digests = settings.sha256.model_dump(by_alias=True)
    origin = provide(settings.sources, digests)
    print(f"download: {len(digests)} files {origin} (verified)")


if __name__ == "__main__":
    run_stage(main)
