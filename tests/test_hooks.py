"""What stock pre-commit hooks would change in the tracked files; .pre-commit-config.yaml names the exceptions."""

import json
import re
import subprocess

import pytest
import yaml

from fixtures import PROJECT

CONFIG = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
TRACKED = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
FILES = [name for name in TRACKED.splitlines() if not re.search(CONFIG["exclude"], name) and (PROJECT / name).is_file()]


def faults(name: str) -> list[str]:
    content = (PROJECT / name).read_bytes()
    found = []
    if re.search(rb"[ \t]+$", content, re.MULTILINE):
        found.append("spaces at the end of a line")
    if content and (not content.endswith(b"\n") or content.endswith(b"\n\n")):
        found.append("does not end with one line break")
    if b"\r" in content:
        found.append("line breaks of Windows")
    if len(content) > 500 * 1024:
        found.append("more than 500 kB")
    if name.endswith(".json"):
        json.loads(content)
    if name.endswith(".yaml"):
        list(yaml.safe_load_all(content))
    return [f"{name}: {fault}" for fault in found]


def test_no_tracked_file_would_be_changed_or_refused():
    assert len(FILES) > 50
    assert [fault for name in FILES for fault in faults(name)] == []


@pytest.mark.parametrize("name", ["dvc.lock", "params.yaml", ".dvc/plots/page.html", "reports/plot/mistakes.png"])
def test_what_other_programs_write_is_left_to_them(name):
    assert name in TRACKED.splitlines()
    assert name not in FILES


def test_hooks_of_others_are_pinned_to_a_version():
    revisions = [repository["rev"] for repository in CONFIG["repos"] if repository["repo"] != "local"]
    assert revisions
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+", revision) for revision in revisions)
