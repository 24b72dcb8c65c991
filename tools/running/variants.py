"""Run variants of the project, each in a copy that shares the DVC cache, several side by side.

A finished variant comes from DVC's run cache: a study that was killed goes on where it was, a larger one runs only what
is new. The original is not touched but for `prepare`.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tqdm import tqdm

from running import copies

Row = TypeVar("Row")


def prepare(project: Path) -> dict[str, str]:
    """Run the pipeline up to evaluate in `project`, so that the data is in the cache; return how to share the cache."""
    copies.repro(project, "evaluate", quiet=False)
    return copies.cache_settings(project)


def run_variant(
    project: Path, overrides: Mapping[str, object], folder: Path, cache: Mapping[str, str], read: Callable[[Path], Row]
) -> Row:
    """Run one variant up to evaluate in `folder`; return what `read` makes of the folder.

    overrides: {"train.seed": 3}, parameters by their names in params.yaml.
    """
    copies.copy(project, folder, cache)
    for name, value in overrides.items():
        section, key = name.split(".")
        copies.set_param(folder, section, key, value)
    copies.repro(folder, "evaluate")
    return read(folder)


def run_variants(
    project: Path, variants: Sequence[Mapping[str, object]], jobs: int, read: Callable[[Path], Row], title: str
) -> list[Row]:
    """Run all variants, `jobs` of them at once; return what `read` makes of each finished folder, in their order.

    Raises PipelineError as soon as one fails; those that had begun end first, and the others do not begin.
    """
    cache = prepare(project)
    with (
        TemporaryDirectory(dir=project / ".dvc/tmp") as scratch,
        ThreadPoolExecutor(jobs) as pool,
    ):
        started = [
            pool.submit(run_variant, project, overrides, Path(scratch).resolve() / str(number), cache, read)
            for number, overrides in enumerate(variants)
        ]
        try:
            for future in tqdm(as_completed(started), total=len(started), unit=title, desc=title):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in started]
