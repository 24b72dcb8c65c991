"""Write the model card: intended use, results, limits and how to reproduce them.

Reads  reports/eda/summary.json, reports/evaluate/{metrics.json,per_digit.csv,robustness.csv},
       reports/reader/metrics.json, the pinned versions of requirements.in and the template in stages/page.
Writes reports/model_card.md, with the headings of Mitchell et al. (2019), Model cards for model reporting.
"""

import common.interrupts  # noqa: F401

from collections.abc import Iterable
from pathlib import Path

from common import params
from common.errors import run
from common.files import load_json
from common.lock import exclusive
from common.params import About, Evaluate, Model, Normalize, Reader, Train
from contracts import reader, tables
from evaluation import intervals
from page import templates

CARD = Path("reports/model_card.md")
EVALUATE = Path("reports/evaluate")
REQUIREMENTS = Path("requirements.in")


def add_interval(share: float, images: int, level: float) -> dict[str, float]:
    """Return a share of `images` and its interval."""
    low, high = intervals.wilson(round(share * images), images, level)
    return {"share": share, "low": low, "high": high}


def list_recalls(digits: Iterable[tables.Digit], level: float) -> list[tuple[tables.Digit, dict[str, float]]]:
    """Return each digit that has images, with the interval of its recall."""
    return [(row, add_interval(row.recall, row.images, level)) for row in digits if row.recall is not None]


def list_changes(
    rows: Iterable[tables.Robustness], level: float
) -> tuple[list[tuple[tables.Robustness, dict[str, float]]], list[tables.Robustness]]:
    """Return the changed digits with the interval of their accuracy, and the images that show no digit."""
    rows = list(rows)
    changed = [(row, add_interval(row.accuracy, row.images, level)) for row in rows if row.accuracy is not None]
    return changed, [row for row in rows if row.accuracy is None]


def pinned_versions(text: str) -> list[str]:
    """Return the lines `package==version` of a requirements file, sorted, without remarks."""
    return sorted(line.split()[0] for line in text.splitlines() if "==" in line)


@exclusive("stage")
def main() -> None:
    level = params.load(Evaluate).confidence_level
    changes, not_digits = list_changes(tables.load(EVALUATE / "robustness.csv", tables.Robustness), level)
    digits = tables.load(EVALUATE / "per_digit.csv", tables.Digit)

    templates.save(
        CARD,
        "model_card.md",
        about=params.load(About),
        metrics=load_json(EVALUATE / "metrics.json", "evaluate"),
        level=level,
        split_sizes=load_json(Path("reports/eda/summary.json"), "eda")["images"],
        normalize=params.load(Normalize),
        hidden_units=params.load(Model).hidden_units,
        train=params.load(Train),
        recalls=list_recalls(digits, level),
        classes=len(digits),
        changes=changes,
        reader=params.load(Reader),
        reading=load_json(reader.METRICS, "reader"),
        not_digits=not_digits,
        versions=pinned_versions(REQUIREMENTS.read_text(encoding="utf-8")),
    )
    print(f"card: {CARD}")


if __name__ == "__main__":
    run(main)
