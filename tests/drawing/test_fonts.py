import shutil
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from common.errors import PipelineError
from drawing import figures, fonts
from fixtures import PROJECT, edit_params
from pictures import sheet


@pytest.fixture(autouse=True)
def default_font():
    yield
    fonts.choose(None)


@pytest.fixture
def font(tmp_path) -> str:
    """A font file with one letter, a triangle for U+F0123, which is no letter of any script."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((250, 700))
    pen.lineTo((500, 0))
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "triangle"])
    builder.setupCharacterMap({0xF0123: "triangle"})
    builder.setupGlyf(dict.fromkeys([".notdef", "triangle"], pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", "triangle"], (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Triangles", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "triangles.ttf")
    return str(tmp_path / "triangles.ttf")


def drawn(name, path) -> bytes:
    figures.save(figures.gallery(np.eye(28)[None], [name], 1, 1.5), path)
    return path.read_bytes()


def test_a_named_font_draws_the_letters_that_the_own_font_lacks_and_no_other(font, tmp_path):
    without = {name: drawn(name, tmp_path / "a.png") for name in ("7", "\U000f0123")}
    fonts.choose(font)
    assert drawn("7", tmp_path / "a.png") == without["7"]
    assert drawn("\U000f0123", tmp_path / "a.png") != without["\U000f0123"]
    fonts.choose(None)
    assert drawn("\U000f0123", tmp_path / "a.png") == without["\U000f0123"]


@pytest.mark.parametrize("font", ["Nowhere Sans", "nowhere.ttf", "a.ttf"])
def test_a_font_that_is_not_there_or_is_not_a_font_is_an_error(font, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.ttf").write_bytes(b"no font")
    with pytest.raises(PipelineError, match="figures.font: expected an installed font or the path of a font file"):
        fonts.choose(font)


def test_nothing_is_reported_of_letters_that_the_own_font_has(capsys):
    fonts.report_boxes(["7", "T-shirt/top", "US$", "Größe", "Ωμέγα", "кот", "two words"], None)
    assert capsys.readouterr().err == ""


def test_letters_that_no_font_has_are_named_in_one_line(font, capsys):
    fonts.report_boxes(["7", "\U000f0123\U000f0124"], font)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("figures: boxes stand for \U000f0124: install a font that has them")
    fonts.report_boxes(["7", "\U000f0123"], font)
    assert capsys.readouterr().err == ""


def test_another_installed_font_that_has_the_letters_is_named(font, capsys):
    figures.font_manager.fontManager.addfont(font)
    fonts.report_boxes(["\U000f0123"], None)
    assert "Triangles has them; name it as figures.font in params.yaml" in capsys.readouterr().err


def sheet_of_predict(folder, name) -> bytes:
    """What `predict --show` writes for one image with that answer, in a project in `folder`."""
    picture = sheet.thumbnail(np.zeros((28, 28), np.float32))
    row = sheet.Row("one.png", picture, [np.eye(28, dtype=np.float32)], [(name, "99 %", True)])
    sheet.save([row], folder / "seen.png", folder)
    return (folder / "seen.png").read_bytes()


def test_predict_shows_class_names_in_any_alphabet_and_in_the_font_of_the_figures(font, tmp_path, capsys):
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    assert len({sheet_of_predict(tmp_path, name) for name in ("?", "7", "Ж", "Ω")}) == 4
    assert capsys.readouterr().err == ""
    without = sheet_of_predict(tmp_path, "\U000f0123")
    assert capsys.readouterr().err.startswith("figures: boxes stand for \U000f0123: ")
    shutil.copy(font, tmp_path / "own.ttf")
    edit_params(tmp_path, {"figures.font": "own.ttf"})
    assert sheet_of_predict(tmp_path, "\U000f0123") != without
    assert capsys.readouterr().err == ""
    edit_params(tmp_path, {"figures.font": "nowhere.ttf"})
    with pytest.raises(PipelineError, match="figures.font: expected an installed font"):
        sheet_of_predict(tmp_path, "Ж")
