"""How well pictures are read: of each kind of pictures.py, how many exactly, how often not sure, sure and wrong.

`python tests/benchmarks/reading.py [--pictures N] [--seed SEED] [KIND...]`, after `make`. It needs the fonts of Debian
that pictures.py names; a kind without its fonts is left out, and the fonts that were used are printed. Seeds below 100
draw from the first half of the test images, the others from the other half. The recorded figures are of seed 404, with
200 pictures of each kind.

- exact: the digits are those of the picture, sure or not; of what holds no digit: nothing is found, or nothing sure.
- not sure: of the answers, a digit each.
- sure and wrong: of the answers that are sure, those that are no digit of the picture in its place.
"""

import argparse
import difflib
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measure import PROJECT, print_table

from pictures import HANDS, KINDS, PRINTS, Pen, find_fonts, photograph

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from reader.reading import network
from reader.reading.digits import find_digits

HALF = 5_000  # test images


def draw(kind: str, number: int, seed: int) -> Iterator[tuple[np.ndarray, str]]:
    """Yield pictures of a kind, (h, w) float32 from 0 to 255, and the digits in each."""
    half = slice(0, HALF) if seed < 100 else slice(HALF, None)
    folder = PROJECT / "data/normalized/test"
    images, labels = (np.load(folder / f"{name}.npy", mmap_mode="r")[half] for name in ("images", "labels"))
    for i in range(number):
        pen = Pen(np.random.default_rng([seed, zlib.crc32(kind.encode()), i]), images, labels)
        ink, text = KINDS[kind](pen)
        yield photograph(ink, pen), text


def read(reader: network.Network, grey: np.ndarray) -> list[network.Answer]:
    digits = find_digits(grey)
    if not digits:
        return []
    probabilities = network.predict(reader, np.stack([digit.image for digit in digits]))
    return [network.answer(row, reader, digit.single) for row, digit in zip(probabilities, digits, strict=True)]


class Judged(NamedTuple):
    exact: bool
    answers: int
    sure: int
    wrong: int  # of those that are sure


def judge(answers: list[network.Answer], text: str) -> Judged:
    found = "".join(answer.digit for answer in answers)
    blocks = difflib.SequenceMatcher(None, found, text, autojunk=False).get_matching_blocks()
    right = {i for block in blocks for i in range(block.a, block.a + block.size)}
    sure = [i for i, answer in enumerate(answers) if answer.sure]
    wrong = len(set(sure) - right)
    return Judged(found == text if text else not wrong, len(answers), len(sure), wrong)


def measure(kind: str, number: int, seed: int) -> tuple[str, str, str, str] | None:
    """Return the row of a kind, or nothing if its fonts are missing."""
    fonts = tuple(HANDS if "hand" in kind else PRINTS if "print" in kind else HANDS + PRINTS)
    if ("fonts" in kind or "letters" in kind) and len(find_fonts(fonts)) < len(fonts):
        print(f"{kind}: left out, fonts are missing", file=sys.stderr)
        return None
    reader = network.load(PROJECT)
    judged = [judge(read(reader, grey), text) for grey, text in draw(kind, number, seed)]
    exact, answers, sure, wrong = np.sum(judged, axis=0).tolist()
    doubt = f"{100 * (1 - sure / answers):.0f} %" if answers else "-"
    return kind, f"{100 * exact / number:.0f} %", doubt, f"{wrong} of {sure}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", metavar="KIND", nargs="*", help=f"one of {', '.join(KINDS)}")
    parser.add_argument("--pictures", type=int, default=100, help="of each kind, 100 by default")
    parser.add_argument("--seed", type=int, default=100)
    arguments = parser.parse_args()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        kinds = arguments.kinds or KINDS
        rows = list(pool.map(measure, kinds, repeat(arguments.pictures), repeat(arguments.seed)))
    sure = f"sure from {100 * network.load(PROJECT).sure_from:.1f} %"
    title = f"{arguments.pictures} pictures of each kind, seed {arguments.seed}, {sure}"
    fonts = ", ".join(path.stem for path in find_fonts((*HANDS, *PRINTS)))
    print(f"fonts: {fonts or 'none'}")
    print_table(title, ["", "exact", "not sure", "sure and wrong"], [row for row in rows if row])


if __name__ == "__main__":
    main()
