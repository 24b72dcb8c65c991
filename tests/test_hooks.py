"""What stock pre-commit hooks would change in the tracked files; .pre-commit-config.yaml names the exceptions."""

import json
import re
import tomllib

import pytest
import yaml

from fixtures import PROJECT
from running.git import tracked_files

EXCLUDED = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["exclude"]
READERS = {
    ".json": json.loads,
    ".toml": lambda text: tomllib.loads(text.decode()),
    ".yaml": lambda text: [*yaml.safe_load_all(text)],
}


@pytest.mark.parametrize("name", [name for name in tracked_files(PROJECT) if not re.search(EXCLUDED, name)])
def test_no_tracked_file_would_be_changed_or_refused(name):
    path = PROJECT / name
    content = path.read_bytes() if path.is_file() else b""
    assert not re.search(rb"[ \t]+$", content, re.MULTILINE), "spaces at the end of a line"
    assert not content or content.endswith(b"\n") and not content.endswith(b"\n\n"), "not one line break at the end"
    assert b"\r" not in content, "line breaks of Windows"
    assert len(content) < 500 * 1024, "a large file"
    READERS.get(path.suffix, len)(content)
