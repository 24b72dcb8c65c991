"""Turn a drawn or photographed digit into an image like MNIST's: find its ink, scale it, centre it.

LeCun et al. (1998), Proc. IEEE 86, 2278, section III.A: scaled to fit 20x20 pixels with the aspect kept, then moved so
that the centre of mass is the centre of 28x28. `stages/page/web/reading.js` fits drawn ink in the same way.
"""

import numpy as np
from scipy import ndimage

from common.errors import PipelineError
from contracts.dataset import SHAPE

FIT = 20  # pixels of the longer side of a digit
CENTRE = 14  # the row and column of the centre of mass, in MNIST between 13.5 and 14.5
MIN_CONTRAST = 24  # of 255, the share of the light that ink takes; a tenth
NOISE = 5  # median absolute deviations from the paper; 3.4 standard deviations of Gaussian noise
SEPARATE = 0.7  # of their variance is between paper and ink
TIE = 1e-6  # more than the rounding of a sum: decides ties as the browser does
AROUND = np.ones((3, 3), bool)  # a pixel and its eight neighbours


def prepare(grey: np.ndarray) -> np.ndarray:
    """Return the network's input, (28, 28) float32 in [0, 1]. Raises PipelineError when there is no ink.

    grey: (h, w) numbers from 0 (black) to 255 (white), one digit in ink darker or lighter than its paper.
    """
    ink = find_ink(grey)
    if not ink.any():
        raise PipelineError("no ink found")
    return fit(ink)


def find_ink(grey: np.ndarray) -> np.ndarray:
    """Separate ink from paper that may be unevenly lit: (h, w) float64, 0 is paper and 1 is ink; all 0 without ink."""
    levels = np.floor(np.clip(grey, 0, 255) + 0.5).astype(np.int64)
    depth = absorbed(levels if is_dark_on_light(levels) else 255 - levels)
    found = estimate_levels(depth, depth)
    if found is None:  # on a dense grid the median and the noise of all pixels are not those of the paper
        lower = depth <= otsu(depth)
        found = estimate_levels(depth, depth[lower]) if is_bimodal(depth, lower) else None
    if found is None:
        return np.zeros(depth.shape)
    paper, evident, full = found
    faint, dark = 4 * (depth - paper) > full - paper, 2 * (depth - paper) > full - paper
    strokes = ndimage.binary_propagation(dark, AROUND, faint)  # including thin ones, but without specks
    edge = ndimage.binary_dilation(strokes & (depth > evident), AROUND)  # the blurred edge of the ink is ink
    return np.minimum((depth - paper) / (full - paper), 1) * (edge & (depth > evident))


def estimate_levels(depth: np.ndarray, part: np.ndarray) -> tuple[int, int, int] | None:
    """Return the depth of paper, its largest noise, and the depth of ink; None if there is no clear ink.

    depth: (h, w) whole numbers from 0 to 255; part: those of them that are mostly paper.
    """
    paper = int(np.median(part))
    noise = int(np.median(paper - part[part <= paper]))  # of the lighter half: ruled lines are in the darker one
    above = depth[depth > paper + NOISE * noise]
    if not above.size:
        return None
    full = int(np.median(above[above > otsu(above)]))  # of pure ink, or of edges if there is nothing else
    if full - paper < max(MIN_CONTRAST, 2 * NOISE * noise):
        return None
    return paper, paper + NOISE * noise, full


def is_bimodal(values: np.ndarray, mask: np.ndarray) -> bool:
    """Whether most variance is between the values in the mask and the others (Otsu 1979); of noise, 2 / pi is."""
    if mask.all() or not mask.any():
        return False
    between = mask.mean() * (1 - mask.mean()) * (values[mask].mean() - values[~mask].mean()) ** 2
    return bool(between >= SEPARATE * values.var())


def is_dark_on_light(levels: np.ndarray) -> bool:
    """Return whether ink is darker than paper: its few pixels, far from the local mean, dominate the sum of cubes."""
    size = 2 * max(1, max(levels.shape) // 4) + 1
    sums, counts = (ndimage.uniform_filter(values, size, float, "constant") for values in (levels, levels * 0 + 1))
    return bool(((levels - sums / counts) ** 3).sum() <= 0)


def absorbed(levels: np.ndarray) -> np.ndarray:
    """Return the share of light that each pixel takes from that of the paper around it, (h, w) from 0 to 255.

    A share, because the same ink takes less from paper in the shade. The light of the paper is a closing of the image:
    the closing with a square of half the longer side erases whatever is narrower, such as strokes, and keeps gradients
    and edges of the light (Serra 1982). The image is extended by black, so that gradients survive at the border.
    """
    reach = max(1, max(levels.shape) // 4)
    pads = [min(reach, side) for side in levels.shape]  # a window need not be larger than the picture
    padded = np.pad(levels.astype(np.int16), [(2 * pad, 2 * pad) for pad in pads], constant_values=-1)
    paper = ndimage.grey_closing(padded, [2 * pad + 1 for pad in pads]).astype(np.int64)
    paper = paper[2 * pads[0] : -2 * pads[0], 2 * pads[1] : -2 * pads[1]]
    return np.floor(255 * (paper - levels) / np.maximum(paper, 1) + 0.5).astype(np.int64)


def otsu(levels: np.ndarray) -> int:
    """Return the threshold of Otsu (1979), IEEE Trans. SMC 9, 62: the last level of the lower class."""
    counts = np.bincount(levels.ravel(), minlength=256)
    below, total = np.cumsum(counts), levels.size
    sums = np.cumsum(counts * np.arange(256))
    # The variance between the classes, up to a factor: (total s - sum n)^2 / (n (total - n)).
    difference = (total * sums - sums[-1] * below).astype(np.float64)
    return int(np.argmax(difference**2 / np.maximum(below * (total - below), 1)))


def fit(ink: np.ndarray) -> np.ndarray:
    """Crop ink, (h, w) in [0, 1] and not all 0, scale it to fit 20x20 and centre it: (28, 28) float32, maximum 1."""
    box = ink[ndimage.find_objects((ink > 0).astype(int))[0]]
    height, width = (max(1, int(side * FIT / max(box.shape) + 0.5)) for side in box.shape)
    small = averaging(height, box.shape[0]) @ box @ averaging(width, box.shape[1]).T
    image = np.zeros(SHAPE)
    top, left = corner(small.sum(axis=1), SHAPE[0]), corner(small.sum(axis=0), SHAPE[1])
    image[top : top + height, left : left + width] = small / small.max()
    return image.astype(np.float32)


def averaging(n: int, length: int) -> np.ndarray:
    """Return the (n, length) matrix whose row i averages `length` pixels over the i-th of n equal parts."""
    edges = np.arange(n + 1) * length / n
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(overlap, 0) * n / length


def corner(mass: np.ndarray, side: int) -> int:
    """Return where a profile of masses begins so that its centre is at CENTRE, within an image of `side` pixels."""
    centre = (mass * np.arange(len(mass))).sum() / mass.sum()
    return int(np.clip(np.ceil(CENTRE - 0.5 - centre - TIE), 0, side - len(mass)))
