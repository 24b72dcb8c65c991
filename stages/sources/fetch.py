"""Download a file over HTTP, or a package through npm. Time and size are limited."""

import asyncio
import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from tqdm import tqdm
from urllib3 import Retry

from common.errors import PipelineError

CHUNK = 2**18  # bytes
MAX_BYTES = 2**30  # of any file, packed or not: 20 times the largest of MNIST; stops decompression bombs
CONNECT = 5  # seconds until connected
READ = 10  # seconds without a byte
WHOLE = 900  # seconds for one file
NPM_ANSWER = 15  # seconds until npm has found the package
BACKOFF = 0.5  # seconds; between attempts 0, 2 and 4 times as long, or what the server asks for
RETRY_AFTER = 5  # seconds, the longest delay a server may ask for


def save(chunks: Iterable[bytes], path: Path) -> str:
    """Write `chunks` to `path` and return their SHA-256. Raises PipelineError above MAX_BYTES."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                raise PipelineError(f"{path.name}: expected at most {MAX_BYTES:,} bytes, found more")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def fetch(url: str, path: Path) -> Path:
    """Download a file to `path`, with a progress bar if standard error is a terminal.

    Raises PipelineError, or an error of requests or urllib3, if it is missing, an HTML page, truncated or too slow.
    """
    retry = Retry(
        total=3,
        connect=1,
        read=1,
        status_forcelist=[429, 500, 502, 503, 504],
        backoff_factor=BACKOFF,
        retry_after_max=RETRY_AFTER,
    )
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        headers = {"Accept-Encoding": "identity"}  # the bytes as published
        with session.get(url, stream=True, timeout=(CONNECT, READ), headers=headers) as response:
            if response.status_code != 200:
                raise PipelineError(f"{path.name}: expected HTTP status 200, found {response.status_code}")
            if "html" in response.headers.get("Content-Type", ""):
                raise PipelineError(f"{path.name}: expected data, found an HTML page")
            size = int(response.headers.get("Content-Length", 0)) or None
            with tqdm(desc=path.name, total=size, unit="B", unit_scale=True, leave=False, disable=None) as bar:
                save(body(response, bar), path)
    return path


def body(response: requests.Response, bar: tqdm) -> Iterator[bytes]:
    """Yield the bytes that arrive. Raises PipelineError after WHOLE seconds, urllib3's ProtocolError if truncated."""
    start = time.monotonic()
    while chunk := response.raw.read1(CHUNK, decode_content=False):  # so that a slow trickle does not delay the check
        if time.monotonic() - start > WHOLE:
            raise PipelineError(f"expected the whole file within {WHOLE} seconds, found a part of it")
        yield chunk
        bar.update(len(chunk))


def require_host(url: str) -> None:
    """Raise PipelineError if no address of the host answers within CONNECT seconds; all are tried in parallel.

    urllib3 would try up to sixteen addresses in turn: minutes, if a firewall drops the packets.
    """
    if select_proxy(url, get_environ_proxies(url)):
        return  # only the proxy needs to reach the host

    async def connect(host: str, port: int) -> None:
        opening = asyncio.open_connection(host, port, happy_eyeballs_delay=0.1)
        (await asyncio.wait_for(opening, CONNECT))[1].close()

    parts = urlsplit(url)
    try:
        asyncio.run(connect(parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]))
    except TimeoutError:
        raise PipelineError(f"no connection to {parts.hostname} within {CONNECT} seconds") from None
    except OSError:
        pass  # refused, or no such host: requests tries again and reports it better


def npm_pack(package: str, folder: Path) -> Path:
    """Download a package with the user's npm and its registry. Raises PipelineError if npm fails."""
    if not re.fullmatch(r"(@[\w.-]+/)?\w[\w.-]*@\d[\w.+-]*", package):  # npm would also accept a path or a Git URL
        raise PipelineError(f"expected npm:<package>@<version>#<folder inside>, found npm:{package}")
    npm("view", package, folder=folder, timeout=NPM_ANSWER)  # npm alone would wait for minutes
    npm("pack", "--ignore-scripts", package, folder=folder, timeout=WHOLE)
    archives = [*folder.glob("*.tgz")]
    if not archives:
        raise PipelineError("npm pack: expected a .tgz, found none")
    return archives[0]


def npm(*arguments: str, folder: Path, timeout: float) -> None:
    """Run npm in `folder`. Raises PipelineError with npm's message if it fails or exceeds `timeout` seconds."""
    program = shutil.which("npm")
    if program is None:
        raise PipelineError("npm is not installed")
    command = [program, *arguments, "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # milliseconds
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise PipelineError(f"npm {arguments[0]}: expected an end within {timeout} seconds, found none") from None
    if result.returncode:
        message = re.search(r"npm (?:error|ERR!) (?!code|errno|syscall)(.+)", result.stderr)
        raise PipelineError(f"npm {arguments[0]}: {message[1] if message else f'exit status {result.returncode}'}")
