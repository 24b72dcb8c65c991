"""Draw pictures like those people take, from a seed: digits in many hands on many papers, and ink without digits.

Each entry of KINDS is a function from a Pen to the ink on a page, (h, w) float64 in [0, 1], and its text: digits, marks
between them, `\\n` between lines of writing. `photograph` puts the ink on lit, noisy paper. The hands are MNIST's test
images, the digits of UCI (scikit-learn) and fonts of Debian, none of which the reader is trained on.
"""

import string
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

FONTS = Path("/usr/share/fonts")
# Packages: fonts-dancingscript -humor-sans -lobster -lobstertwo -comic-neue -breip -ecolier-court -kristi -klee
# -rufscript -sjfonts -tomsontalks -yusei-magic -leckerli-one -femkeklaver
HANDS = [
    *("Breip", "ComicNeue-Light", "ComicNeue-Regular", "DancingScript-Bold", "DancingScript-Regular", "Delphine"),
    *("Ecolier-court", "Humor-Sans", "KleeOne-Regular", "Kristi", "LeckerliOne-Regular", "LobsterTwo-Regular"),
    *("Rufscript010", "SteveHand", "TomsonTalks", "YuseiMagic-Regular", "femkeklaver", "lobster"),
]
PRINTS = ["DejaVuSans", "DejaVuSerif", "LiberationSans-Regular", "LiberationSerif-Italic", "LiberationMono-Regular"]
SAME = "IOSZbgloqsz"  # letters that no person can tell from digits without a word around them
ALIKE = "BDGJQijy"  # letters much like digits

Drawing = tuple[np.ndarray, str]


@cache
def find_fonts(names: tuple[str, ...]) -> list[Path]:
    found = {path.stem: path for path in sorted(FONTS.rglob("*.[to]tf"))}
    return [found[name] for name in names if name in found]


@cache
def has(font: Path, text: str) -> bool:
    """Whether a font has all characters of a text; in place of others it draws a box."""
    glyphs = [bytes(ImageFont.truetype(str(font), 20).getmask(character)) for character in [*text, "\uffff"]]
    return glyphs[-1] not in glyphs[:-1]


@cache
def load_uci() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


class Pen:
    """A source of glyphs: ink in [0, 1], cropped, `height` pixels high."""

    def __init__(self, random: np.random.Generator, images: np.ndarray, labels: np.ndarray):
        self.random, self.images, self.labels = random, images, labels

    def mnist(self, height: int) -> Drawing:
        i = self.random.integers(len(self.labels))
        return enlarge(self.images[i], height), str(self.labels[i])

    def uci(self, height: int) -> Drawing:
        images, labels = load_uci()
        i = self.random.integers(len(labels))
        return enlarge(images[i].reshape(8, 8) / 16, height), str(labels[i])

    def font(self, names: list[str], height: int, text: str | None = None) -> Drawing:
        """Typeset a text, or a digit, in one of the fonts; the height is that of its digits."""
        text = text or self.digits(1)
        fonts = [path for path in find_fonts(tuple(names)) if has(path, text)]
        font = ImageFont.truetype(str(fonts[self.random.integers(len(fonts))]), 2 * height)
        left, top, right, bottom = font.getbbox(text)
        image = Image.new("L", (round(right - left) + 8, round(bottom - top) + 8))
        ImageDraw.Draw(image).text((4 - left, 4 - top), text, fill=255, font=font)
        tall = font.getbbox("".join(c for c in text if c.isdigit()) or text)
        ink = np.asarray(image) / 255
        return enlarge(ink, height if len(text) == 1 else round(height * len(crop(ink)) / (tall[3] - tall[1]))), text

    def digits(self, number: int) -> str:
        return "".join(map(str, self.random.integers(10, size=number)))

    def between(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))


def crop(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero((ink > 0.2).any(1)), np.flatnonzero((ink > 0.2).any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def enlarge(ink: np.ndarray, height: int) -> np.ndarray:
    """Scale to `height` pixels, or a single wide glyph to that width."""
    ink = crop(ink)
    scale = height / (max(ink.shape) if ink.shape[1] < 2 * ink.shape[0] else ink.shape[0])
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    image = Image.fromarray((255 * np.clip(ink, 0, 1)).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image) / 255


def paste(canvas: np.ndarray, glyph: np.ndarray, top: float, left: float) -> None:
    y, x = max(0, round(top)), max(0, round(left))
    part = canvas[y : y + glyph.shape[0], x : x + glyph.shape[1]]
    np.maximum(part, glyph[: part.shape[0], : part.shape[1]], out=part)


def stroke(canvas: np.ndarray, points: list, width: float, darkness: float = 1) -> np.ndarray:
    image = Image.new("L", canvas.shape[::-1])
    ImageDraw.Draw(image).line(
        [tuple(map(float, p)) for p in points], fill=255, width=max(1, int(width)), joint="curve"
    )
    return np.maximum(canvas, np.asarray(image) / 255 * darkness)


def single(glyph: Callable[[Pen, int], Drawing], pen: Pen) -> Drawing:
    ink, text = glyph(pen, int(pen.between(30, 160)))
    height, width = ink.shape
    canvas = np.zeros((int(height * pen.between(1.3, 2.5)), int(max(height, width) * pen.between(1.3, 3))))
    paste(canvas, ink, pen.between(0.1, 0.9) * (canvas.shape[0] - height), (canvas.shape[1] - width) / 2)
    return canvas, text


Decorate = Callable[[np.ndarray, Pen, list[tuple[float, float]], int], np.ndarray]


def row(
    glyph: Callable[[Pen, int], Drawing],
    pen: Pen,
    low: int = 4,
    high: int = 8,
    decorate: Decorate | None = None,
    height: int = 0,
    tall: float = 1,
) -> Drawing:
    """Digits in a row, a fifth of their height apart or more; `decorate(canvas, pen, boxes, height)` adds to it.

    tall: height of the last digit, in heights of the others; it hangs below the line.
    """
    height, number = height or int(pen.between(30, 90)), int(pen.random.integers(low, high + 1))
    pitch, text = height * pen.between(1.25, 1.6), ""
    canvas = np.zeros((int((1.2 + tall) * height), int(pitch * (number + 1))))
    boxes = []
    for i in range(number):
        ink, digit = glyph(pen, int(height * pen.between(0.85, 1) * (tall if i == number - 1 else 1)))
        paste(canvas, ink, 0.6 * height + pen.between(0, 0.15) * height, pitch * (i + 1) - ink.shape[1] / 2)
        boxes.append((pitch * (i + 0.5), pitch * (i + 1.5)))
        text += digit
    return (decorate(canvas, pen, boxes, height) if decorate else canvas), text


def rectangle(canvas: np.ndarray, box: tuple, width: int, darkness: float) -> np.ndarray:
    top, bottom, left, right = box
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return stroke(canvas, corners, width, darkness)


def frames(canvas, pen, boxes, height):
    for left, right in boxes:
        box = (0.35 * height, 1.95 * height, left + 2, right - 3)
        canvas = rectangle(canvas, box, int(pen.random.integers(1, 4)), pen.between(0.6, 1))
    return canvas


def grid(canvas, pen, boxes, height):
    """A row of cells that share their walls."""
    width, darkness = int(pen.random.integers(1, 4)), pen.between(0.6, 1)
    for left, right in boxes:
        canvas = rectangle(canvas, (0.35 * height, 1.95 * height, left, right), width, darkness)
    return canvas


def rule(canvas: np.ndarray, pen: Pen, dark: float, spacing: float, squared: bool) -> np.ndarray:
    """Rule the paper, in both directions if squared; lines 1 to 3 pixels wide."""
    width = int(pen.random.integers(1, 4))
    for axis in range(2 if squared else 1):
        for at in np.arange(pen.between(0, spacing), canvas.shape[axis], spacing):
            index = [slice(None)] * 2
            index[axis] = slice(int(at), int(at) + width)
            canvas[tuple(index)] = np.maximum(canvas[tuple(index)], dark)
    return canvas


def paper(dark: tuple[float, float], spacing: tuple[float, float] = (0.4, 1.3), squared: bool = False) -> Decorate:
    """Return a function that rules the paper; spacing: in heights of the digits."""
    return lambda canvas, pen, boxes, height: rule(
        canvas, pen, pen.between(*dark), height * pen.between(*spacing), squared
    )


def framed(pen: Pen) -> Drawing:
    ink, digit = pen.mnist(int(pen.between(40, 140)))
    side = int(max(ink.shape) * pen.between(1.5, 2.4))
    canvas = np.zeros((side + 20, side + 20))
    paste(canvas, ink, (side + 20 - ink.shape[0]) / 2, (side + 20 - ink.shape[1]) / 2)
    width, darkness = int(pen.random.integers(1, 5)), pen.between(0.6, 1)
    return rectangle(canvas, (8, side + 10, 8, side + 10), width, darkness), digit


def written(pen: Pen, text: str, glyph: Callable[[Pen, int], Drawing] = Pen.mnist) -> Drawing:
    """Write a text of digits and marks; its digits are replaced by random ones, and its marks are drawn by hand."""
    height, said = int(pen.between(30, 90)), ""
    gap, width = height * pen.between(0.25, 0.5), max(2, height * pen.between(0.07, 0.12))
    lean, tall = pen.between(0.2, 0.6), pen.between(1.15, 1.5)
    canvas, left = np.zeros((int(2.8 * height), int((len(text) + 1) * 1.6 * height))), 0.6 * height
    top, base = 0.9 * height, 1.9 * height
    for character in text:
        if character.isdigit():
            ink, digit = glyph(pen, int(height * pen.between(0.9, 1)))
            paste(canvas, ink, base - ink.shape[0], left)
            left, said = left + ink.shape[1] + gap, said + digit
            continue
        said, over, middle = said + character, (tall - 1) * height / 2, (top + base) / 2
        if character == "/":
            size = lean * tall * height
            canvas = stroke(canvas, [(left + size, top - over), (left, base + over)], width)
        elif character == "|":
            size, tilt = width, pen.between(-0.03, 0.03) * height
            canvas = stroke(canvas, [(left + tilt, top - over), (left - tilt, base + over)], width)
        elif character == "-":
            size, y = height * pen.between(0.3, 0.6), middle + pen.between(-0.08, 0.08) * height
            canvas = stroke(canvas, [(left, y), (left + size, y + pen.between(-0.05, 0.05) * height)], width)
        elif character in "()":
            size = height * pen.between(0.2, 0.35)
            t = np.linspace(-1, 1, 25)
            x = size * t**2 if character == "(" else size * (1 - t**2)
            canvas = stroke(canvas, list(zip(left + x, middle + t * (height / 2 + over), strict=True)), width)
        else:
            size = 1.6 * width
            drop = height * pen.between(0.12, 0.25) if character == "," else 0.02 * height
            canvas = stroke(canvas, [(left + size, base - 0.5 * width), (left + size - 0.4 * drop, base + drop)], size)
        left += size + gap
    return canvas[:, : int(left + 0.4 * height)], said


def typeset(pen: Pen, text: str) -> Drawing:
    return single(lambda pen, height: pen.font(HANDS + PRINTS, min(height, 90), text), pen)


def phone(pen: Pen) -> str:
    return "-".join(pen.digits(n) for n in pen.random.integers(2, 4, pen.random.integers(2, 4)))


def date(pen: Pen) -> str:
    day, month, year = pen.random.integers([1, 1, 1950], [29, 13, 2030]).tolist()
    return f"{day:02}/{month:02}/{year}"


def decimal(pen: Pen) -> str:
    return f"{pen.digits(pen.random.integers(1, 4))}{'.,'[pen.random.integers(2)]}{pen.digits(2)}"


def signed(pen: Pen) -> str:
    return f"-{pen.digits(pen.random.integers(1, 5))}"


def bracketed(pen: Pen) -> str:
    return f"({pen.digits(3)}){pen.digits(pen.random.integers(0, 4))}"


def barred(pen: Pen) -> str:
    return "|".join(pen.digits(n) for n in pen.random.integers(1, 4, pen.random.integers(2, 4)))


def two_lines(pen: Pen, turn: tuple[float, float] = (0, 0), tall: float = 1) -> Drawing:
    height = int(pen.between(30, 70))
    first, one = row(Pen.mnist, pen, 4, 7, height=height, tall=tall)
    second, two = row(Pen.mnist, pen, 2 if tall > 1 else 4, 3 if tall > 1 else 7, height=height)
    pitch = height * pen.between(1.4, 1.9)
    canvas = np.zeros((int(pitch) + max(first.shape[0], second.shape[0]), max(first.shape[1], second.shape[1])))
    paste(canvas, first, 0, 0)
    paste(canvas, second, pitch, pen.between(0, 0.3) * height)
    angle = pen.between(*turn) * pen.random.choice([-1, 1])
    return ndimage.rotate(canvas, angle, reshape=True, order=1), f"{one}\n{two}"


def touching(pen: Pen) -> Drawing:
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


def broken(pen: Pen) -> Drawing:
    """A digit with one or two gaps, a tenth of its height or less."""
    canvas, digit = single(Pen.mnist, pen)
    size = len(np.flatnonzero((canvas > 0.2).any(1)))
    y, x = np.indices(canvas.shape)
    for _ in range(pen.random.integers(1, 3)):
        angle = pen.between(0, np.pi)
        ink = np.argwhere(canvas > 0.5)
        at = ink[pen.random.integers(len(ink))]
        distance = abs((y - at[0]) * np.cos(angle) + (x - at[1]) * np.sin(angle))
        canvas = canvas * ~((distance < size * pen.between(0.01, 0.035)) & (np.hypot(y - at[0], x - at[1]) < size / 5))
    return canvas, digit


def letter(letters: str, pen: Pen) -> Drawing:
    ink, _ = single(lambda pen, height: pen.font(HANDS + PRINTS, height, pen.random.choice(list(letters))), pen)
    return ink, ""


def scribble(pen: Pen) -> Drawing:
    side = int(pen.between(60, 200))
    points = np.cumsum(pen.random.normal(0, 1, (pen.random.integers(8, 40), 2)), axis=0)
    points = ndimage.gaussian_filter1d(np.repeat(points, 6, axis=0), 4, axis=0)
    points = (points - points.min(0)) / max(np.ptp(points, axis=0).max(), 1e-9) * side + 20
    return stroke(np.zeros((side + 40, side + 40)), list(points), pen.between(2, side / 12)), ""


def blank(spacing: float, squared: bool, pen: Pen) -> Drawing:
    canvas = np.zeros((int(pen.between(60, 400)), int(pen.between(60, 400))))
    if spacing:
        canvas = rule(canvas, pen, pen.between(0.2, 1), spacing * pen.between(0.6, 2), squared)
    return canvas, ""


def hand(pen: Pen, height: int) -> Drawing:
    return pen.font(HANDS, height)


def upright(pen: Pen, height: int) -> Drawing:
    """A digit of MNIST, or in 30 % of cases an upright stroke as a 1."""
    if pen.random.random() < 0.7:
        return pen.mnist(height)
    canvas, lean = np.zeros((height, height)), pen.between(-0.1, 0.25) * height / 2
    middle, width = height / 2, max(2, height * pen.between(0.05, 0.14))
    return crop(stroke(canvas, [(middle + lean, 0), (middle - lean, height)], width)), "1"


def as_kinds(name: str, text: Callable[[Pen], str]) -> dict[str, Callable[[Pen], Drawing]]:
    """Return two kinds of a text with marks: written by hand, and in fonts."""
    return {name: lambda pen: written(pen, text(pen)), f"{name}, fonts": lambda pen: typeset(pen, text(pen))}


LIGHT, DARK = (0.15, 0.35), (0.6, 1)
KINDS: dict[str, Callable[[Pen], Drawing]] = {
    "hand fonts": partial(single, hand),
    "print fonts": partial(single, lambda pen, height: pen.font(PRINTS, height)),
    "MNIST on paper": partial(single, Pen.mnist),
    "UCI": partial(single, Pen.uci),
    "row": partial(row, Pen.mnist),
    "row, hand fonts": partial(row, hand),
    "ruled, light": partial(row, Pen.mnist, decorate=paper(LIGHT)),
    "ruled, dark": partial(row, Pen.mnist, decorate=paper(DARK)),
    "across the lines": partial(row, upright, decorate=paper((0.2, 1), spacing=(0.35, 0.6))),
    "squared, light": partial(row, Pen.mnist, decorate=paper(LIGHT, squared=True)),
    "squared, dark": partial(row, Pen.mnist, decorate=paper(DARK, squared=True)),
    "frames": partial(row, Pen.mnist, decorate=frames),
    "one in a frame": framed,
    "sudoku row": partial(row, Pen.mnist, low=5, high=9, decorate=grid),
    "two lines": two_lines,
    "two lines, turned": partial(two_lines, turn=(3, 8)),
    "two lines, one tall": partial(two_lines, tall=1.7),
    "phone numbers": lambda pen: written(pen, phone(pen)),
    **as_kinds("dates", date),
    **as_kinds("decimals", decimal),
    **as_kinds("signs", signed),
    **as_kinds("brackets", bracketed),
    "bars": lambda pen: written(pen, barred(pen)),
    "touching pair": touching,
    "broken": broken,
    "letters": partial(letter, "".join(c for c in string.ascii_letters if c not in ALIKE + SAME)),
    "letters like digits": partial(letter, ALIKE),
    "letters same as digits": partial(letter, SAME),
    "scribbles": scribble,
    "blank": partial(blank, 0, False),
    "blank, ruled": partial(blank, 30, False),
    "blank, squared": partial(blank, 30, True),
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
