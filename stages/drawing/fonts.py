"""The fonts of class names: Matplotlib's DejaVu Sans, and figures.font of params.yaml for letters it lacks."""

import sys
from collections.abc import Iterable
from pathlib import Path

from common.errors import PipelineError
from drawing.figures import font_manager, plt


def choose(font: str | None, names: Iterable[str]) -> None:
    """Draw letters that DejaVu Sans lacks in `font`, the name of an installed font or the path of a font file.

    Prints one line on standard error if letters of the names will be drawn as boxes all the same. Raises PipelineError
    if there is no such font.
    """
    families = ["DejaVu Sans", *([find(font)] if font else [])]
    plt.rcParams["font.family"] = families
    missing = {letter for letter in "".join(names) if not letter.isspace()}
    for family in families:
        missing -= {chr(code) for code in font_manager.get_font(font_manager.findfont(family)).get_charmap()}
    if missing:
        shown = " ".join(sorted(missing)[:10])
        print(
            f"figures: boxes stand for {shown}: name a font that has them in params.yaml, figures.font", file=sys.stderr
        )


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
