import shutil
from pathlib import Path

import numpy as np
import pytest

from common.errors import PipelineError
from drawing import figures
from fixtures import PROJECT, edit_params
from pictures import sheet

RARE = "\ue002"  # DejaVu Sans lacks it; STIXNonUnicode, which comes with Matplotlib too, has it
FONT = str(figures.font_manager.findfont("STIXNonUnicode"))


@pytest.fixture(autouse=True)
def default_font():
    yield
    figures.choose_font(None, [])


def drawn(name, path) -> bytes:
    figures.save(figures.gallery(np.eye(28)[None], [name], 1, 1.5), path)
    return path.read_bytes()


def test_a_named_font_draws_the_letters_that_dejavu_lacks_and_no_other(tmp_path):
    without = {name: drawn(name, tmp_path / "a.png") for name in ("7", RARE)}
    figures.choose_font("STIXNonUnicode", [RARE])
    assert drawn("7", tmp_path / "a.png") == without["7"]
    assert drawn(RARE, tmp_path / "a.png") != without[RARE]


@pytest.mark.parametrize("font", ["Nowhere Sans", "a.ttf"])
def test_a_font_that_is_missing_or_broken_is_an_error(font, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.ttf").write_bytes(b"no font")
    with pytest.raises(PipelineError, match="figures.font: expected an installed font or the path of a font file"):
        figures.choose_font(font, [])


def test_letters_that_would_be_boxes_are_reported_in_one_line(capsys):
    figures.choose_font(None, ["7", "T-shirt/top", "US$", "Größe", "Ωμέγα", "кот", "two words"])
    figures.choose_font(FONT, ["7", RARE])
    assert capsys.readouterr().err == ""
    figures.choose_font(FONT, [f"7 {RARE}\U000f0124"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("figures: boxes stand for \U000f0124: ")


def test_predict_shows_class_names_in_any_alphabet_and_in_the_font_of_the_figures(tmp_path, capsys):
    def shown(name) -> bytes:
        picture = sheet.thumbnail(np.zeros((28, 28), np.float32))
        row = sheet.Row("one.png", picture, [np.eye(28, dtype=np.float32)], [(name, "99 %", True)])
        sheet.save([row], tmp_path / "seen.png", tmp_path)
        return (tmp_path / "seen.png").read_bytes()

    shutil.copy(PROJECT / "params.yaml", tmp_path)
    without = [shown(name) for name in ("7", "Ж", RARE)]
    assert len({*without}) == 3
    assert capsys.readouterr().err.startswith(f"figures: boxes stand for {RARE}: ")
    edit_params(tmp_path, {"figures.font": FONT})
    assert shown(RARE) != without[-1]
    assert capsys.readouterr().err == ""
