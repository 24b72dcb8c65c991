"""How long the set-up and the pipeline take, next to a tutorial: `python tests/benchmarks/pipeline.py`, after `make`.

Measures what is committed, in fresh clones and without caches of packages or results. The tutorial's way is a virtual
environment, `pip install tensorflow matplotlib` and a script in one file (tutorial.py). The data comes from data/raw,
so packages are all that is downloaded.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from measure import PROJECT, machine, print_table, run  # makes tools/ importable

from running import copies

RAW = PROJECT / "data/raw"
SCRIPT = [PROJECT / "tests/benchmarks/tutorial.py", RAW]
IMPORT = [sys.executable, "-c", "import dvc.cli, dvc.repo"]  # what no command of DVC can do without
ENVIRONMENT = {**copies.environment(), "MNIST_MIRROR": str(RAW), "DVC_NO_ANALYTICS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def clone(scratch: Path, name: str) -> Path:
    run(["git", "clone", "--quiet", PROJECT, scratch / name], scratch)
    return scratch / name


def set_up(scratch: Path) -> tuple[float, float]:
    """Return the seconds of `make` in a fresh clone and of the tutorial's way, from nothing to the results."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != own)
    caches = {"UV_CACHE_DIR": str(scratch / "uv"), "XDG_CACHE_HOME": str(scratch / "cache")}
    nothing = {**ENVIRONMENT, "PATH": path, **caches}
    project = clone(scratch, "made")
    ours = run(["make"], project, **nothing)
    nothing["XDG_CACHE_HOME"] += "2"
    theirs = run([sys._base_executable, "-m", "venv", "tutorial"], scratch)
    theirs += run(["tutorial/bin/python", "-m", "pip", "install", "tensorflow", "matplotlib"], scratch, **nothing)
    return ours, theirs + run(["tutorial/bin/python", *SCRIPT], scratch, **nothing)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of how many counts, 3 by default")
    repeats = parser.parse_args().repeats
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        made, tutorial = set_up(scratch)
        cold, forced, script = [], [], []
        for repeat in range(repeats):  # in turn, because other load on the machine changes
            project = clone(scratch, str(repeat))
            cold.append(run(["dvc", "repro"], project, **ENVIRONMENT))
            run(["dvc", "freeze", "reader/dvc.yaml:reader"], project, **ENVIRONMENT)
            forced.append(run(["dvc", "repro", "--force"], project, **ENVIRONMENT))
            script.append(run([sys.executable, *SCRIPT], scratch, **ENVIRONMENT))
        idle, imports = (
            min(run(command, project, **ENVIRONMENT) for _ in range(2 * repeats))
            for command in (["dvc", "repro"], IMPORT)
        )
        stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
        alone = {name: run(stage["cmd"].split(), project, **ENVIRONMENT) for name, stage in stages.items()}

    print(f"{machine()}; the fastest of {repeats} runs, but one of each set-up")
    rows = [
        ("make in a fresh clone", made, "venv, pip, script", tutorial),
        ("dvc repro in a fresh clone", min(cold), "script", min(script)),
        ("dvc repro --force, all but reader", min(forced), "script", min(script)),
        ("dvc repro, nothing to do", idle, "import dvc.repo", imports),
    ]
    head = ["", "seconds", "tutorial", "seconds", "ratio"]
    print_table("The pipeline and the tutorial", head, [(*row, row[1] / row[3]) for row in rows])
    shares = [(name, seconds, 100 * seconds / sum(alone.values())) for name, seconds in alone.items()]
    print_table("Each stage alone", ["", "seconds", "share (%)"], shares)


if __name__ == "__main__":
    main()
