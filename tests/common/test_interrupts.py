"""Ctrl-C while a script still imports: tests/test_killed.py has what comes after."""

import re
import signal
from pathlib import Path

import pytest

from fixtures import PROJECT, run
from test_killed import killing


def test_every_script_handles_interrupts_before_its_other_imports():
    for path in [*PROJECT.glob("stages/*.py"), *PROJECT.glob("tools/*.py")]:
        first = re.search("^(?:import|from) (\\S+)", path.read_text(), re.MULTILINE)[1]
        alone = path.name == "environment.py"  # which imports nothing but what comes with Python
        assert alone or first in ("common.interrupts", "running.project"), path


@pytest.mark.parametrize(("script", "name"), [("stages/train.py", "SIGTERM"), ("tools/compare.py", "SIGINT")])
def test_an_interrupt_of_the_imports_is_one_line(script, name, tmp_path):
    result = run(tmp_path, "python", str(PROJECT / script), **killing(script, f"import numpy 1 {name} self"))
    assert result.returncode == 128 + getattr(signal, name)
    assert (result.stdout, result.stderr) == ("", f"{Path(script).stem}: interrupted; run it again\n")


def test_a_signal_after_the_work_is_done_undoes_nothing(tmp_path):
    """While Python ends, a signal would otherwise end it, and DVC would discard what the stage has written."""
    script = (
        "import os, signal, sys\n"
        f"sys.argv[0] = {str(PROJECT / 'stages/train.py')!r}\n"
        f"sys.path.insert(0, {str(PROJECT / 'stages')!r})\n"
        "from common import errors\n"
        "class Last:\n"
        "    def __del__(self, kill=os.kill, own=os.getpid(), number=signal.SIGINT):\n"
        "        kill(own, number)\n"
        "sys.last = Last()\n"
        "errors.run(lambda: print('done'))\n"
    )
    result = run(tmp_path, "python", "-c", script)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")
