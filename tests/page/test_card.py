import json
import re

import pytest

import report
from contracts import tables
from fixtures import PROJECT, edit_params
from page import templates
from report import pinned_versions

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
HOSTILE = "<img src=x onerror=alert(1)>|[a](javascript:b)*c*_d_`e`~f~$g$&lt;\\|"


def test_the_pins_are_listed_sorted_without_remarks():
    assert pinned_versions("b==2  # why\n\n# remark\na==1\n") == ["a==1", "b==2"]


def test_an_interval_is_that_of_wilson():
    assert templates.interval(1 / 29, 29, 0.95) == "0.61\xa0% to 17.18\xa0%"


def test_the_card_has_the_headings_and_the_numbers_of_the_reports(finished):
    card = (finished / "reports/model_card.md").read_text()
    headings = re.findall(r"^## (.+)$", card, re.M)
    assert [heading for heading in headings if heading in HEADINGS] == HEADINGS
    metrics = json.loads((finished / "reports/evaluate/metrics.json").read_text())
    assert f"**{100 * metrics['accuracy']:.2f}\xa0%**" in card
    assert "CC BY-SA 3.0" in card
    rows = tables.load(finished / "reports/evaluate/robustness.csv", tables.Robustness)
    assert all(f"| {templates.change(row)} | {row.images} |" in card for row in rows)
    assert all(f"- `{line}`" in card for line in (PROJECT / "requirements.in").read_text().split() if "==" in line)


def test_no_text_of_the_user_is_markup_in_the_card_or_the_page(project, monkeypatch):
    monkeypatch.chdir(project)
    texts = {f"about.{key}": HOSTILE for key in ("name", "subject", "unit", "origin", "licence")}
    edit_params(project, texts | {"dataset.class_names": [HOSTILE, *"123456789"]})
    table = project / "reports/evaluate/per_digit.csv"
    table.write_text(table.read_text().replace("\n0,", f'\n"{HOSTILE}",'))
    report.main()
    card, page = (path.read_text() for path in (report.CARD, report.PAGE))
    assert "<img src=x" not in page
    unescaped = re.sub(r"\\[\\`*_~$<>\[\]|&]", "", card)
    assert "img src=x onerror=alert" in unescaped
    assert not re.search(r"<img|\[a\]|\*c\*|_d_|`e`|~f~|\$g\$|&lt;", unescaped)


@pytest.mark.parametrize("path", [report.PAGE, report.CARD])
def test_page_and_card_are_the_same_wherever_they_are_written(path, finished, project, monkeypatch):
    monkeypatch.chdir(project)
    path.unlink()
    for name, value in {"TZ": "Asia/Tokyo", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    report.main()
    assert path.read_bytes() == (finished / path).read_bytes()
