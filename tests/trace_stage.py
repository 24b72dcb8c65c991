"""Run a stage and report what it used: `python trace_stage.py REPORT STAGE` runs STAGE, then writes REPORT as JSON.

opened: the files below the working folder that Python opened; sections: the sections of params.yaml that were loaded;
packages: the top-level packages that were imported.
"""

import json
import os
import runpy
import sys
from pathlib import Path

report, stage = sys.argv[1:]
here = Path.cwd()
opened: set[str] = set()


def note(event: str, arguments: tuple) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path = Path(os.path.abspath(os.fsdecode(arguments[0])))
        if path.is_relative_to(here):
            opened.add(path.relative_to(here).as_posix())


sys.addaudithook(note)
sys.path.insert(0, str(Path(stage).parent.resolve()))
from common import params  # noqa: E402

sections: set[str] = set()
faults = params.faults


def faults_and_note(values, *checked):
    sections.update(section.section_name() for section in checked or params.SECTIONS)
    return faults(values, *checked)


params.faults = faults_and_note
sys.argv = [stage]
try:
    runpy.run_path(stage, run_name="__main__")
finally:
    packages = sorted({name.partition(".")[0] for name in sys.modules})
    Path(report).write_text(json.dumps({"opened": sorted(opened), "sections": sorted(sections), "packages": packages}))
