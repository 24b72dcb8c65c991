"""Ctrl-C while a script still imports: tests/test_killed.py has what comes after."""

import signal
from pathlib import Path

import pytest

from fixtures import PROJECT, run
from test_killed import killing

ALONE = "tools/environment.py"  # which imports nothing but what comes with Python
SCRIPTS = sorted(
    {path.relative_to(PROJECT).as_posix() for folder in ("stages", "tools") for path in PROJECT.glob(f"{folder}/*.py")}
    - {ALONE}
)
# What a script imports that takes long, where that is not NumPy.
HEAVY = {
    "stages/check.py": "pydantic",
    "tools/push_runs.py": "dvc.repo",
    "tools/run_variant.py": "yaml",
}


@pytest.mark.parametrize(
    ("script", "name"), [*((script, "SIGINT") for script in SCRIPTS), ("stages/train.py", "SIGTERM")]
)
def test_an_interrupt_of_the_imports_is_one_line(script, name, tmp_path):
    moment = f"import {HEAVY.get(script, 'numpy')} 1 {name} self"
    result = run(tmp_path, "python", str(PROJECT / script), **killing(script, moment))
    assert result.returncode == 128 + getattr(signal, name)
    assert result.stdout == ""
    assert result.stderr == f"{Path(script).stem}: interrupted; run it again\n"
