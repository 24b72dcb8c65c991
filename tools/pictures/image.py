"""Decode any picture file to grey levels: upright, without transparency, of bounded size."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import uniform_filter

from common.errors import PipelineError

ENOUGH = 2_000_000  # pixels to find digits in
HEIC = {".heic", ".heif"}  # photos of phones, which Pillow reads only with the package pillow-heif
FAINT = 4  # a colour channel with this many times the contrast of the luma replaces it: ink as bright as its paper

Image.MAX_IMAGE_PIXELS = 2**27  # Pillow refuses twice as many; in grey they take 1 GB
with suppress(ImportError):
    import pillow_heif  # type: ignore[import-not-found]

    pillow_heif.register_heif_opener()
Image.init()
OTHERS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow needs another program for these, or cannot decode them
KINDS = sorted(Image.OPEN.keys() - OTHERS)


def is_picture_name(name: str) -> bool:
    """Return whether the file name ends like that of a format that can be read."""
    suffix = Path(name).suffix.lower()
    return suffix in HEIC or Image.registered_extensions().get(suffix) in KINDS


def read_image(file: str | BinaryIO) -> np.ndarray:
    """Return the only page of a picture file; see read_pages."""
    pages = read_pages(file)
    page = next(pages)
    if next(pages, None) is not None:
        raise PipelineError("a TIFF of several pages: save each as a picture of its own")
    return page


def read_pages(file: str | BinaryIO) -> Iterator[np.ndarray]:
    """Yield each page of a TIFF, and the first picture of other files: (h, w) float32 from 0 (black) to 255.

    Larger pictures are averaged down to ENOUGH pixels. Raises PipelineError, one line, for any other file.
    """
    with one_line():
        image = Image.open(file, formats=KINDS)
    with image:
        for page in range(getattr(image, "n_frames", 1) if image.format == "TIFF" else 1):
            with one_line():
                image.seek(page)
                levels = grey_levels(image)
            yield levels


@contextmanager
def one_line() -> Iterator[None]:
    """Turn any exception of the block into a PipelineError of one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged EXIF data and many pixels
            yield
    except Image.UnidentifiedImageError:
        reason = "not a picture that Pillow reads (HEIC needs `pip install pillow-heif`, a PDF `pdftoppm -png`)"
        raise PipelineError(reason) from None
    except Exception as error:  # parsers raise any exception for a damaged file
        reason = getattr(error, "strerror", None) or f"cannot be decoded ({' '.join(str(error).split())[:120]})"
        raise PipelineError(reason) from None


def grey_levels(image: Image.Image) -> np.ndarray:
    """Decode the current page: (h, w) float32, where 16 and 32 bits are scaled to 0..255."""
    mode = image.mode
    if mode.startswith(("I", "F")):
        image = image.convert("F")
    elif mode in ("1", "P", "PA"):  # neighbouring values have no average
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    scale = math.sqrt(ENOUGH / (image.width * image.height))
    if scale < 1:  # a JPEG is decoded at a lower resolution
        size = max(1, scale * image.width), max(1, scale * image.height)
        image.thumbnail(size, Image.Resampling.BOX)
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, np.float64))
        low, high = (0, 65_535) if mode.startswith("I;16") else (values.min(), values.max())
        return ((values - low) * (255 / max(high - low, 1e-9))).astype(np.float32)
    if image.has_transparency_data:
        levels, alpha = (np.asarray(band, np.float32) for band in image.convert("RGBA").convert("LA").split())
        # On a transparent background, dark ink is put on white, light ink on black.
        background = 255 if (levels * alpha).sum() <= 127.5 * alpha.sum() else 0
        return background + (levels - background) * alpha / 255
    if image.mode == "LAB":
        return np.asarray(image.getchannel("L"), np.float32)
    grey = np.asarray(image.convert("L"), np.float32)
    if image.mode in ("L", "LA"):
        return grey
    bands = [grey, *(np.asarray(band, np.float32) for band in image.convert("RGB").split())]
    contrast = [float(np.std(band - uniform_filter(band, max(1, max(grey.shape) // 4)))) for band in bands]
    best = int(np.argmax(contrast))
    return bands[best] if contrast[best] > FAINT * contrast[0] else grey
