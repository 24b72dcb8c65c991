"""Tests everywhere in the project share the fixtures of tests/fixtures.py."""

pytest_plugins = ["fixtures"]
