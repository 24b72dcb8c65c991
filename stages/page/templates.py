"""Render a template of this folder into a file: missing values are errors, and text cannot become markup."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from common.files import atomic_write
from evaluation import intervals

FOLDER = Path(__file__).parent


def percent(share: float, decimals: int = 2) -> str:
    """Write 0.9845 as 98.45 %, with a no-break space."""
    return f"{100 * share:.{decimals}f}\N{NO-BREAK SPACE}%"


def probability(share: float) -> str:
    """Write a probability as `percent` does, but never as 0 or 100 %, which it only seems to be after rounding."""
    if share < 0.00005:
        return f"<\N{NO-BREAK SPACE}{percent(0.0001)}"
    return f">\N{NO-BREAK SPACE}{percent(0.9999)}" if share >= 0.99995 else percent(share)


def thousands(number: int) -> str:
    """Write 10000 as 10,000."""
    return f"{number:,}"


def interval(share: float, images: int, level: float) -> str:
    """Write the Wilson interval of a share of so many images as 98.2 % to 98.7 %."""
    return " to ".join(percent(end) for end in intervals.wilson(round(share * images), images, level))


def escape_markdown(value: object) -> object:
    """Escape the signs of text that Markdown takes for markup; return anything else as it is."""
    return re.sub(r"[\\`*_~$<>\[\]|&]", r"\\\g<0>", value) if type(value) is str else value  # Markup is a subclass


def change(row: Any) -> str:
    """Describe the change in a row of robustness.csv."""
    sizes = {
        "rotated": f"rotated {abs(row.amount)}° {'counter-clockwise' if row.amount > 0 else 'clockwise'}",
        "shifted": f"shifted by {row.amount} px",
        "stroke width": f"strokes {abs(row.amount)} px {'wider' if row.amount > 0 else 'thinner'}",
        "noisy": f"noise of up to {row.amount} of 255 grey levels",
    }
    return sizes.get(row.change, row.change)


def save(path: Path, template: str, values: dict[str, object]) -> None:
    """Render a template with `values` into `path`. Raises jinja2.UndefinedError if it uses a missing value."""
    page = template.endswith(".html")
    environment = Environment(
        loader=FileSystemLoader([FOLDER, FOLDER / "web"]),
        autoescape=page,
        finalize=None if page else escape_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {f.__name__: f for f in (change, interval, percent, probability, thousands)}
    text = environment.get_template(template).render(values)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
