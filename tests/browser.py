"""A headless Chromium of the system, driven by Selenium. Nothing is downloaded; without a Chromium there is no test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver

ARGUMENTS = [
    "--headless",
    "--no-sandbox",  # the sandbox refuses to run as root, which containers do
    "--disable-dev-shm-usage",  # /dev/shm of a container is small
    "--disable-gpu",
    # It stays off the network, whatever the test does.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # addresses too, but a server of the test
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> tuple[str, str]:
    """Return the paths of the browser and of its driver; skip the test where one is missing."""
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    return browser, driver


@contextmanager
def open_browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """Yield a browser with the empty folder `profile` for its profile; `get_log("browser")` returns its console."""
    options = webdriver.ChromeOptions()
    # Both paths are given, so Selenium does not look for a browser or a driver, nor download one.
    options.binary_location, driver = find_browser()
    for argument in [*ARGUMENTS, f"--user-data-dir={profile}"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as chrome:
        yield chrome
