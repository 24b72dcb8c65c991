"""What time and memory each stage needs for ten times the data: `python tests/benchmarks/scale.py`, after `make`.

Writes IDX files of 600,000 training images, MNIST's ten times over and each time slanted and moved otherwise, and runs
the stages one by one in temporary copies of the project, on MNIST and on them.
"""

import argparse
import hashlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml
from measure import PROJECT, Usage, machine, print_table, run  # makes tools/ importable

from running import copies

RAW = PROJECT / "data/raw"
TIMES = 10
EPOCHS = 2  # the first compiles
LABELS, IMAGES = "train-labels-idx1-ubyte", "train-images-idx3-ubyte"


def deform(images: np.ndarray, round_: int) -> np.ndarray:
    """Slant and move images (n, 28, 28) uint8 by whole pixels, another way in each round; round 0 leaves them alone."""
    slant, (down, right) = (round_ % 5 - 2) / 10 if round_ else 0, divmod(round_, 3) if round_ else (0, 0)
    moved = np.roll(images, (down - 1 if round_ else 0, right - 1 if round_ else 0), axis=(1, 2))
    rows = [np.roll(moved[:, row], round(slant * (row - 14)), axis=1) for row in range(moved.shape[1])]
    return np.stack(rows, axis=1)


def write_data(folder: Path, times: int) -> dict[str, str]:
    """Write the four IDX files with `times` the training images; return their SHA-256 by name."""
    folder.mkdir()
    images = np.fromfile(RAW / IMAGES, np.uint8, offset=16).reshape(-1, 28, 28)
    with (folder / IMAGES).open("wb") as file:
        file.write(bytes([0, 0, 8, 3]) + np.array([times * len(images), 28, 28], ">u4").tobytes())
        for round_ in range(times):
            file.write(deform(images, round_))
    with (folder / LABELS).open("wb") as file:
        file.write(bytes([0, 0, 8, 1]) + np.array([times * len(images)], ">u4").tobytes())
        file.write((RAW / LABELS).read_bytes()[8:] * times)
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        shutil.copy(RAW / name, folder / name)
    digests = {}
    for path in folder.iterdir():
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def run_stages(scratch: Path, times: int) -> tuple[dict[str, Usage], float]:
    """Run every stage alone on `times` the data; return what each needed, and the megabytes of all their outputs."""
    digests = write_data(scratch / f"data {times}", times)
    project = copies.copy(PROJECT, scratch / f"project {times}")
    path = project / "params.yaml"
    values = yaml.safe_load(path.read_text())
    values["download"] |= {"sources": [str(scratch / f"data {times}")], "sha256": digests}
    values["train"]["epochs"] = EPOCHS
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    usage = {name: run(stage["cmd"].split(), project, **copies.environment()) for name, stage in stages.items()}
    outputs = [p for folder in ("data", "models", "reports") for p in (project / folder).rglob("*") if p.is_file()]
    return usage, sum(output.stat().st_size for output in outputs) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=TIMES, help="how many times MNIST's training images")
    times = parser.parse_args().times
    with TemporaryDirectory() as folder:
        small, small_disk = run_stages(Path(folder), 1)
        large, large_disk = run_stages(Path(folder), times)
    print(f"{machine()}; 60,000 and {times * 60_000:,} training images, {EPOCHS} epochs; targets: 11 and 1.30")
    rows = []
    for name, one in small.items():
        ten = large[name]
        memory = (one.resident, ten.resident, ten.resident / one.resident)
        anonymous = (one.anonymous, ten.anonymous, ten.anonymous / one.anonymous)
        rows.append((name, one.seconds, ten.seconds, ten.seconds / one.seconds, *memory, *anonymous))
    print_table(
        "MNIST and more of it",
        ["", "s", "s", "x", "peak MB", "peak MB", "x", "without mapped files", "MB", "x"],
        rows,
    )
    print(f"\noutputs on disk: {small_disk:,.0f} MB and {large_disk:,.0f} MB")


if __name__ == "__main__":
    main()
