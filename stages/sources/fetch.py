"""Download a file over HTTP, or a package through npm."""

import asyncio
import hashlib
import re
import subprocess
from collections.abc import Iterable
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
NPM = {"view": 15, "pack": 900}  # seconds; the first finds the package, because `pack` alone may wait for minutes
BUSY = [429, 500, 502, 503, 504]  # HTTP statuses that may pass
BACKOFF = 0.5  # seconds; between attempts 0 and 2 times as long


def without_secrets(text: str) -> str:
    """Return the text with user:password@ and ?query (secrets of signed URLs) removed from its URLs."""
    return re.sub(r"(?<=//)[^/\s]*@|(?<=[\w/])\?[^\s#]+", "", text)


def save(chunks: Iterable[bytes], path: Path) -> str:
    """Write `chunks` to `path`; return their SHA-256. Raises PipelineError above MAX_BYTES."""
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

    Raises PipelineError, or an error of requests or urllib3, if it is missing, truncated or too slow.
    """
    require_host(url)
    retry = Retry(2, status_forcelist=BUSY, backoff_factor=BACKOFF, respect_retry_after_header=False)
    headers = {"Accept-Encoding": "identity"}  # the bytes as published
    with requests.Session() as session:
        session.adapters.update(dict.fromkeys(["http://", "https://"], HTTPAdapter(max_retries=retry)))
        with session.get(url, stream=True, timeout=(CONNECT, READ), headers=headers) as response:
            response.raise_for_status()
            chunks, size = response.iter_content(CHUNK), int(response.headers.get("Content-Length", 0))
            total, scale = size / CHUNK or None, CHUNK / 1e6
            save(tqdm(chunks, path.name, total, unit="MB", unit_scale=scale, leave=False, disable=None), path)
    return path


def require_host(url: str) -> None:
    """Raise PipelineError if no address of the host accepts a connection within CONNECT seconds.

    All are tried at once. urllib3 would take minutes if a firewall drops the packets: up to sixteen, one by one.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)

    async def connect() -> None:
        opening = asyncio.open_connection(parts.hostname, port, happy_eyeballs_delay=0.1)
        (await asyncio.wait_for(opening, CONNECT))[1].close()

    if not select_proxy(url, get_environ_proxies(url)):  # otherwise only the proxy needs to reach the host
        try:
            asyncio.run(connect())
        except TimeoutError:
            raise PipelineError(f"no connection to {parts.hostname} within {CONNECT} seconds") from None
        except OSError:
            pass  # refused, or no such host: requests tries again and reports it better


def npm_pack(package: str, folder: Path) -> Path:
    """Download a package with the user's npm and its registry. Raises PipelineError with npm's message if it fails."""
    for action, seconds in NPM.items():
        command = ["npm", action, "--ignore-scripts", "--fetch-retries=1", "--", package]
        result = subprocess.run(command, cwd=folder, timeout=seconds, capture_output=True, text=True)
        if result.returncode:
            raise PipelineError(f"npm {action}: {' '.join(result.stderr.split())}")
    return next(folder.glob("*.tgz"))
