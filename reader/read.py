"""Read the digits on photos and scans of paper, with the reader: a network for MNIST-style handwritten digits.

Usage: python reader/read.py PICTURE... [--json | --csv] [--show FILE.png]

PICTURE is a file that Pillow reads, a folder of them, a pattern such as '*.jpg', or - for standard input.
Reads  reader/results/network.npz and reader/results/metrics.json.
Writes nothing but the sheet of --show. Exit status 1 if a picture could not be read.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tools"))
import running.project  # noqa: E402, F401

import numpy as np  # noqa: E402

from common.errors import PipelineError, run  # noqa: E402
from pictures import command  # noqa: E402
from pictures.command import Reading  # noqa: E402
from reader.reading import network, page  # noqa: E402
from reader.reading.network import Answer, Network  # noqa: E402
from reader.reading.page import Page, Symbol  # noqa: E402

MOST = 1_000  # digits in one picture: more is a texture


def describe(answer: Answer) -> str:
    digits = f"{answer.digit} ({100 * answer.confidence:.1f} %; then"
    if answer.sure:
        return f"{digits} {answer.runner_up}, {100 * answer.runner_up_confidence:.1f} %)"
    if answer.no_digit > answer.confidence:
        return f"no digit ({100 * answer.no_digit:.1f} %; then {answer.digit}, {100 * answer.confidence:.1f} %)"
    return f"not sure, perhaps {digits} {answer.runner_up}, {100 * answer.runner_up_confidence:.1f} %)"


def as_row(line: int, position: int, symbol: Symbol) -> dict:
    """Return the row of a digit or mark; marks have no digit, so that no number changes without notice."""
    answer = symbol.answer._asdict() if symbol.answer else dict.fromkeys(Answer._fields)
    return {"line": line, "position": position, "mark": symbol.mark, **answer}


def as_text(found: Page) -> str:
    """Return each line of writing, then the doubts in it; of a single digit, all that is known."""
    if len(found.digits) == 1 and len(found.lines) == len(found.lines[0]) == 1:
        texts = [describe(answer) for symbol in found.digits if (answer := symbol.answer)]
    else:
        texts = []
        for number, (symbols, text) in enumerate(zip(found.lines, page.text(found).splitlines(), strict=True), 1):
            texts.append(text if len(found.lines) == 1 else f"line {number}: {text}")
            doubts = [(i, s.answer) for i, s in enumerate(symbols, 1) if s.answer and not s.answer.sure]
            texts += [f"  {i}: {describe(answer)}" for i, answer in doubts]
    if found.left_out:
        texts.append(f"  left out: {found.left_out} {'piece' if found.left_out == 1 else 'pieces'} of ink")
    return "\n".join(texts)


def read(grey: np.ndarray, reader: Network) -> Reading:
    """Return the digits of a picture, (h, w) from 0 (black) to 255. Raises PipelineError when there are too many."""
    found = page.read(grey, reader)
    digits = found.digits
    if len(digits) > MOST:
        raise PipelineError(f"expected at most {MOST:,} digits, found {len(digits):,} pieces of ink: a texture?")
    return Reading(
        as_text(found) if digits else "no digit found",
        [as_row(n, i, symbol) for n, line in enumerate(found.lines, 1) for i, symbol in enumerate(line, 1)],
        {"left_out": found.left_out, "all_sure": found.sure},
        [symbol.image for symbol in digits if symbol.image is not None],
        [(a.digit, f"{100 * a.confidence:.0f} %", a.sure) for symbol in digits if (a := symbol.answer)],
    )


def main() -> None:
    arguments = command.read_arguments((__doc__ or "").partition("\n")[0])
    reader = network.load(PROJECT)
    columns = ["line", "position", "mark", *Answer._fields, "left_out", "all_sure"]
    sys.exit(not command.answer(arguments, lambda grey: read(grey, reader), columns, PROJECT))


if __name__ == "__main__":
    run(main)
