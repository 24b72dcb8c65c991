"""Decode any image file to grey levels: upright, on its background, of bounded size; or fail with one line."""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import uniform_filter

from common.errors import PipelineError

MAX_PIXELS = 250_000_000  # to decode: 1 GB; of a JPEG, which is decoded smaller, 64 times as many
ENOUGH = 2_000_000  # pixels to find digits in
OTHERS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}  # Pillow needs another program, or only names them
HEIC = {".heic", ".heif"}  # photos of phones, which Pillow reads only with the package pillow-heif
BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # ISO/IEC 23008-12, annex B
FAINT = 4  # times: another channel with so much more contrast than the luma replaces it

Image.MAX_IMAGE_PIXELS = None  # open_image has a limit of its own


def is_picture_name(name: str) -> bool:
    """Whether the file's suffix is one of a format that can be read."""
    suffix = Path(name).suffix.lower()
    return suffix in HEIC or Image.registered_extensions().get(suffix) in Image.OPEN.keys() - OTHERS


def read_image(content: bytes) -> np.ndarray:
    """Return the only page of an image file; see read_pages."""
    pages = read_pages(content)
    page = next(pages)
    if next(pages, None) is not None:
        raise PipelineError("a TIFF of several pages: save each as a picture of its own")
    return page


def read_pages(content: bytes) -> Iterator[np.ndarray]:
    """Yield each page of a TIFF, and the first picture of other files: (h, w) float32 from 0 (black) to 255.

    Larger pictures are averaged down to ENOUGH pixels. Raises PipelineError, one line, for any other content.
    """
    with one_line():
        image = open_image(content)
        pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    for page in range(pages):
        with one_line():
            image.seek(page)
            levels = grey_levels(image)
        yield levels


@contextmanager
def one_line() -> Iterator[None]:
    """Raise a PipelineError of one line for any exception of the block."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of damaged EXIF data
            yield
    except PipelineError:
        raise
    except Image.UnidentifiedImageError:
        raise PipelineError("not an image, or of a kind that Pillow cannot read") from None
    except Exception as error:  # a damaged file ends in any exception of the format's own parser
        raise PipelineError(f"a damaged image ({' '.join(str(error).split())[:120]})") from None


def open_image(content: bytes) -> Image.Image:
    """Open an image file without decoding it. Raises PipelineError when it is empty, too large or not supported."""
    if not content:
        raise PipelineError("the file is empty")
    if content.startswith(b"%PDF"):
        raise PipelineError("a PDF: save its pages as pictures first, for example with `pdftoppm -png`")
    if content[4:8] == b"ftyp" and content[8:12] in BRANDS:
        try:
            import pillow_heif  # type: ignore[import-not-found]
        except ImportError:
            raise PipelineError("a HEIC photo: run `pip install pillow-heif`, or save it as JPEG") from None
        pillow_heif.register_heif_opener()
    Image.init()
    return Image.open(io.BytesIO(content), formats=sorted(Image.OPEN.keys() - OTHERS))


def grey_levels(image: Image.Image) -> np.ndarray:
    """Decode the current page: (h, w) float32, where 16 and 32 bits are scaled to 0..255. Raises PipelineError."""
    small = math.sqrt(ENOUGH / (image.width * image.height))
    if small < 1:
        image.draft(None, (math.ceil(image.width * small), math.ceil(image.height * small)))  # a JPEG, at no less
    if image.width * image.height > MAX_PIXELS:
        raise PipelineError(f"expected at most {MAX_PIXELS:,} pixels, found {image.width * image.height:,}")
    if image.getexif().get(0x0112, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(shrink(image.convert("F")), np.float64))
        low, high = (0, 65_535) if image.mode.startswith("I;16") else (values.min(), values.max())
        return ((values - low) * (255 / max(high - low, 1e-9))).astype(np.float32)
    if image.mode in ("1", "P", "PA"):  # neighbouring values have no average
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image = shrink(image)
    if image.has_transparency_data:
        levels, alpha = (np.asarray(band, np.float32) for band in image.convert("RGBA").convert("LA").split())
        # Drawn on nothing, ink is dark on white, unless it is light itself.
        background = 255 if (levels * alpha).sum() <= 127.5 * alpha.sum() else 0
        return background + (levels - background) * alpha / 255
    if image.mode == "LAB":
        return np.asarray(image.getchannel("L"), np.float32)
    grey = np.asarray(image.convert("L"), np.float32)
    return grey if image.mode in ("L", "LA") else with_contrast(grey, image.convert("RGB"))


def shrink(image: Image.Image) -> Image.Image:
    """Average squares of pixels so that at most ENOUGH are left."""
    factor = math.ceil(math.sqrt(image.width * image.height / ENOUGH))
    return image.reduce((min(factor, image.width), min(factor, image.height)))


def with_contrast(grey: np.ndarray, colours: Image.Image) -> np.ndarray:
    """Return the luma, (h, w) float32, or the colour channel that shows ink as bright as its paper."""
    bands = [grey, *(np.asarray(band, np.float32) for band in colours.split())]
    contrast = [float(np.std(band - uniform_filter(band, max(1, max(grey.shape) // 4)))) for band in bands]
    best = int(np.argmax(contrast))
    return bands[best] if contrast[best] > FAINT * contrast[0] else grey
