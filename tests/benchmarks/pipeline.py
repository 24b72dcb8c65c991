"""Where the seconds of the whole pipeline go: `python tests/benchmarks/pipeline.py`, after `make`.

Compares the cold pipeline with a tutorial's script, and `dvc repro` without anything to do with `dvc status`; prints
what each stage needs. The data comes from data/raw: no network is measured.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from measure import PROJECT, machine, print_table, run  # makes tools/ importable

from running import copies

RAW = PROJECT / "data/raw"
REPEATS = 8  # with four, the ratio still moved by a tenth from one measurement to the next


def copy(scratch: Path, name: str) -> Path:
    return copies.copy(PROJECT, scratch / name)


def main() -> None:
    environment = {**copies.environment(), "MNIST_MIRROR": str(RAW)}
    tutorial = [sys.executable, str(PROJECT / "tests/benchmarks/tutorial.py"), str(RAW)]
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        cold, script = [], []
        for repeat in range(REPEATS):  # in turn, so that both see the same weather
            project = copy(scratch, str(repeat))  # no cache; --force, because the outputs that Git holds are there
            cold.append(run(["dvc", "repro", "--force"], project, **environment).seconds)
            script.append(run(tutorial, scratch, TF_CPP_MIN_LOG_LEVEL="3").seconds)
        idle, status = (
            [run(["dvc", c], project, **environment).seconds for _ in range(5)] for c in ("repro", "status")
        )
        stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
        usage = {name: run(stage["cmd"].split(), project, **environment) for name, stage in stages.items()}

    print(f"{machine()}; the best of {REPEATS} runs, and of 5 for DVC without work")
    print_table(
        "The pipeline",
        ["", "seconds", "baseline", "seconds", "ratio", "target"],
        [
            ("cold dvc repro", min(cold), "tutorial's script", min(script), min(cold) / min(script), "0.60"),
            ("dvc repro, nothing to do", min(idle), "dvc status", min(status), min(idle) / min(status), "2.00"),
        ],
    )
    total = sum(use.seconds for use in usage.values())
    print_table(
        "Each stage alone",
        ["", "seconds", "share (%)", "largest process (MB)", "all, without mapped files (MB)"],
        [(name, u.seconds, 100 * u.seconds / total, u.resident, u.anonymous) for name, u in usage.items()],
    )


if __name__ == "__main__":
    main()
