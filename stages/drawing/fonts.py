"""The font of class names: Matplotlib's DejaVu Sans, and figures.font of params.yaml for the letters that it lacks."""

import sys
from collections.abc import Iterable
from pathlib import Path

from common.errors import PipelineError
from drawing.figures import font_manager, plt

OWN = "DejaVu Sans"  # comes with Matplotlib, so it is the same everywhere
PLACEHOLDER = "Last Resort"  # comes with Matplotlib too; it has a box for every letter


def choose(font: str | None) -> None:
    """Draw the letters that DejaVu Sans lacks in `font`, the name of an installed font or the path of a font file.

    Raises PipelineError when there is no such font.
    """
    plt.rcParams["font.family"] = ["sans-serif", *([find(font)] if font else [])]


def find(font: str) -> str:
    """Register a font with Matplotlib and return its name. Raises PipelineError when there is no such font."""
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
    """Print one line on standard error if letters of the names will be boxes, and name a font that has them."""
    missing = drawn(names) - letters(*files(font))
    if missing:
        others = (e for e in font_manager.fontManager.ttflist if not e.name.startswith(PLACEHOLDER))
        other = next((e.name for e in sorted(others, key=lambda e: e.name) if missing <= letters(e.fname)), None)
        fix = f"{other} has them" if other else "install a font that has them, such as one of Noto's"
        shown = " ".join(sorted(missing)[:10])
        print(f"figures: boxes stand for {shown}: {fix}; name it as figures.font in params.yaml", file=sys.stderr)


def files(font: str | None) -> list[str]:
    """Return the font files that names are drawn with, in order of preference; `font` is figures.font."""
    return [font_manager.findfont(family) for family in (OWN, *([find(font)] if font else []))]


def file_with(names: Iterable[str], font: str | None) -> str:
    """Return the font file that has most letters of the names, for a library that uses one font at a time."""
    return max(files(font), key=lambda path: len(drawn(names) & letters(path)))


def drawn(names: Iterable[str]) -> set[str]:
    return {letter for name in names for letter in name if not letter.isspace()}


def letters(*paths: str) -> set[str]:
    """Return the letters that at least one of the font files has."""
    return {chr(code) for path in paths for code in font_manager.get_font(path).get_charmap()}
