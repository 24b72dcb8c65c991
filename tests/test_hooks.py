"""What stock pre-commit hooks would change in the tracked files; .pre-commit-config.yaml names the exceptions."""

import json
import re
import tomllib

import yaml

from fixtures import PROJECT
from running.git import tracked_files

EXCLUDED = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["exclude"]
READERS = {
    ".json": json.loads,
    ".toml": lambda text: tomllib.loads(text.decode()),
    ".yaml": lambda text: [*yaml.safe_load_all(text)],
}


def test_no_tracked_file_would_be_changed_or_refused():
    for name in tracked_files(PROJECT):
        path = PROJECT / name
        content = path.read_bytes() if path.is_file() and not re.search(EXCLUDED, name) else b""
        assert not re.search(rb"[ \t]+$", content, re.MULTILINE), f"{name}: spaces at the end of a line"
        assert not content or re.search(rb"[^\n]\n\Z", content), f"{name}: not one line break at the end"
        assert b"\r" not in content, f"{name}: line breaks of Windows"
        assert len(content) < 500 * 1024, f"{name}: a large file"
        if content:
            READERS.get(path.suffix, len)(content)
