"""Share the fixtures of tests/fixtures.py with the tests of every room (as a plugin, its name is pytest's own)."""

from fixtures import *  # noqa: F403
