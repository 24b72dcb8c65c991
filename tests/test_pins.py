import re

import pytest

from fixtures import PROJECT


def pins(name: str) -> dict[str, str]:
    """Return the version of each package that a requirements file pins, by its normalized name (PEP 503)."""
    found = re.findall(r"^([\w.-]+)(?:\[.*\])?==([^\s;]+)", (PROJECT / name).read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


@pytest.mark.parametrize(
    ("names", "lock"),
    [
        ("requirements.in", "requirements.txt"),
        ("requirements-cluster.in", "requirements-cluster.txt"),
        ("requirements-dev.in", "requirements-dev.txt"),
        ("requirements.txt", "requirements-dev.txt"),
        ("requirements-cluster.txt", "requirements-dev.txt"),
    ],
)
def test_a_lock_file_pins_what_the_others_pin(names, lock):
    """Otherwise a bot has changed one alone: set the version in the .in file, then `make lock`."""
    assert pins(names)
    assert pins(names).items() <= pins(lock).items()
