"""Download the data as published from the first source that works, and verify it.

Reads  the `download` section of params.yaml; the environment variable MNIST_MIRROR, if set, is tried first.
Writes data/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte: IDX, decompressed, the same bytes from every source.
"""

import common.interrupts  # noqa: F401

import errno
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from common import params
from common.errors import PipelineError, run
from common.lock import exclusive, require_parent
from common.params import Download
from sources.fetch import save
from sources.source import opened

Digests = Mapping[str, str | None]  # SHA-256 by published name; None: not stated yet

RAW = Path("data/raw")
PART = Path("data/raw.part")  # same file system as RAW; a fixed name: the next run removes what a killed one left
OUR_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}  # errors of writing, not of a source


def ordered(sources: Sequence[str]) -> list[str]:
    """Return the sources with the user's own first."""
    mirror = os.environ.get("MNIST_MIRROR")
    return [mirror, *sources] if mirror else [*sources]


class OtherBytes(PipelineError):
    """A source has all four files, but not those that params.yaml states; the message names each that differs."""


def provide(sources: Sequence[str], digests: Digests) -> str:
    """Put the verified files into RAW unless they are there; return where they came from.

    Raises PipelineError with the reason for each source if none works; RAW is then unchanged.
    Raises OSError when our own disk is full or read-only.
    """
    reasons: list[str] = []
    with empty_folder(PART):
        if is_complete(digests):
            return f"already in {RAW}"
        for source in sources:
            if reasons:
                print(f"download: {reasons[-1]}; trying {without_secrets(source)}", file=sys.stderr)
            try:
                fetch_verified(source, digests)
            except Exception as error:  # bad data can raise any error; the next source may still work
                if isinstance(error, OSError) and error.errno in OUR_DISK:
                    raise
                reasons.append(f"{without_secrets(source)}: {in_one_line(error)}")
            else:
                move(digests)
                return f"from {without_secrets(source)}"
    raise PipelineError(
        "\n  ".join(["no source of the data works", *reasons])
        + "\nSet MNIST_MIRROR to a folder, an archive or a URL that holds the four files."
        + ("" if all(digests.values()) else "\nIf you trust the source, state what was found; see docs/your-data.md.")
    )


@contextmanager
def empty_folder(path: Path) -> Iterator[None]:
    """Provide an empty folder inside the block."""
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)


def is_complete(digests: Digests) -> bool:
    return all((RAW / name).is_file() and sha256(RAW / name) == expected for name, expected in digests.items())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_verified(source: str, digests: Digests) -> None:
    """Write the files of one source to PART. Raises OtherBytes when a digest differs, and what `opened` raises."""
    with TemporaryDirectory(dir=PART) as folder, opened(source, Path(folder)) as read:
        found = {name: save(read(name), PART / name) for name in digests}
    if other := [name for name, digest in found.items() if digest != digests[name]]:
        head = [f"{len(other)} files are not those of download.sha256"] if len(other) > 1 else []
        lines = [f"{name}: expected SHA-256 {digests[name] or 'unknown'}, found {found[name]}" for name in other]
        raise OtherBytes("\n    ".join([*head, *lines]))


def move(digests: Digests) -> None:
    """Move the verified files from PART to RAW. Raises PipelineError if another process wrote to PART."""
    require_parent()
    RAW.mkdir(parents=True, exist_ok=True)
    for name in digests:
        os.replace(PART / name, RAW / name)
    if not is_complete(digests):
        raise PipelineError(f"{RAW} has changed since: is another download running? Run this one again")


def in_one_line(error: Exception) -> str:
    """Return the innermost error that requests and urllib3 wrap, without secrets."""
    if isinstance(error, OtherBytes):
        return str(error)
    while inner := [e for e in (getattr(error, "reason", None), *error.args) if isinstance(e, Exception)]:
        error = inner[0]
    kind = "" if isinstance(error, PipelineError) else f"{type(error).__name__}: "
    text = re.sub(r"HTTPS?Connection(Pool)?\(.*?\): ", "", str(error))
    return without_secrets(" ".join(f"{kind}{text}".split()))[:300]


def without_secrets(text: str) -> str:
    """Return the text with user:password@ and ?query (secrets of signed URLs) removed from its URLs."""
    return re.sub(r"(?<=//)[^/\s]*@|(?<=[\w/])\?[^\s#]+", "", text)


def count_images(names: Iterable[str]) -> int:
    """Return the number of images in all image files (the first dimension, second integer of IDX)."""
    return sum(int(np.fromfile(RAW / name, ">u4", count=2)[1]) for name in names if "images" in name)


@exclusive("stage")
def main() -> None:
    settings = params.load(Download)
    digests = settings.sha256.model_dump(by_alias=True)
    origin = provide(ordered(settings.sources), digests)
    images = count_images(digests)

    print(f"download: {len(digests)} files, {images:,} images, {origin} (verified)")


if __name__ == "__main__":
    run(main)
