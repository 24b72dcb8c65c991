"""Any image file as grey levels: upright, on its background, of bounded size; or one line that says why not."""

import io
import math
import warnings

import numpy as np
from PIL import Image, ImageOps

from common.errors import PipelineError

MAX_PIXELS = 100_000_000  # to decode: 400 MB as RGBA
ENOUGH = 2_000_000  # pixels to look for digits in
EXTERNAL = {"EPS"}  # formats for which Pillow runs another program on the file
HEIC = {".heic", ".heif"}  # photos of phones, which Pillow reads only with the package pillow-heif
BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # ISO/IEC 23008-12, annex B

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)


def read_image(content: bytes) -> np.ndarray:
    """Return the first picture of an image file, (h, w) float32 from 0 (black) to 255, in at most ENOUGH pixels.

    Raises PipelineError, one line, whatever the content is.
    """
    if not content:
        raise PipelineError("the file is empty")
    Image.init()
    if content[4:8] == b"ftyp" and content[8:12] in BRANDS:
        register_heic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of damaged EXIF data
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=sorted(Image.OPEN.keys() - EXTERNAL)) as image:
                return grey_levels(ImageOps.exif_transpose(shrink(image)))
    except Image.UnidentifiedImageError:
        raise PipelineError("not an image, or of a kind that Pillow cannot read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PipelineError(f"expected at most {MAX_PIXELS:,} pixels, found more") from None
    except Exception as error:  # a damaged file ends in any exception of the format's own parser
        raise PipelineError(f"a damaged image ({' '.join(str(error).split())[:120]})") from None


def register_heic() -> None:
    """Let Pillow read HEIC. Raises PipelineError that says how to when the package for it is not installed."""
    try:
        import pillow_heif  # type: ignore[import-not-found]
    except ImportError:
        raise PipelineError("a HEIC photo: run `pip install pillow-heif`, or save it as JPEG") from None
    pillow_heif.register_heif_opener()


def shrink(image: Image.Image) -> Image.Image:
    """Decode, and average squares of pixels so that at most ENOUGH are left; keep mode and EXIF data."""
    factor = math.ceil(math.sqrt(image.width * image.height / ENOUGH))
    if factor == 1:
        image.load()
        return image
    if image.mode in ("1", "P", "PA"):  # neighbouring values have no average
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.reduce((min(factor, image.width), min(factor, image.height)))


def grey_levels(image: Image.Image) -> np.ndarray:
    """Return the luma (ITU-R BT.601) of a decoded image, (h, w) float32; 16 and 32 bits are scaled to 0..255."""
    if image.mode.startswith(("I", "F")):
        levels: np.ndarray = np.nan_to_num(np.asarray(image, np.float64))
        low, high = (0, 65_535) if image.mode.startswith("I;16") else (levels.min(), levels.max())
        return ((levels - low) * (255 / max(high - low, 1e-9))).astype(np.float32)
    if not image.has_transparency_data:
        return np.asarray(image.convert("L"), np.float32)
    levels, alpha = (np.asarray(band, np.float32) for band in image.convert("RGBA").convert("LA").split())
    # What is drawn on nothing is dark ink on white, unless it is light itself.
    background = 255 if (levels * alpha).sum() <= 127.5 * alpha.sum() else 0
    return background + (levels - background) * alpha / 255
