import json
import re

import pytest

from card import list_changes, list_recalls, pinned_versions
from contracts import tables
from fixtures import PROJECT, succeed

HEADINGS = [  # of Mitchell et al. (2019), figure 1
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]


def test_a_digit_without_images_has_no_interval():
    rows = [tables.Digit("0", 0, None, None, None), tables.Digit("1", 29, 1.0, 0.034483, 0.066667)]
    ((row, recall),) = list_recalls(rows, 0.95)
    assert row.digit == "1"
    assert (recall["low"], recall["high"]) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_images_of_no_digit_have_a_confidence_and_no_accuracy():
    rows = [tables.Robustness("inverted", 0, 20, 0.0, 0.5), tables.Robustness("blank", 0, 1, None, 0.25)]
    changes, not_digits = list_changes(rows, 0.95)
    assert [row.change for row, _ in changes] == ["inverted"]
    assert not_digits == rows[1:]


def test_the_pins_of_all_files_are_listed_sorted():
    assert pinned_versions(["b==2\n# remark\n", "a==1\n"]) == ["a==1", "b==2"]


def test_the_card_has_the_headings_and_the_numbers_of_the_reports(finished):
    card = (finished / "reports/model_card.md").read_text()
    headings = re.findall(r"^## (.+)$", card, re.M)
    assert [heading for heading in headings if heading in HEADINGS] == HEADINGS
    metrics = json.loads((finished / "reports/evaluate/metrics.json").read_text())
    assert f"**{100 * metrics['accuracy']:.2f}\xa0%**" in card
    assert "CC BY-SA 3.0" in card
    assert card.count("rotated") == sum(
        row.change == "rotated" for row in tables.load(finished / "reports/evaluate/robustness.csv", tables.Robustness)
    )
    for path in (PROJECT / "requirements").glob("*.in"):
        assert all(f"- `{line}`" in card for line in path.read_text().split())


def test_the_card_is_the_same_wherever_it_is_written(project):
    before = (project / "reports/model_card.md").read_bytes()
    succeed(project, "python", "stages/card.py", TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7")
    assert (project / "reports/model_card.md").read_bytes() == before
