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
import running.stages_on_path  # noqa: E402, F401

import numpy as np  # noqa: E402

from common.errors import PipelineError, run  # noqa: E402
from pictures import command  # noqa: E402
from pictures.command import Reading  # noqa: E402
from reader.reading import network  # noqa: E402
from reader.reading.digits import find_digits  # noqa: E402
from reader.reading.network import Answer, Network  # noqa: E402

MOST = 1_000  # digits in one picture: more is a texture


def describe(answer: Answer) -> str:
    digits = f"{answer.digit} ({100 * answer.confidence:.1f} %; then"
    if answer.sure:
        return f"{digits} {answer.runner_up}, {100 * answer.runner_up_confidence:.1f} %)"
    if answer.no_digit > answer.confidence:
        return f"no digit ({100 * answer.no_digit:.1f} %; then {answer.digit}, {100 * answer.confidence:.1f} %)"
    return f"not sure, perhaps {digits} {answer.runner_up}, {100 * answer.runner_up_confidence:.1f} %)"


def read(grey: np.ndarray, reader: Network) -> Reading:
    """Return the digits of a picture, (h, w) from 0 (black) to 255. Raises PipelineError when there are too many."""
    found = find_digits(grey)
    if not found:
        return Reading("no digit found", [], {}, [], [])
    if len(found) > MOST:
        raise PipelineError(f"expected at most {MOST:,} digits, found {len(found):,} pieces of ink: a texture?")
    probabilities = network.predict(reader, np.stack([digit.image for digit in found]))
    answers = [network.answer(row, reader, digit.single) for row, digit in zip(probabilities, found, strict=True)]
    lines = list(map(describe, answers))
    text = "".join(answer.digit if answer.sure else "?" for answer in answers)
    return Reading(
        lines[0] if len(lines) == 1 else "\n".join([text, *(f"  {i}: {line}" for i, line in enumerate(lines, 1))]),
        [{"position": i, **answer._asdict()} for i, answer in enumerate(answers, 1)],
        {},
        [digit.image for digit in found],
        [(answer.digit, f"{100 * answer.confidence:.0f} %", answer.sure) for answer in answers],
    )


def main() -> None:
    arguments = command.read_arguments((__doc__ or "").partition("\n")[0])
    reader = network.load(PROJECT)
    columns = Reading("", [dict.fromkeys(["position", *Answer._fields])], {}, [], [])
    sys.exit(not command.answer(arguments, lambda grey: read(grey, reader), columns, PROJECT))


if __name__ == "__main__":
    run(main)
