"""Changes to the test images that measure robustness.

Images are grey levels, (n, 28, 28) uint8, 0 is background and 255 is ink. Every pixel is computed from integers or
fractions that float64 represents exactly, so it is the same on any CPU.
"""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage, sparse

from contracts.dataset import SHAPE

ROTATIONS = [-45, -30, -15, 15, 30, 45]  # degrees, positive is counter-clockwise
SHIFTS = [1, 2, 3, 4]  # pixels; most MNIST digits have margins of four
STROKES = [-1, 1, 2, 3]  # additional pixels; MNIST strokes are about three pixels wide
NOISES = [32, 64, 96, 128]  # grey levels, the largest change of a pixel
SEED = 0  # not a parameter, so every revision is measured on the same images


def rotate(grey: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate each image counter-clockwise about its centre, with bilinear interpolation.

    Rotates each basis pixel once; the results form a matrix that is applied to all images. Sine and cosine are rounded
    to 12 binary places (a thousandth of a pixel at the corners), so that coordinates, weights and their products with
    grey levels fit into the 53 bits of a float64 and sums are exact in any order.
    """
    sine, cosine = (np.rint(4096 * f(np.deg2rad(degrees))) / 4096 for f in (np.sin, np.cos))
    to_source = np.array([[cosine, sine], [-sine, cosine]])  # of (row, column); rows count downwards
    middle = (np.array(SHAPE) - 1) / 2
    offset = middle - (to_source * middle).sum(axis=1)
    pixels = np.eye(SHAPE[0] * SHAPE[1]).reshape(-1, *SHAPE)  # float64
    rotated = [ndimage.affine_transform(pixel, to_source, offset, order=1).ravel() for pixel in pixels]
    return np.rint(grey.reshape(len(grey), -1) @ sparse.csr_array(rotated)).astype(np.uint8).reshape(grey.shape)


def shift(grey: np.ndarray, pixels: int) -> np.ndarray:
    """Move the images right, down, left and up in turn, image i in direction i mod 4, and crop."""
    moved = np.empty_like(grey)
    for i, direction in enumerate([(0, pixels), (pixels, 0), (0, -pixels), (-pixels, 0)]):
        moved[i::4] = ndimage.shift(grey[i::4], (0, *direction), order=0)
    return moved


def widen(grey: np.ndarray, pixels: int) -> np.ndarray:
    """Make strokes wider, or thinner if `pixels` is negative, by grey dilation or erosion with a square."""
    side = 1 + abs(pixels)
    morph = ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion
    return morph(grey, size=(1, side, side))


def add_noise(grey: np.ndarray, levels: int) -> np.ndarray:
    """Add uniform integer noise from -levels to levels to each pixel, and clip to 0..255."""
    noise = np.random.default_rng(SEED).integers(-levels, levels + 1, grey.shape, dtype=np.int16)
    return (grey + noise).clip(0, 255).astype(np.uint8)


def shapes(n: int) -> np.ndarray:
    """Draw filled rectangles and ellipses in turn, 11 to 19 pixels high and wide, entirely within the frame."""
    random = np.random.default_rng(SEED)
    half = random.integers(5, 10, (2, n))  # of the height and of the width
    middle = random.integers(half, np.array(SHAPE)[:, None] - half)
    rows, columns = (np.abs(np.arange(side) - m[:, None]) for side, m in zip(SHAPE, middle, strict=True))  # (n, 28)
    half_height, half_width = half[:, :, None, None]
    down, across = rows[:, :, None], columns[:, None, :]
    rectangles = (down <= half_height) & (across <= half_width)
    ellipses = (down * half_width) ** 2 + (across * half_height) ** 2 <= (half_height * half_width) ** 2
    return np.where((np.arange(n) % 2 == 0)[:, None, None], rectangles, ellipses) * np.uint8(255)


def variants(grey: np.ndarray) -> Iterator[tuple[str, int, np.ndarray, bool]]:
    """Yield each change, its amount in the unit of the constants (0 without), the images, and whether they show digits.

    There are as many images without digits, but a single blank one.
    """
    yield "unchanged", 0, grey, True
    for change, apply, amounts in [
        ("rotated", rotate, ROTATIONS),
        ("shifted", shift, SHIFTS),
        ("stroke width", widen, STROKES),
        ("noisy", add_noise, NOISES),
    ]:
        for amount in amounts:
            yield change, amount, apply(grey, amount), True
    yield "inverted", 0, 255 - grey, True
    yield "blank", 0, np.zeros((1, *SHAPE), np.uint8), False
    yield "random pixels", 0, np.random.default_rng(SEED).integers(0, 256, grey.shape, dtype=np.uint8), False
    yield "shapes", 0, shapes(len(grey)), False


def examples(grey: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Return one image, (28, 28) uint8, of each variant, by change and amount."""
    return {(change, amount): images[0] for change, amount, images, _ in variants(grey[None])}
