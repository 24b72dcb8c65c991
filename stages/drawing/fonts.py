"""The fonts of class names: Matplotlib's DejaVu Sans, and figures.font of params.yaml for letters it lacks."""

import sys
from collections.abc import Iterable
from pathlib import Path

from common.errors import PipelineError
from drawing.figures import font_manager, plt


def choose(font: str | None) -> None:
    """Draw letters that DejaVu Sans lacks in `font`, the name of an installed font or the path of a font file.

    Raises PipelineError if there is no such font.
    """
    plt.rcParams["font.family"] = ["sans-serif", *([find(font)] if font else [])]


def find(font: str) -> str:
    """Register a font with Matplotlib and return its name. Raises PipelineError if there is no such font."""
    try:
        if Path(font).suffix.lower() in (".ttf", ".otf", ".ttc"):
            font_manager.fontManager.addfont(font)
            return font_manager.get_font(font).family_name
        font_manager.findfont(font, fallback_to_default=False)
    except (OSError, ValueError, RuntimeError):
        raise PipelineError(
            f"figures.font: expected an installed font or the path of a font file, found {font!r}"
        ) from None
    return font


def report_boxes(names: Iterable[str], font: str | None) -> None:
    """Print one line on standard error if letters of the names will be drawn as boxes."""
    if missing := letters(names).difference(*map(letters_in, files(font))):
        shown = " ".join(sorted(missing)[:10])
        print(
            f"figures: boxes stand for {shown}: name a font that has them in params.yaml, figures.font", file=sys.stderr
        )


def file_with(names: Iterable[str], font: str | None) -> str:
    """Return the font file with most letters of the names, for a library that uses one font at a time."""
    return max(files(font), key=lambda path: len(letters(names) & letters_in(path)))


def files(font: str | None) -> list[str]:
    """Return the font files of class names in order of preference; `font` is figures.font."""
    return [font_manager.findfont(family) for family in ("DejaVu Sans", *([find(font)] if font else []))]


def letters(names: Iterable[str]) -> set[str]:
    return {letter for letter in "".join(names) if not letter.isspace()}


def letters_in(path: str) -> set[str]:
    """Return the letters that a font file has."""
    return {chr(code) for code in font_manager.get_font(path).get_charmap()}
