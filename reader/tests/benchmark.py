"""Measure how well pictures are read, for each kind in papers.py.

`python reader/tests/benchmark.py [--pictures N] [--seed SEED] [KIND...]`. It needs MNIST in data/normalized and the
Debian fonts named in papers.py. Seeds below 100 draw from the first half of the test images, others from the second
half, which the network reads better (99.5 % against 98.5 %). The published figures are for a seed whose pictures were
not looked at.

- exact: digits, marks and line breaks are those of the picture, sure or not; without digits: nothing is sure.
- not sure: share of the digits found.
- wrong: pictures with a sure digit that is not there, or all sure although the text differs. A digit that was left out
  without notice therefore makes a picture wrong.
"""

import argparse
import difflib
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from papers import HANDS, KINDS, PRINTS, Pen, find_fonts, photograph
from PIL import Image
from tabulate import tabulate

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT / "tools"))
import running.project  # noqa: F401

from reader.reading import network, page

HALF = 5_000  # test images


def draw(kind: str, number: int, seed: int) -> tuple[np.ndarray, str]:
    """Return a picture of a kind, (h, w) float32 from 0 to 255, and its text."""
    half = slice(0, HALF) if seed < 100 else slice(HALF, None)
    folder = PROJECT / "data/normalized/test"
    images, labels = (np.load(folder / f"{name}.npy", mmap_mode="r")[half] for name in ("images", "labels"))
    pen = Pen(np.random.default_rng([seed, zlib.crc32(kind.encode()), number]), images, labels)
    ink, text = KINDS[kind](pen)
    return photograph(ink, pen), text.replace(",", ".")  # points and commas count as the same


class Judged(NamedTuple):
    exact: bool
    wrong: bool
    digits: int
    sure: int


def judge(found: page.Page, text: str) -> Judged:
    read = [symbol for line in found.lines for symbol in [*line, None]][:-1]  # None ends a line
    answers = [symbol.answer if symbol else None for symbol in read]
    said = "".join(a.digit if a else s.mark if s else "\n" for s, a in zip(read, answers, strict=True)).replace(
        ",", "."
    )
    blocks = difflib.SequenceMatcher(None, said, text, autojunk=False).get_matching_blocks()
    right = {i for block in blocks for i in range(block.a, block.a + block.size)}
    sure = [i for i, answer in enumerate(answers) if answer and answer.sure]
    wrong = bool(set(sure) - right) or (found.sure and said != text)
    digits = len(found.digits)
    return Judged(said == text if text else not sure, wrong if text else bool(sure), digits, len(sure))


def measure(kind: str, pictures: int, seed: int, folder: Path | None) -> list[str]:
    """Return the row of a kind; save the pictures that are not exact, or wrong, in a folder."""
    if any(len(find_fonts(tuple(fonts))) < len(fonts) for fonts in (HANDS, PRINTS)) and (
        "font" in kind or "letter" in kind
    ):
        return [kind, "fonts are missing"]
    reader, judged = network.load(PROJECT), []
    for number in range(pictures):
        grey, text = draw(kind, number, seed)
        found = page.read(grey, reader)
        judged.append(judge(found, text))
        if folder and (judged[-1].wrong or not judged[-1].exact):
            name = f"{kind} {number}{' wrong' if judged[-1].wrong else ''} {text!r} {page.text(found)!r}".replace(
                "/", "_"
            )
            Image.fromarray(grey.astype(np.uint8)).save(folder / f"{name}.png")
    exact, wrong, digits, sure = np.sum(judged, axis=0).tolist()
    share = f"{100 * (1 - sure / digits):.0f} %" if digits else "-"
    return [kind, f"{100 * exact / pictures:.0f} %", share, f"{100 * wrong / pictures:.1f} %"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", metavar="KIND", nargs="*", help=f"one of {', '.join(KINDS)}")
    parser.add_argument("--pictures", type=int, default=100, help="of each kind, 100 by default")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--jobs", type=int, help="processes, one per core by default")
    parser.add_argument("--failures", metavar="FOLDER", type=Path, help="save the pictures that were not read exactly")
    arguments = parser.parse_args()
    if arguments.failures:
        arguments.failures.mkdir(parents=True, exist_ok=True)
    job = partial(measure, pictures=arguments.pictures, seed=arguments.seed, folder=arguments.failures)
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(job, arguments.kinds or KINDS))
    print(f"fonts: {', '.join(path.stem for path in find_fonts((*HANDS, *PRINTS))) or 'none'}\n")
    print(f"{arguments.pictures} pictures of each kind, seed {arguments.seed}, ", end="")
    print(f"sure from {100 * network.load(PROJECT).sure_from:.1f} %\n")
    print(tabulate(rows, ["", "exact", "not sure", "wrong"], colalign=("left", *3 * ("right",))))


if __name__ == "__main__":
    main()
