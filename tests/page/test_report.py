import base64
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import report
from common import params
from contracts import reader
from fixtures import edit_params
from page import templates

HEADINGS = (  # of Mitchell et al. (2019), figure 1
    "Model details, Intended use, Factors, Metrics, Evaluation data, Training data, Quantitative analyses, "
    "Ethical considerations, Caveats and recommendations"
)
HOSTILE = "<img src=x onerror=alert(1)>|[a](javascript:b)*c*_d_`e`~f~$g$&lt;\\|"


@pytest.fixture
def here(project, monkeypatch):
    """A copy of the finished project as the current folder."""
    monkeypatch.chdir(project)
    return project


def test_an_image_survives_the_way_into_the_page():
    image = (np.arange(784).reshape(28, 28) % 256).astype(np.uint8)
    shown = np.array(Image.open(io.BytesIO(base64.b64decode(report.encode_png(Image.fromarray(image))))))
    np.testing.assert_array_equal(shown, image)


def test_the_probabilities_of_a_gallery_are_those_of_the_answer_the_right_one_and_all_others():
    names = ["zero", "one", "two", "three"]
    known = [("two", 0.75), ("zero, the right answer", np.exp(-2)), ("2 others", 0.25 - np.exp(-2))]
    shown = report.list_probabilities(SimpleNamespace(actual=0, predicted=2, confidence=0.75, loss=2.0), names)
    assert shown == [(name, pytest.approx(share)) for name, share in known]
    second = SimpleNamespace(actual=2, predicted=1, confidence=0.5, runner_up=2, runner_up_confidence=0.49)
    shown = report.list_probabilities(second, names)
    assert [name for name, _ in shown] == ["one", "two, the right answer", "2 others"]
    first = SimpleNamespace(actual=0, predicted=0, confidence=0.6, runner_up=1, runner_up_confidence=0.4)
    shown = report.list_probabilities(first, names[:2])
    assert shown == [("zero, the right answer", 0.6), ("one", 0.4)]


def test_values_are_written_as_text():
    changes = {
        ("rotated", -15): "rotated 15° clockwise",
        ("stroke width", 2): "strokes 2 px wider",
        ("stroke width", -1): "strokes 1 px thinner",
        ("shifted", 3): "shifted by 3 px",
        ("blank", 0): "blank",
    }
    for (change, amount), text in changes.items():
        assert templates.change(SimpleNamespace(change=change, amount=amount)) == text
    assert templates.interval(1 / 29, 29, 0.95) == "0.61\xa0% to 17.18\xa0%"
    written = [templates.probability(share).replace("\xa0", " ") for share in (0, 0.00004, 0.5, 0.99994, 0.99996)]
    assert written == ["< 0.01 %", "< 0.01 %", "50.00 %", "99.99 %", "> 99.99 %"]


def test_the_page_is_small_names_its_network_and_loads_nothing_from_elsewhere(finished):
    page = (finished / "reports/index.html").read_text()
    assert len(page.encode()) <= 2.5e6
    metrics = json.loads((finished / reader.METRICS).read_text())
    assert f"it recognises {templates.percent(metrics['accuracy'])} of the test digits" in page
    assert f'"threshold": {metrics["confidence_threshold"]}' in page
    links = set(re.findall(r'href="(#[a-z-]+)"', page))
    assert set(re.findall(r'(?:src|href)="([^"]{0,11})', page)) <= {"data:image/", "data:,", "model_card."} | links
    assert "http" not in page.replace("http-equiv", "")
    assert all(f'id="{link[1:]}"' in page for link in links)


def test_the_page_has_the_value_and_the_meaning_of_each_parameter(finished):
    page = (finished / "reports/index.html").read_text()
    rows = re.findall(r"<code>(\w+\.\w+)</code><br><span class=\"quiet\">(.*?)</span></th><td>(.*?)</td>", page)
    sections = params.read(finished / "params.yaml")
    shown = [f"{section}.{key}" for section in ("normalize", "model", "train", "evaluate") for key in sections[section]]
    assert [name for name, *_ in rows] == shown
    assert all(value for *_, value in rows)
    assert {name: meaning for name, meaning, _ in rows}["train.epochs"] == "passes over the training images"


def test_the_card_has_the_headings_and_the_numbers_of_the_reports(finished):
    card = (finished / "reports/model_card.md").read_text()
    assert "one machine" not in card + (finished / "reports/index.html").read_text()
    headings = re.findall(r"^## (.+)$", card, re.M)
    assert ", ".join(heading for heading in headings if heading in HEADINGS) == HEADINGS
    metrics = json.loads((finished / "reports/evaluate/metrics.json").read_text())
    assert f"**{100 * metrics['accuracy']:.2f}\xa0%**" in card
    assert "CC BY-SA 3.0" in card
    rows = pd.read_csv(finished / "reports/evaluate/robustness.csv").itertuples()
    assert all(f"| {templates.change(row)} | {row.images} |" in card for row in rows)
    rates = json.loads((finished / reader.METRICS).read_text())["rates"]
    assert all(f"| {kind} | {rate['images']:,} |" in card for kind, rate in rates.items())


@pytest.mark.parametrize("form", ["pictures", "strokes"])
def test_page_and_card_of_other_data_have_no_reader_and_speak_of_their_own_unit(form, here):
    names = [*"abcdefghij"]
    about = {"name": "Notes", "subject": "written notes", "unit": "note", "form": form}
    edit_params(here, {f"about.{key}": value for key, value in about.items()} | {"dataset.class_names": names})
    table = here / "reports/evaluate/per_digit.csv"
    table.write_text(re.sub(r"^\d", lambda digit: names[int(digit[0])], table.read_text(), flags=re.M))
    report.main()
    page = re.sub(r"<style>.*?</style>", "", report.PAGE.read_text(), flags=re.S)
    texts = re.sub(r"<[^>]*>", " ", page) + report.CARD.read_text()
    assert not re.findall(r"(?i).*\b(?:digits?|canvas|letters?|reader|draw\w*|MNIST)\b.*", texts)


def test_page_and_card_state_which_layers_have_the_same_bytes_on_one_machine_only(here, monkeypatch):
    monkeypatch.setattr(report.archive, "uncovered", lambda config: ["conv2d", "dropout"])
    report.main()
    assert "conv2d, dropout: same bytes on one machine only." in report.CARD.read_text()
    assert "Another machine may get other bytes: conv2d, dropout." in report.PAGE.read_text()


def test_the_network_is_described_as_it_was_saved():
    def saved(*layers: tuple[str, dict]) -> str:
        return report.describe_network({"config": {"layers": [{"class_name": c, "config": o} for c, o in layers]}})

    first, last = [("InputLayer", {}), ("Flatten", {})], ("Dense", {"units": 10})
    assert saved(*first, ("Dense", {"units": 9}), ("Dense", {"units": 8}), last) == "9 and 8 hidden units"
    assert saved(*first, last) == "no hidden units"
    assert saved(("Conv2D", {}), *first, ("Dropout", {}), last) == "layers conv2d, dropout, dense"


def test_no_text_of_the_user_is_markup_in_the_card_or_the_page(here):
    texts = {f"about.{key}": HOSTILE for key in ("name", "subject", "unit", "origin", "licence")}
    edit_params(here, texts | {"dataset.class_names": [HOSTILE, *"123456789"]})
    table = here / "reports/evaluate/per_digit.csv"
    table.write_text(table.read_text().replace("\n0,", f'\n"{HOSTILE}",'))
    report.main()
    card, page = (path.read_text() for path in (report.CARD, report.PAGE))
    assert "<img src=x" not in page
    assert "javascript:b)" in page
    unescaped = re.sub(r"\\[\\`*_~$<>\[\]|&]", "", card)
    assert "img src=x onerror=alert" in unescaped
    assert not re.search(r"<img|\[a\]|\*c\*|_d_|`e`|~f~|\$g\$|&lt;", unescaped)
