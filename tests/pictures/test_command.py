"""Pictures are answered one by one, in every format, in constant memory."""

import argparse
import io
import json
import weakref

import numpy as np
import pytest
from PIL import Image

from common.errors import PipelineError
from fixtures import PROJECT
from pictures import command
from pictures.command import Reading
from pictures.files import list_pictures

IMAGE = np.zeros((28, 28), np.float32)


def save(path, level=0, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 6), level).save(path, **options)


def read(grey: np.ndarray) -> Reading:
    """Answer with the grey level; 13 cannot be read, 99 is blank."""
    level = int(grey[0, 0])
    if level == 13:
        raise PipelineError("bad luck")
    n = int(level != 99)
    return Reading(f"seen {level}", [{"digit": str(level)}] * n, {"left_out": 1}, [IMAGE] * n, [("7", "9 %", True)] * n)


def answer(tmp_path, *names, form=None, show=None, read=read):
    arguments = argparse.Namespace(pictures=[str(tmp_path / name) for name in names], form=form, show=show)
    return command.answer(arguments, read, ["digit", "left_out"], PROJECT)


def test_other_files_in_a_folder_are_skipped_and_only_bad_pictures_fail(tmp_path, capsys):
    for name in ("b.png", "9.png", "@eaDir/9.png", ".thumbs/9.png"):
        save(tmp_path / "a" / name, 7)
    for name in ("._9.png", "scan.pdf", "clip.mpg", "notes.txt"):
        (tmp_path / "a" / name).write_bytes(b"")
    assert answer(tmp_path, "a")
    out, err = capsys.readouterr()
    assert out.replace(str(tmp_path), "") == "/a/9.png: seen 7\n/a/b.png: seen 7\n"
    assert err.replace(str(tmp_path), "").endswith(": /a: skipped 3 of 5 files: not pictures\n")
    save(tmp_path / "bad.png", 13)
    (tmp_path / "none").mkdir()
    assert not answer(tmp_path, "a", "bad.png", "missing.png", "none")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    reasons = ["not pictures", "no picture in this folder", "bad luck", "No such file or directory"]
    assert [line.rpartition(": ")[2] for line in err.splitlines()] == reasons


def test_each_page_of_a_tiff_on_standard_input_is_a_picture(tmp_path, capsys, monkeypatch):
    path = tmp_path / "scan.tif"
    save(path, 1, save_all=True, append_images=[Image.new("L", (8, 6), level) for level in (2, 3)])
    with path.open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        assert command.answer(argparse.Namespace(pictures=["-"], form=None, show=None), read, [], PROJECT)
    assert capsys.readouterr().out == "-: seen 1\n-[2]: seen 2\n-[3]: seen 3\n"


def test_csv_and_json_have_every_answer(tmp_path, capsys):
    for level in (5, 99, 13):
        save(tmp_path / f"{level}.png", level)
    printed = []
    for form in ("csv", "json"):
        answer(tmp_path, "5.png", "99.png", "13.png", form=form)
        printed.append(capsys.readouterr().out.replace(f"{tmp_path}/", ""))
    assert printed[0].split() == ["image,digit,left_out", "5.png,5,1", "99.png,,1"]
    assert json.loads(printed[1]) == [
        {"image": "5.png", "digits": [{"digit": "5"}], "left_out": 1, "error": None},
        {"image": "99.png", "digits": [], "left_out": 1, "error": None},
        {"image": "13.png", "digits": [], "error": "bad luck"},
    ]


class Pipe(io.StringIO):
    flushed = ""

    def flush(self) -> None:
        self.flushed = self.getvalue()


@pytest.mark.parametrize("form", [None, "json"])
def test_each_answer_is_printed_and_its_picture_freed_before_the_next(form, tmp_path, monkeypatch):
    pipe, pictures = Pipe(), []
    monkeypatch.setattr("sys.stdout", pipe)

    def watch(grey: np.ndarray) -> Reading:
        if grey[0, 0] == 4:
            raise KeyboardInterrupt
        assert pipe.flushed.count(".png") == grey[0, 0]
        assert sum(picture() is not None for picture in pictures) <= 1
        pictures.append(weakref.ref(grey))
        return read(grey)

    for level in range(5):
        save(tmp_path / f"{level}.png", level)
    with pytest.raises(KeyboardInterrupt):
        answer(tmp_path, "", form=form, show=tmp_path / "sheet.png", read=watch)


def test_the_sheet_has_a_row_for_each_picture(tmp_path):
    heights = []
    for level in range(2):
        save(tmp_path / f"{level}.png", level)
        assert answer(tmp_path, "", show=tmp_path.parent / "sheet.png")
        heights.append(Image.open(tmp_path.parent / "sheet.png").height)
    assert heights[1] == 2 * heights[0]
    with pytest.raises(PipelineError, match="not drawn: no image could be read"):
        answer(tmp_path, "missing.png", show=tmp_path / "sheet.png")


def test_folders_and_patterns_are_expanded_in_order(tmp_path):
    for name in ("b.png", "a.JPG", "photo[1].png", "sub/c.png"):
        save(tmp_path / name, format="PNG")

    def names(argument: str) -> list[str]:
        return [file.replace(f"{tmp_path}/", "") for file in list_pictures(str(tmp_path / argument))]

    assert names("") == ["a.JPG", "b.png", "photo[1].png", "sub/c.png"]
    assert names("[bs]*") == ["b.png", "sub/c.png"]
    assert names("photo[1].png") == ["photo[1].png"]
    assert names("none*.png") == ["none*.png"]
