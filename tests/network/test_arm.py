"""An ARM machine gives the bytes of this one: the stages here and in an emulated ARM machine, file by file."""

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import arm_root
import numpy as np
import pytest

from contracts import dataset
from fixtures import PROJECT, edit_params, idx_bytes, tiny_mnist, tools_environment

RUN = PROJECT / "tests/run_stages.py"


def copy_parameters(folder: Path, changes: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    (folder / "stages").symlink_to(PROJECT / "stages")  # the templates that stages read
    (folder / "reader").mkdir()
    for name in ("params.yaml", "reader/params.yaml"):
        (folder / name).write_bytes((PROJECT / name).read_bytes())
    edit_params(folder, {"train.epochs": 2, "plot.mistakes": 6, **changes})


def make_small(folder: Path) -> str:
    """Everything that the pipeline computes, from the IDX files on, with the rest of a batch and all that is random."""
    copy_parameters(folder, {"model.hidden_units": [16, 8], "train.batch_size": 32, "train.augmentation": "elastic"})
    sha256 = {name: hashlib.sha256(idx_bytes(array)).hexdigest() for name, array in tiny_mnist().items()}
    reader = {"reader.hidden_units": [16, 8], "reader.batch_size": 32, "reader.epochs": 1, "download.sha256": sha256}
    edit_params(folder, reader, "reader/params.yaml")
    (folder / "data/raw").mkdir(parents=True)
    for name, array in tiny_mnist().items():
        (folder / "data/raw" / name).write_bytes(idx_bytes(array))
    return "normalize eda train evaluate reader.train_reader plot report"


def make_convolutions(folder: Path) -> str:
    """Keras' own convolutional network in its shape, with dropout; sums of 540 terms in its second convolution."""
    make_wide(folder, {"model.convolutions": [60, 2], "model.hidden_units": [], "train.batch_size": 37})
    return "train"


def make_wide(folder: Path, changes: Mapping[str, object] | None = None) -> str:
    """Sums of more than 512 terms in every product: over the pixels, over hidden units and over the images of a batch.

    CPUs with SME begin a sum of more terms otherwise than others.
    """
    copy_parameters(
        folder, {"model.hidden_units": [8, 520], "train.batch_size": 520, "train.weight_decay": 0.01, **(changes or {})}
    )
    arrays = tiny_mnist()
    images, labels = (np.concatenate([arrays[f"train-{kind}-ubyte"]] * 2) for kind in ("images-idx3", "labels-idx1"))
    for split, size in {"train": 600, "validation": 100, "test": 100}.items():
        dataset.save(folder / dataset.FOLDER / split, images, labels, np.arange(size))
    return "train evaluate"


def start(python: list[str | Path], stages: str, cwd: Path, **environment: str) -> subprocess.Popen:
    settings = tools_environment(**environment)
    settings.pop("XLA_FLAGS", None)  # those of this CPU, which an earlier test may have set in this process
    return subprocess.Popen(
        [*python, RUN, *stages.split()],
        cwd=cwd,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


def contents(folder: Path) -> dict[str, bytes]:
    """What the stages read and wrote."""
    files = (path for name in ("data", "models", "reports", "reader") for path in folder.glob(f"{name}/**/*"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.is_file()}


@pytest.mark.slow
@pytest.mark.emulated
@pytest.mark.parametrize(
    ("cpu", "make"),
    [
        pytest.param(arm_root.NEOVERSE_N1, make_small, id="NEON"),
        pytest.param(arm_root.NEOVERSE_N1, make_wide, id="NEON, long sums"),
        pytest.param(arm_root.EVERYTHING, make_wide, id="SVE and SME, long sums"),
        pytest.param(arm_root.NEOVERSE_N1, make_convolutions, id="NEON, convolutions"),
        pytest.param(arm_root.EVERYTHING, make_convolutions, id="SVE and SME, convolutions"),
    ],
)
def test_every_file_has_the_same_bytes_on_arm(cpu, make, tmp_path):
    try:
        python, environment = arm_root.python(cpu)
    except arm_root.Unavailable as reason:
        pytest.skip(f"no emulated ARM machine: {reason}")
    for machine in ("arm", "here"):
        stages = make(tmp_path / machine)
    processes = [
        start(python, stages, tmp_path / "arm", **environment),
        start([sys.executable], stages, tmp_path / "here"),
    ]
    outputs = [finish(process) for process in processes]

    assert [output.splitlines()[0] for output in outputs] == ["aarch64", "x86_64"]
    here, arm = (contents(tmp_path / machine) for machine in ("here", "arm"))
    assert sorted(here) == sorted(arm)
    assert [name for name in here if here[name] != arm[name]] == []
