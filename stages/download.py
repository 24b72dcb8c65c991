"""Download the data as published from the first source that works, and verify it.

Reads  the `download` section of params.yaml; if the environment variable MNIST_MIRROR is set, it is the source.
Writes data/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte: IDX, decompressed, the same bytes from every source.
"""

import common.interrupts  # noqa: F401

import errno
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import params
from common.errors import PipelineError, run
from common.lock import exclusive, require_parent
from common.params import Download
from sources.fetch import save, without_secrets
from sources.source import is_remote, open_source

Digests = Mapping[str, str | None]  # SHA-256 by published name; None: not stated yet

RAW = Path("data/raw")
PART = Path("data/raw.part")  # same file system as RAW; a fixed name: the next run removes what a killed one left
OUR_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}  # errors of writing, not of a source


def choose(sources: Sequence[str], mirror: str | None) -> list[str]:
    """Return the sources to try. A `mirror` of the user's own comes first and keeps away from the network."""
    return [mirror, *(source for source in sources if not is_remote(source))] if mirror else [*sources]


def provide(sources: Sequence[str], digests: Digests) -> str:
    """Put the verified files into RAW unless they are there; return where they came from.

    Raises PipelineError with the reason for each source if none works; RAW is then unchanged.
    Raises OSError when our own disk is full or read-only.
    """
    if all((RAW / name).is_file() and sha256(RAW / name) == digest for name, digest in digests.items()):
        return f"already in {RAW}"
    reasons: list[str] = []
    for source in sources:
        if reasons:
            print(f"download: {reasons[-1]}; trying {without_secrets(source)}", file=sys.stderr)
        try:
            fetch_verified(source, digests)
        except Exception as error:  # bad data can raise any error; the next source may still work
            if isinstance(error, OSError) and error.errno in OUR_DISK:
                raise
            reasons.append(f"{without_secrets(source)}: {describe(error)}")
        else:
            return f"from {without_secrets(source)}"
    if not all(digests.values()):
        reasons.append("If you trust the source, copy the digests found; see docs/your-data.md.")
    text = "\n  ".join(reasons)
    if "MNIST_MIRROR" in os.environ:
        end = "nothing was downloaded, because MNIST_MIRROR is set"
        raise PipelineError(f"{text}\n{end}" if "\n" in text else f"{text}; {end}")
    hint = "Set MNIST_MIRROR to a folder, an archive or a URL that holds the four files."
    raise PipelineError(f"no source of the data works\n  {text}\n{hint}")


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_verified(source: str, digests: Digests) -> None:
    """Put the files of one source into RAW, all or none.

    Raises PipelineError that names each file whose digest differs, and what `open_source` raises.
    """
    found = {}
    shutil.rmtree(PART, ignore_errors=True)
    working = PART / "working"
    working.mkdir(parents=True)
    try:
        with open_source(source, working) as find:
            for name, digest in digests.items():
                for chunks in find(name):
                    found[name] = save(chunks, PART / name)
                    if found[name] == digest:
                        break
        wrong = [name for name in digests if found[name] != digests[name]]
        lines = [f"{len(wrong)} files are not those of download.sha256"] if len(wrong) > 1 else []
        lines += [f"{name}: expected SHA-256 {digests[name] or 'unknown'}, found {found[name]}" for name in wrong]
        if wrong:
            raise PipelineError("\n    ".join(lines))
        require_parent()
        RAW.mkdir(exist_ok=True)
        for name in digests:
            os.replace(PART / name, RAW / name)
    finally:
        shutil.rmtree(PART, ignore_errors=True)


def describe(error: Exception) -> str:
    """Return one line: of the innermost error that requests and urllib3 wrap, without secrets."""
    if isinstance(error, PipelineError):
        return str(error)
    while inner := [e for e in (getattr(error, "reason", None), *error.args) if isinstance(e, Exception)]:
        error = inner[0]
    text = re.sub(r"HTTPS?Connection(Pool)?\(.*?\): ", "", f"{type(error).__name__}: {error}")
    return without_secrets(" ".join(text.split()))[:300]


@exclusive("stage")
def main() -> None:
    settings = params.load(Download)
    digests = settings.sha256.model_dump(by_alias=True)
    origin = provide(choose(settings.sources, os.environ.get("MNIST_MIRROR")), digests)
    print(f"download: {len(digests)} files {origin} (verified)")


if __name__ == "__main__":
    run(main)
