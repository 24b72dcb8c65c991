"""Pictures as people take them, drawn with a seed: digits in many hands on many papers, and what is no digit.

Each kind of KINDS is a function of a `Pen` that returns ink, (h, w) in [0, 1], and the digits in it; `photograph` puts
the ink on lit, noisy paper. Hands are the test images of MNIST, the digits of UCI (scikit-learn) and fonts of Debian.
"""

import string
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

FONTS = Path("/usr/share/fonts")
# Packages: fonts-dancingscript -humor-sans -lobster -lobstertwo -comic-neue -breip -ecolier-court -kristi -klee
# -rufscript -sjfonts -tomsontalks -yusei-magic -leckerli-one -femkeklaver
HANDS = [
    "Breip",
    "ComicNeue-Light",
    "ComicNeue-Regular",
    "DancingScript-Bold",
    "DancingScript-Regular",
    "Delphine",
    "Ecolier-court",
    "Humor-Sans",
    "KleeOne-Regular",
    "Kristi",
    "LeckerliOne-Regular",
    "LobsterTwo-Regular",
    "Rufscript010",
    "SteveHand",
    "TomsonTalks",
    "YuseiMagic-Regular",
    "femkeklaver",
    "lobster",
]
PRINTS = ["DejaVuSans", "DejaVuSerif", "LiberationSans-Regular", "LiberationSerif-Italic", "LiberationMono-Regular"]
ALIKE = "BDGIJOQSZbgijloqsyz"  # letters that a person takes for digits, where no word is around them


@cache
def find_fonts(names: tuple[str, ...]) -> list[Path]:
    found = {path.stem: path for path in sorted(FONTS.rglob("*.[to]tf"))}
    return [found[name] for name in names if name in found]


@cache
def load_uci() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


class Pen:
    """A source of glyphs: ink in [0, 1], cropped, `height` pixels high."""

    def __init__(self, random: np.random.Generator, images: np.ndarray, labels: np.ndarray):
        self.random, self.images, self.labels = random, images, labels

    def mnist(self, height: int) -> tuple[np.ndarray, str]:
        i = self.random.integers(len(self.labels))
        return enlarge(self.images[i], height), str(self.labels[i])

    def uci(self, height: int) -> tuple[np.ndarray, str]:
        images, labels = load_uci()
        i = self.random.integers(len(labels))
        return enlarge(images[i].reshape(8, 8) / 16, height), str(labels[i])

    def font(self, names: list[str], text: str, height: int) -> np.ndarray:
        fonts = find_fonts(tuple(names))
        path = str(fonts[self.random.integers(len(fonts))])
        font = ImageFont.truetype(path, 2 * height)
        left, top, right, bottom = font.getbbox(text)
        image = Image.new("L", (right - left + 8, bottom - top + 8))
        ImageDraw.Draw(image).text((4 - left, 4 - top), text, fill=255, font=font)
        return enlarge(np.asarray(image) / 255, height)

    def hand(self, height: int) -> tuple[np.ndarray, str]:
        digit = str(self.random.integers(10))
        return self.font(HANDS, digit, height), digit

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))


def crop(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero((ink > 0.2).any(1)), np.flatnonzero((ink > 0.2).any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def enlarge(ink: np.ndarray, height: int) -> np.ndarray:
    """Scale to `height` pixels, or a wide one to that width."""
    ink = crop(ink)
    scale = height / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    image = Image.fromarray((255 * np.clip(ink, 0, 1)).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image) / 255


def paste(canvas: np.ndarray, glyph: np.ndarray, top: float, left: float) -> None:
    y, x = max(0, round(top)), max(0, round(left))
    part = canvas[y : y + glyph.shape[0], x : x + glyph.shape[1]]
    np.maximum(part, glyph[: part.shape[0], : part.shape[1]], out=part)


def lines(canvas: np.ndarray, pen: Pen, dark: float, spacing: float, squared: bool) -> np.ndarray:
    """Rule the paper, in both directions if squared; lines 1 to 3 pixels wide."""
    width = int(pen.random.integers(1, 4))
    for axis in range(2 if squared else 1):
        for at in np.arange(pen.between(0, spacing), canvas.shape[axis], spacing):
            index = [slice(None)] * 2
            index[axis] = slice(int(at), int(at) + width)
            canvas[tuple(index)] = np.maximum(canvas[tuple(index)], dark)
    return canvas


def single(glyph: Callable) -> Callable:
    def draw(pen: Pen) -> tuple[np.ndarray, str]:
        ink, digit = glyph(pen, int(pen.between(30, 160)))
        height, width = ink.shape
        canvas = np.zeros((int(height * pen.between(1.3, 2.5)), int(max(height, width) * pen.between(1.3, 3))))
        paste(canvas, ink, pen.between(0.1, 0.9) * (canvas.shape[0] - height), (canvas.shape[1] - width) / 2)
        return canvas, digit

    return draw


def row(glyph: Callable, low: int = 4, high: int = 8, decorate: Callable | None = None) -> Callable:
    """Digits in a row, a fifth of their height apart or more; `decorate(canvas, pen, boxes, height)` adds to it."""

    def draw(pen: Pen) -> tuple[np.ndarray, str]:
        height, number = int(pen.between(30, 90)), int(pen.random.integers(low, high + 1))
        pitch, text = height * pen.between(1.25, 1.6), ""
        canvas = np.zeros((int(2.2 * height), int(pitch * (number + 1))))
        boxes = []
        for i in range(number):
            ink, digit = glyph(pen, int(height * pen.between(0.85, 1)))
            top, left = 0.6 * height + pen.between(0, 0.15) * height, pitch * (i + 1) - ink.shape[1] / 2
            paste(canvas, ink, top, left)
            boxes.append((pitch * (i + 0.5), pitch * (i + 1.5)))
            text += digit
        if decorate:
            canvas = decorate(canvas, pen, boxes, height)
        return canvas, text

    return draw


def stroke(canvas: np.ndarray, points: list, width: int, darkness: float = 1) -> np.ndarray:
    image = Image.new("L", canvas.shape[::-1])
    ImageDraw.Draw(image).line([tuple(map(float, p)) for p in points], fill=255, width=width, joint="curve")
    return np.maximum(canvas, np.asarray(image) / 255 * darkness)


def rectangle(canvas: np.ndarray, pen: Pen, box: tuple, width: int) -> np.ndarray:
    top, bottom, left, right = box
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return stroke(canvas, corners, width, pen.between(0.6, 1))


def frames(canvas, pen, boxes, height):
    for left, right in boxes:
        canvas = rectangle(
            canvas, pen, (0.35 * height, 1.95 * height, left + 2, right - 3), int(pen.random.integers(1, 4))
        )
    return canvas


def grid(canvas, pen, boxes, height):
    """A row of cells that share their walls, some of them empty beyond the digits."""
    width, top, bottom = int(pen.random.integers(1, 4)), 0.35 * height, 1.95 * height
    darkness = pen.between(0.6, 1)
    for y in (top, bottom):
        canvas = stroke(canvas, [(boxes[0][0], y), (boxes[-1][1], y)], width, darkness)
    for x in [boxes[0][0], *(right for _, right in boxes)]:
        canvas = stroke(canvas, [(x, top), (x, bottom)], width, darkness)
    return canvas


def phone(canvas, pen, boxes, height):
    """Hyphens between some of the digits."""
    for left, _ in boxes[1::2]:
        middle, length = 1.2 * height, 0.13 * height
        canvas = stroke(
            canvas, [(left - length, middle), (left + length, middle + pen.between(-2, 2))], max(2, height // 12)
        )
    return canvas


def paper(dark: tuple[float, float], squared: bool) -> Callable:
    def decorate(canvas, pen, boxes, height):
        return lines(canvas, pen, pen.between(*dark), height * pen.between(0.4, 1.3), squared)

    return decorate


def framed(pen: Pen) -> tuple[np.ndarray, str]:
    ink, digit = pen.mnist(int(pen.between(40, 140)))
    side = int(max(ink.shape) * pen.between(1.5, 2.4))
    canvas = np.zeros((side + 20, side + 20))
    paste(canvas, ink, (side + 20 - ink.shape[0]) / 2, (side + 20 - ink.shape[1]) / 2)
    return rectangle(canvas, pen, (8, side + 10, 8, side + 10), int(pen.random.integers(1, 5))), digit


def touching(pen: Pen) -> tuple[np.ndarray, str]:
    height = int(pen.between(40, 120))
    (first, one), (second, two) = pen.mnist(height), pen.mnist(height)
    canvas = np.zeros((int(1.6 * height), int(3 * height)))
    top = 0.3 * height
    paste(canvas, first, top, 0.5 * height)
    left = 0.5 * height + first.shape[1]
    while left > 0.5 * height:  # to the left until they meet
        before = canvas.copy()
        paste(canvas, second, top, left)
        if ndimage.label(canvas > 0.4, np.ones((3, 3)))[1] == 1:
            break
        canvas, left = before, left - 1
    return canvas, one + two


def broken(pen: Pen) -> tuple[np.ndarray, str]:
    """A digit with one or two gaps, a tenth of its height or less."""
    canvas, digit = single(Pen.mnist)(pen)
    rows = np.flatnonzero((canvas > 0.2).any(1))
    size = len(rows)
    y, x = np.indices(canvas.shape)
    for _ in range(pen.random.integers(1, 3)):
        angle = pen.between(0, np.pi)
        ink = np.argwhere(canvas > 0.5)
        at = ink[pen.random.integers(len(ink))]
        distance = abs((y - at[0]) * np.cos(angle) + (x - at[1]) * np.sin(angle))
        canvas = canvas * ~((distance < size * pen.between(0.01, 0.035)) & (np.hypot(y - at[0], x - at[1]) < size / 5))
    return canvas, digit


def letter(letters: str) -> Callable:
    def glyph(pen: Pen, height: int) -> tuple[np.ndarray, str]:
        return pen.font(HANDS + PRINTS, letters[pen.random.integers(len(letters))], height), ""

    return single(glyph)


def scribble(pen: Pen) -> tuple[np.ndarray, str]:
    side = int(pen.between(60, 200))
    points = np.cumsum(pen.random.normal(0, 1, (pen.random.integers(8, 40), 2)), axis=0)
    points = ndimage.gaussian_filter1d(np.repeat(points, 6, axis=0), 4, axis=0)
    points = (points - points.min(0)) / max(np.ptp(points, axis=0).max(), 1e-9) * side + 20
    return stroke(np.zeros((side + 40, side + 40)), list(points), int(pen.between(2, side / 12))), ""


def shape(pen: Pen) -> tuple[np.ndarray, str]:
    """A star, square, triangle, arrow, cross, plus, equals, tick, hash, spiral, filled blob, wave, heart or smiley."""
    side = int(pen.between(50, 160))
    polygons = {
        "star": [[(np.sin(k * 0.8 * np.pi), -np.cos(k * 0.8 * np.pi)) for k in range(6)]],
        "square": [[(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]],
        "triangle": [[(0, -1), (1, 0.8), (-1, 0.8), (0, -1)]],
        "arrow": [[(-1, 0), (1, 0)], [(0.5, -0.5), (1, 0), (0.5, 0.5)]],
        "cross": [[(-1, -1), (1, 1)], [(-1, 1), (1, -1)]],
        "plus": [[(-1, 0), (1, 0)], [(0, -1), (0, 1)]],
        "tick": [[(-1, 0.1), (-0.4, 0.8), (1, -0.9)]],
        "hash": [[(-0.4, -1), (-0.4, 1)], [(0.4, -1), (0.4, 1)], [(-1, -0.4), (1, -0.4)], [(-1, 0.4), (1, 0.4)]],
        "spiral": [[(t / 19 * np.cos(t), t / 19 * np.sin(t)) for t in np.linspace(0, 19, 120)]],
        "wave": [[(t, 0.3 * np.sin(4 * np.pi * t)) for t in np.linspace(-1, 1, 60)]],
        "heart": [[(np.sin(t) ** 3, (-13 * np.cos(t) + 5 * np.cos(2 * t) + 2 * np.cos(3 * t) + np.cos(4 * t)) / 16)
                   for t in np.linspace(0, 2 * np.pi, 80)]],
        "blob": [],
    }  # fmt: skip
    name = list(polygons)[pen.random.integers(len(polygons))]
    canvas = np.zeros((side + 40, side + 40))
    if name == "blob":
        y, x = np.indices(canvas.shape) - (side + 40) / 2
        return (np.hypot(y / pen.between(0.6, 1), x / pen.between(0.6, 1)) < side / 2.4).astype(float), ""
    width = max(2, int(side * pen.between(0.04, 0.13)))
    for polygon in polygons[name]:
        canvas = stroke(canvas, [(20 + side * (x + 1) / 2, 20 + side * (y + 1) / 2) for x, y in polygon], width)
    return canvas, ""


def blank(spacing: float = 0, squared: bool = False) -> Callable:
    def draw(pen: Pen) -> tuple[np.ndarray, str]:
        canvas = np.zeros((int(pen.between(60, 400)), int(pen.between(60, 400))))
        return (
            lines(canvas, pen, pen.between(0.2, 1), spacing * pen.between(0.6, 2), squared) if spacing else canvas
        ), ""

    return draw


KINDS: dict[str, Callable[[Pen], tuple[np.ndarray, str]]] = {
    "hand fonts": single(Pen.hand),
    "print fonts": single(
        lambda pen, height: (lambda d: (pen.font(PRINTS, d, height), d))(str(pen.random.integers(10)))
    ),
    "MNIST on paper": single(Pen.mnist),
    "UCI": single(Pen.uci),
    "row": row(Pen.mnist),
    "row, hand fonts": row(Pen.hand),
    "phone number": row(Pen.mnist, 6, 9, phone),
    "ruled, light": row(Pen.mnist, decorate=paper((0.15, 0.35), False)),
    "ruled, dark": row(Pen.mnist, decorate=paper((0.6, 1), False)),
    "squared, light": row(Pen.mnist, decorate=paper((0.15, 0.35), True)),
    "squared, dark": row(Pen.mnist, decorate=paper((0.6, 1), True)),
    "frames": row(Pen.mnist, decorate=frames),
    "one in a frame": framed,
    "sudoku row": row(Pen.mnist, 5, 9, grid),
    "touching pair": touching,
    "broken": broken,
    "letters": letter("".join(c for c in string.ascii_letters if c not in ALIKE)),
    "letters like digits": letter(ALIKE),
    "scribbles": scribble,
    "shapes": shape,
    "blank": blank(),
    "blank, ruled": blank(30),
    "blank, squared": blank(30, True),
}


def photograph(ink: np.ndarray, pen: Pen) -> np.ndarray:
    """Return the picture, (h, w) float32 of whole numbers from 0 to 255: turned a little, lit from a side, noisy."""
    ink = ndimage.rotate(np.pad(ink, 8, mode="edge"), pen.between(-5, 5), reshape=False, order=1, mode="nearest")
    ink = ndimage.gaussian_filter(ink, pen.between(0, 0.012 * min(ink.shape)) if pen.random.random() < 0.5 else 0)
    y, x = np.indices(ink.shape) / np.array(ink.shape)[:, None, None] - 0.5
    angle, fall = pen.between(0, 2 * np.pi), pen.between(0, 0.5)
    light = pen.between(170, 250) * (1 + fall * (y * np.sin(angle) + x * np.cos(angle)) - 0.3 * fall)
    grey = light * (1 - pen.between(0.35, 0.95) * ink)
    if pen.random.random() < 0.2:
        grey = 255 - grey  # chalk
    grey = grey + pen.random.normal(0, pen.between(0, 5), ink.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.float32)
