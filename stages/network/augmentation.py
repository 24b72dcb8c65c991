"""Random deformation of images, the same for the same seed on any CPU.

A cubic B-spline over a coarse grid of control points maps each pixel of the new image to a position in the old one
(free-form deformation: Rueckert et al. 1999, https://doi.org/10.1109/42.796284). A spline reproduces affine maps, so
an affine map of the control points is an affine map of the image. Random moves of single points add the elastic
deformation of Simard et al. 2003 (https://doi.org/10.1109/ICDAR.2003.1227801); their Gaussian of 4 pixels is as wide
as a B-spline with a control point every 7 pixels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from contracts.dataset import SHAPE
from network.pens import change_pen, spoil
from network.sampling import CENTRE, sample

SPACING = 7  # pixels from control point to control point; it divides 28
KNOTS = np.arange(-SPACING, SHAPE[0] + 2 * SPACING, SPACING)  # pixel coordinates of the control points: -7, 0, ... 35
UNIT = 2**10  # steps of a control point in one pixel
CHUNK = 16  # images; intermediate results fit into the CPU cache


class Strength(NamedTuple):
    """The largest deformation of each kind; values are drawn uniformly from minus to plus this."""

    shift: float = 0  # pixels, down and to the right
    rotation: float = 0  # tangent of half the angle
    scale: float = 0  # fraction of the height and, independently, of the width
    shear: float = 0  # pixels to the right for each pixel down
    elastic: float = 0  # pixels, of each control point
    pen: float = 0  # share of the images that another pen has written: thicker, thinner, softer or harder
    ruled: float = 0  # share of the images that the lines of their paper have spoilt


STRENGTHS = {
    "none": Strength(),
    "shift": Strength(shift=2),
    "elastic": Strength(shift=1, rotation=0.08, scale=0.12, shear=0.1, elastic=3),
    "written": Strength(shift=1, rotation=0.08, scale=0.12, shear=0.1, elastic=3, pen=0.7, ruled=0.2),
}


def strength_at(progress: float, kind: str, shares: Sequence[float]) -> Strength:
    """Return STRENGTHS[kind] times the first of two shares at `progress` 0 (first epoch), times the second at 1."""
    first, last = shares
    share = first + (last - first) * progress
    return Strength(*(share * largest for largest in STRENGTHS[kind]))


def spline_weights() -> np.ndarray:
    """Return the weight of each control point for each row of pixels: (28, 7), integers; a row adds up to 6 * 7**3.

    The four cubics of the uniform B-spline with a control point every `h` pixels, `r` pixels after one of them.
    """
    h = SPACING
    first, r = np.divmod(np.arange(SHAPE[0]), h)
    cubics = (
        (h - r) ** 3,
        3 * r**3 - 6 * h * r**2 + 4 * h**3,
        -3 * r**3 + 3 * h * r**2 + 3 * h**2 * r + h**3,
        r**3,
    )
    weights = np.zeros((SHAPE[0], len(KNOTS)))
    for i, cubic in enumerate(cubics):
        weights[np.arange(SHAPE[0]), first + i] = cubic
    return weights


WEIGHTS = spline_weights()
TOTAL = 6 * SPACING**3  # of each row of WEIGHTS


def control_points(n: int, strength: Strength, random: np.random.Generator) -> np.ndarray:
    """Draw the positions of the control points in the old images: (n, 2, 7, 7) float64, row and column.

    Integers in units of 1 / UNIT pixels. Rotations come from the tangent of half the angle, because the last bit
    of a sine differs between CPUs.
    """
    shift_down, shift_right, rotation, height, width, shear = 2 * random.random((6, n, 1, 1)) - 1
    moves = 2 * random.random((n, 2, len(KNOTS), len(KNOTS))) - 1
    tangent = strength.rotation * rotation
    cosine, sine = (1 - tangent**2) / (1 + tangent**2), 2 * tangent / (1 + tangent**2)
    down, right = KNOTS[:, None] - CENTRE, KNOTS - CENTRE
    down, right = (1 + strength.scale * height) * down, (1 + strength.scale * width) * right
    right = right + strength.shear * shear * down
    down, right = cosine * down - sine * right, sine * down + cosine * right
    points = np.stack([down + strength.shift * shift_down, right + strength.shift * shift_right], axis=1)
    return np.rint(UNIT * (points + CENTRE + strength.elastic * moves))


def positions(points: np.ndarray) -> np.ndarray:
    """Return where each pixel comes from, (n, 2, 28, 28) float32 in pixels, for control points (n, 2, 7, 7).

    The products are integers below 2**53, so sums are exact in any order.
    """
    return (WEIGHTS @ (points @ WEIGHTS.T) / (UNIT * TOTAL**2)).astype(np.float32)


def deform(images: np.ndarray, strength: Strength, random: np.random.Generator) -> np.ndarray:
    """Return the images, (n, 28, 28) float32 in [0, 1], each deformed at random, or unchanged for strength 0.

    The result does not depend on CHUNK: all random numbers are drawn before the first pixel is computed.
    """
    if strength == Strength():
        return images
    points = control_points(len(images), strength, random)
    if strength.ruled:
        images = spoil(images, strength.ruled, random)
    if strength.pen:
        images = change_pen(images, strength.pen, random)
    deformed = np.empty_like(images)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        deformed[part] = sample(images[part], positions(points[part]))
    return deformed
