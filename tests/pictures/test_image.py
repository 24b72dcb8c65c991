"""Any picture file becomes grey levels, or an error of one line."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from common.errors import PipelineError
from pictures import image as decoding
from pictures.image import is_picture_name, read_image


def picture(mode: str = "L", size: tuple = (60, 80), paper="white", ink="black") -> Image.Image:
    """An upright stroke 6 pixels wide and 60 high, a sixth from the left."""
    image = Image.new(mode, size, paper)
    ImageDraw.Draw(image).line(((10, 10), (10, 69)), fill=ink, width=6)
    return image


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned() -> bytes:
    """A JPEG whose EXIF tag 274 = 6 asks for a turn by 90 degrees clockwise."""
    exif = Image.Exif()
    exif[274] = 6
    return encode(picture().rotate(90, expand=True), "JPEG", exif=exif, quality=95)


def deep(image: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(image, np.uint16) * 257).astype(np.uint16))


def several(kind: str) -> bytes:
    return encode(picture(), kind, save_all=True, append_images=[Image.new("L", (60, 80))])


BLACK, CLEAR = (0, 0, 0, 255), (0, 0, 0, 0)
KINDS = {
    "grey": encode(picture()),
    "colour": encode(picture("RGB", paper="#eeeecc", ink="#202080"), "JPEG"),
    "palette": encode(picture().convert("P")),
    "CMYK JPEG": encode(picture("CMYK", paper=CLEAR, ink=BLACK), "JPEG"),
    "LAB": encode(Image.merge("LAB", [picture(), *2 * [Image.new("L", (60, 80), 128)]]), "TIFF"),
    "large, 16 bits": encode(deep(picture(size=(1500, 1500))), "TIFF"),
    "black on nothing": encode(picture("RGBA", paper=CLEAR)),
    "white on nothing": encode(picture("RGBA", paper=(255, 255, 255, 0), ink="white")),
    "EXIF": turned(),
    "animation": several("GIF"),
    "wide": encode(picture(size=(30_000, 80))),
    "as bright as its paper": encode(picture("RGB", paper=(0, 130, 0), ink=(255, 0, 0))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_image_is_read(kind):
    grey = read_image(io.BytesIO(KINDS[kind]))
    assert grey.dtype == np.float32
    assert 0 <= grey.min() < grey.max() <= 255
    rows, columns = np.nonzero(np.abs(grey - np.median(grey)) > 60)  # the ink
    factor = 1.08 if kind in ("wide", "large, 16 bits") else 1  # of the shrinking
    assert [rows.min() * factor, rows.max() * factor] == pytest.approx([10, 69], abs=3)
    assert [columns.min() * factor, columns.max() * factor] == pytest.approx([7, 12], abs=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a picture that Pillow reads"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC needs `pip install pillow-heif`"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),  # Pillow would start Ghostscript
        (encode(Image.effect_noise((60, 80), 50))[:1000], "cannot be decoded"),
        (encode(Image.new("1", (20_000, 20_000))), "cannot be decoded .*exceeds limit"),
        (several("TIFF"), "a TIFF of several pages: save each as a picture of its own"),
    ],
    ids=["empty", "heic", "postscript", "truncated", "bomb", "pages"],
)
def test_other_files_are_refused_in_one_line(content, message):
    with pytest.raises(PipelineError, match=message) as raised:
        read_image(io.BytesIO(content))
    assert "\n" not in str(raised.value)


def test_a_large_picture_is_shrunk_by_averaging(monkeypatch):
    monkeypatch.setattr(decoding, "ENOUGH", 6)
    levels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    shrunk = read_image(io.BytesIO(encode(Image.fromarray(levels))))
    np.testing.assert_allclose(shrunk, [[4, 6, 8], [16, 18, 20]], atol=0.5)


def test_picture_names_end_like_formats_that_can_be_read():
    assert all(map(is_picture_name, ["a.JPG", "a.png", "a.tif", "a.webp", "photo.heic"]))
    assert not any(map(is_picture_name, ["a.pdf", "clip.mpg", "a.mp4", "notes.txt", "a.eps", "png"]))
