"""Reading one's own pictures: any file, several digits, and an honest confidence."""

import csv
import io
import json
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from common.errors import PipelineError
from fixtures import PROJECT, run
from predict import list_files, take_whole
from reader.reading import image as reader
from reader.reading.digits import find_digits
from reader.reading.image import read_image


def picture(
    mode: str = "L", strokes: tuple = (((30, 10), (30, 70)),), size: tuple = (60, 80), **colours
) -> Image.Image:
    """Strokes 6 pixels wide, black on white or of other colours."""
    image = Image.new(mode, size, colours.get("paper", "white"))
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, fill=colours.get("ink", "black"), width=6)
    return image


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rotated() -> bytes:
    """A JPEG that says with EXIF tag 274 = 6 that it has to be turned by 90 degrees clockwise."""
    exif = Image.Exif()
    exif[274] = 6
    return encode(picture().rotate(90, expand=True), "JPEG", exif=exif, quality=95)


def sixteen_bits() -> bytes:
    return encode(Image.fromarray((np.asarray(picture(), np.uint16) * 257).astype(np.uint16)))


def transparent(ink: str) -> bytes:
    return encode(picture("RGBA", paper=(0, 0, 0, 0) if ink == "black" else (255, 255, 255, 0), ink=ink))


def animated() -> bytes:
    return encode(picture(), "GIF", save_all=True, append_images=[Image.new("L", (60, 80))])


@pytest.mark.parametrize(
    "content",
    [
        encode(picture()),
        encode(picture("RGB", paper="#eeeecc", ink="#202080"), "JPEG"),
        encode(picture("1", paper=1, ink=0)),
        encode(picture().convert("P")),
        encode(picture("CMYK", paper=(0, 0, 0, 0), ink=(0, 0, 0, 255)), "TIFF"),
        encode(picture("CMYK", paper=(0, 0, 0, 0), ink=(0, 0, 0, 255)), "JPEG"),
        sixteen_bits(),
        transparent("black"),
        transparent("white"),
        rotated(),
        animated(),
        encode(picture(size=(20_000, 80))),
    ],
    ids=["grey", "colour", "bits", "palette", "cmyk", "cmyk-jpeg", "16-bit", "alpha", "white", "exif", "gif", "wide"],
)
def test_every_kind_of_image_is_read(content):
    ((image, box, single),) = find_digits(read_image(content))
    assert single
    assert box.height > 2 * (box.right - box.left)  # upright, like the stroke
    assert (image[:, 14] > 0.5).sum() >= 18


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in a few bytes."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" * 1000))]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"a text", "not an image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo: run `pip install pillow-heif`, or save it as JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),  # Pillow would start Ghostscript
        (encode(Image.effect_noise((60, 80), 50))[:1000], "a damaged image"),
        (encode(picture(), "JPEG")[:400], "a damaged image"),
        (bomb(), "expected at most 100,000,000 pixels"),
    ],
    ids=["empty", "text", "heic", "postscript", "truncated-png", "truncated-jpeg", "bomb"],
)
def test_what_cannot_be_read_is_one_line(content, message):
    with pytest.raises(PipelineError, match=message) as raised:
        read_image(content)
    assert "\n" not in str(raised.value)


def test_a_large_picture_is_shrunk_by_averaging(monkeypatch):
    monkeypatch.setattr(reader, "ENOUGH", 6)
    levels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    np.testing.assert_allclose(read_image(encode(Image.fromarray(levels))), [[4, 6, 8], [16, 18, 20]], atol=0.5)


def columns(image: Image.Image) -> list[int]:
    return [digit.box.left for digit in find_digits(np.asarray(image, np.float32))]


def test_digits_are_read_from_left_to_right_and_line_by_line():
    strokes = [((x, y), (x, y + 50)) for x, y in ((200, 15), (20, 10), (110, 20), (60, 100), (150, 95))]
    assert columns(picture(strokes=tuple(strokes), size=(240, 170))) == [x - 3 + 1 for x in (20, 110, 200, 60, 150)]


def test_parts_of_a_broken_digit_belong_together_and_specks_to_none():
    five = (((30, 30), (30, 60), (60, 60), (60, 90), (30, 90)), ((40, 22), (64, 22)))  # its hat is 5 pixels away
    one = (((110, 20), (110, 90)),)
    speck = (((150, 50), (153, 50)),)
    found = find_digits(np.asarray(picture(strokes=five + one + speck, size=(180, 110)), np.float32))
    assert len(found) == 2
    assert found[0].box.height == pytest.approx(74, abs=3)  # with its hat


@pytest.mark.parametrize("grey", [np.full((50, 60), 250.0), np.random.default_rng(0).normal(220, 5, (200, 300))])
def test_a_blank_page_has_no_digit(grey):
    assert find_digits(grey) == []


@pytest.mark.parametrize("paper", [255, 0])
def test_data_of_whole_pictures_is_taken_whole_and_light_on_dark(paper):
    grey = np.full((56, 56), paper, np.float32)
    grey[14:42, 8:24] = grey[14:42, 32:48] = 255 - paper  # two parts: no strokes to take apart
    ((image, box, single),) = take_whole(grey, "either")
    assert (image.shape, image.dtype, box.size, single) == ((28, 28), np.float32, 56, True)
    assert image[0, 0] == 0
    assert image[14, 8] == image[14, 20] == 1
    ((kept, *_),), ((turned, *_),) = (take_whole(grey, background) for background in ("dark", "light"))
    assert (kept[0, 0], turned[0, 0]) == (paper / 255, 1 - paper / 255)  # as the set was packed, whatever its own edge
    assert take_whole(np.full((9, 9), paper, np.float32), "either") == []


def test_folders_and_patterns_are_expanded_in_order(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert list_files(str(tmp_path)) == ([str(tmp_path / "a.JPG"), str(tmp_path / "b.png")], 1)
    assert list_files(str(tmp_path / "*.png")) == ([str(tmp_path / "b.png")], 0)
    assert list_files(str(tmp_path / "none.png")) == ([str(tmp_path / "none.png")], 0)


@pytest.mark.slow
def test_the_others_are_answered_when_one_fails(finished, tmp_path):
    (tmp_path / "one.png").write_bytes(encode(picture()))
    (tmp_path / "two.png").write_bytes(
        encode(picture(strokes=(((20, 10), (20, 70)), ((60, 10), (60, 70))), size=(90, 80)))
    )
    (tmp_path / "blank.png").write_bytes(encode(Image.new("L", (50, 50), 255)))
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    tool = [sys.executable, str(finished / "tools/predict.py")]

    result = run(tmp_path, *tool, ".", "missing.png", "--json", "--show", "seen.png")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "predict: .: skipped 1 of 5 files, no images",
        "predict: empty.png: the file is empty",
        "predict: missing.png: No such file or directory",
    ]
    entries = {entry["image"]: entry for entry in json.loads(result.stdout)}
    assert {name: len(entry["digits"]) for name, entry in entries.items()} == {
        "blank.png": 0,
        "empty.png": 0,
        "one.png": 1,
        "two.png": 2,
        "missing.png": 0,
    }
    (digit,) = entries["one.png"]["digits"]
    assert 1 >= digit["confidence"] >= digit["runner_up_confidence"] >= 0
    assert Image.open(tmp_path / "seen.png").size[0] > 300

    result = run(tmp_path, *tool, "one.png", "blank.png")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("one.png: ")
    assert result.stdout.endswith("blank.png: no digit found\n")

    result = run(tmp_path, *tool, "two.png", "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["image"], row["position"]) for row in rows] == [("two.png", "1"), ("two.png", "2")]


def test_reading_needs_neither_tensorflow_nor_scipy_nor_matplotlib(finished, tmp_path):
    """They take seconds to import."""
    (tmp_path / "one.png").write_bytes(encode(picture()))
    tool = [sys.executable, "-X", "importtime", str(finished / "tools/predict.py"), "one.png", "--show", "seen.png"]
    result = run(tmp_path, *tool)
    assert result.stdout.startswith("one.png: ")
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert imported & {"numpy", "tensorflow", "keras", "scipy", "matplotlib", "pandas", "sklearn"} == {"numpy"}


def test_without_the_reader_predict_says_what_to_run(project, tmp_path):
    (project / "models/reader.keras").unlink()
    (tmp_path / "one.png").write_bytes(encode(picture()))
    result = run(tmp_path, sys.executable, str(project / "tools/predict.py"), "one.png")
    assert result.returncode == 1
    assert result.stderr == (
        "predict: models/reader.keras is missing: run `python stages/reader.py` first, or `dvc repro` for all of it\n"
    )


def test_a_drawn_digit_is_recognised(tmp_path):
    """With the network of the default parameters, where it is; the one of the tiny MNIST knows rectangles only."""
    if not (PROJECT / "models/reader.keras").exists():
        pytest.skip("no models/reader.keras: run dvc repro")
    (tmp_path / "seven.png").write_bytes(encode(picture(strokes=(((12, 12), (48, 12), (26, 70)),))))
    result = run(tmp_path, sys.executable, str(PROJECT / "tools/predict.py"), "seven.png")
    assert result.stdout.startswith("seven.png: 7 (")
