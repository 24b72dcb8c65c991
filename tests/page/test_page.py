"""The page in a real browser, with a small MNIST and the project's reader in it."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image, ImageDraw
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from reader.reading import network
from reader.reading.page import find_symbols

ONE = [(150, 50), (140, 140), (130, 230)]  # on the paper of 280 x 280
SEVEN = [(75, 60), (205, 60), (170, 130), (135, 230)]
LETTER = [[(60, 240), (140, 40), (220, 240)], [(95, 160), (185, 160)]]
EQUALS = [[(60, 100), (220, 100)], [(60, 170), (220, 170)]]
PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture
def open_page(browser, finished):
    """A function that opens the page on a screen; whatever the test does, the console must stay empty."""
    browser.get_log("browser")

    def open_page(screen: tuple[int, int] = DESK, scheme: str = "light"):
        features = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")]
        emulated = {"features": [{"name": name, "value": value} for name, value in features]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
        size = {"width": screen[0], "height": screen[1], "deviceScaleFactor": 1, "mobile": screen == PHONE}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": screen == PHONE})
        browser.get((finished / "reports/index.html").as_uri())
        return browser

    yield open_page
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert browser.get_log("browser") == []


def answer(page) -> str:
    """The digits that the page reads, "?" for an uncertain one."""
    return "".join(element.text for element in page.find_elements(By.CSS_SELECTOR, "#answer b"))


def text(page, id: str) -> str:
    return page.find_element(By.ID, id).get_attribute("textContent").replace("\xa0", " ")


def strokes(page) -> list[int]:
    """The number of points of each stroke."""
    return page.execute_script("return strokes.map((stroke) => stroke.length)")


def to_screen(page, points: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Points of the paper as points of the window, with the paper scrolled into it."""
    left, top, scale = page.execute_script(
        "const paper = document.getElementById('paper'); paper.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const { left, top, width } = paper.getBoundingClientRect(); return [left, top, width / 280]"
    )
    return [(left + x * scale, top + y * scale) for x, y in points]


def draw_with_mouse(page, *strokes: list[tuple[int, int]]) -> None:
    for points in strokes:
        (start, *rest) = to_screen(page, points)
        chain = ActionChains(page, duration=50)
        chain.w3c_actions.pointer_action.move_to_location(*map(round, start))
        chain.w3c_actions.pointer_action.pointer_down()
        for point in rest:
            chain.w3c_actions.pointer_action.move_to_location(*map(round, point))
        chain.w3c_actions.pointer_action.pointer_up()
        chain.perform()


def draw_with_finger(page, points: list[tuple[int, int]]) -> None:
    kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
    for kind, (x, y) in zip(kinds, to_screen(page, points), strict=True):
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def press(page, *keys: str) -> None:
    page.execute_script("document.getElementById('paper').focus()")
    ActionChains(page).send_keys("".join(keys)).perform()


def test_the_page_answers_as_the_reader_does(open_page, finished):
    images = np.load(finished / "data/normalized/test/images.npy")
    reader = network.load(finished)
    expected = network.predict(reader, images)
    found = open_page().execute_script(
        "return arguments[0].map((image) => read(reader, { image, single: true }))",
        images.reshape(len(images), -1).astype(float).tolist(),
    )
    np.testing.assert_allclose([each["probabilities"] for each in found], expected, atol=1e-5, rtol=0)
    answers = [network.answer(row, reader, True) for row in expected]
    assert [(str(each["digit"]), each["sure"]) for each in found] == [(each.digit, each.sure) for each in answers]


def draw_several(scale: int) -> Image.Image:
    """Two lines: 1, a hyphen, a broken 5 with its hat, a speck; a wide zigzag, a blob."""
    image = Image.new("L", (150 * scale, 140 * scale), 255)
    draw = ImageDraw.Draw(image)
    for stroke in (
        [15, 15, 15, 55],
        [35, 35, 50, 36],
        [60, 22, 60, 38, 85, 38, 85, 58, 60, 58],
        [64, 12, 88, 12],
        [110, 20, 112, 20],
        [15, 85, 25, 120, 40, 85, 55, 120, 70, 85, 80, 120],
    ):
        draw.line([scale * side for side in stroke], fill=0, width=5 * scale)
    draw.ellipse([scale * side for side in (100, 80, 135, 118)], fill=0)
    return image


def test_the_page_finds_the_digits_that_the_reader_finds(open_page):
    grey = np.asarray(draw_several(4).resize((150, 140), Image.Resampling.BOX), np.float32)
    found = open_page().execute_script(
        "return findDigits(arguments[0], 150, 140).map(({ image, single }) => [[...image], single])",
        (1 - grey / 255).ravel().tolist(),
    )
    expected = find_symbols(grey).digits
    assert [single for _, single in found] == [digit.single for digit in expected] == [True, True, False, False]
    for (image, _), digit in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.reshape(image, (28, 28)), digit.image, rtol=0, atol=0.02)


def test_served_by_a_web_server_the_page_asks_it_for_nothing_else(browser, finished):
    """Over plain http, and in old browsers, events do not know those that were merged into them."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format, *arguments):
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=finished / "reports")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.get_log("browser")
        browser.get(f"http://127.0.0.1:{server.server_port}/index.html")
        browser.execute_script("delete PointerEvent.prototype.getCoalescedEvents")
        draw_with_mouse(browser, SEVEN)
        assert answer(browser) == "7"
        server.shutdown()
    assert asked == ["/index.html"]
    assert browser.get_log("browser") == []  # what its Content-Security-Policy refuses would be listed here


def test_a_digit_drawn_with_the_mouse_is_recognised_and_taken_back_by_the_buttons(open_page):
    page = open_page()
    hint, chances, undo, clear = (page.find_element(By.ID, name) for name in ("hint", "chances", "undo", "clear"))
    draw_with_mouse(page, SEVEN)
    assert answer(page) == "7"
    draw_with_mouse(page, [(20, 50), (20, 230)])
    assert answer(page) == "17"
    undo.click()
    assert (answer(page), hint.is_displayed(), chances.is_displayed(), clear.is_enabled()) == ("7", False, True, True)
    clear.click()
    assert (text(page, "answer"), hint.is_displayed(), chances.is_displayed()) == ("", True, False)
    assert (undo.is_enabled(), clear.is_enabled()) == (False, False)


def test_on_a_phone_a_finger_draws_several_digits_while_paper_and_answer_stay_where_they_are(open_page):
    page = open_page(PHONE)
    boxes = (
        "document.getElementById('draw').querySelector('.desk').scrollIntoView();"
        "return ['answer', 'paper', 'clear'].map((id) => document.getElementById(id).getBoundingClientRect())"
        ".map(({ top, bottom }) => [top + scrollY, bottom + scrollY, top > -1 && bottom < innerHeight])"
    )
    before = page.execute_script(boxes)
    assert all(inside for _, _, inside in before)
    digits = [[(x / 3 + 80 * i, y / 2 + 40) for x, y in shape] for i, shape in enumerate([ONE, ONE, LETTER[0]])]
    for points in digits:
        to_screen(page, points)
        scrolled = page.execute_script("return scrollY")
        draw_with_finger(page, points)
        assert page.execute_script("return scrollY") == scrolled
    assert answer(page) == "11?"
    assert text(page, "whose") == "Probabilities of the framed one, 3 of 3"
    assert page.execute_script(boxes) == before


def test_the_keyboard_reaches_the_paper_draws_and_takes_strokes_back(open_page):
    page = open_page()
    ActionChains(page).send_keys(Keys.TAB, Keys.ENTER, Keys.TAB).perform()  # the link that skips to the paper
    assert page.switch_to.active_element.get_attribute("id") == "paper"
    assert page.find_element(By.ID, "pen").is_displayed()
    top = page.execute_script("return scrollY")
    press(page, Keys.ARROW_LEFT * 6, Keys.ARROW_UP * 8, " ", Keys.ARROW_RIGHT * 12)
    press(page, (Keys.ARROW_DOWN * 2 + Keys.ARROW_LEFT) * 8, " ")
    assert answer(page) == "7"
    assert text(page, "status").startswith("Drawn: 7, 9")
    press(page, Keys.ARROW_RIGHT * 5, " ", Keys.ARROW_UP * 3, " ")
    assert len(strokes(page)) == 2
    press(page, Keys.BACKSPACE)
    assert (len(strokes(page)), answer(page)) == (1, "7")
    press(page, Keys.ESCAPE)
    assert (strokes(page), text(page, "status")) == ([], "Cleared: nothing drawn")
    assert page.execute_script("return scrollY") == top


def test_a_shape_that_is_not_a_digit_is_reported_as_such(open_page):
    page = open_page()
    draw_with_mouse(page, *EQUALS)
    assert text(page, "answer") == "Nothing here looks like a digit."
    page.find_element(By.ID, "clear").click()
    draw_with_mouse(page, *LETTER)
    assert answer(page) == "?"
    assert "not a digit, " in text(page, "answer")
    assert page.find_element(By.CSS_SELECTOR, "#probabilities .best th").text == "not a digit"


def test_a_browser_that_hides_the_canvas_is_named_and_nothing_is_read(open_page):
    page = open_page()
    page.execute_script(
        "const original = CanvasRenderingContext2D.prototype.getImageData;"
        "CanvasRenderingContext2D.prototype.getImageData = function (...box) {"
        "const image = original.apply(this, box); image.data.fill(255); return image; }"
    )
    draw_with_mouse(page, SEVEN)
    assert text(page, "answer").startswith("This browser hides drawings")


SEND = """
for (const [type, id, x, y, more] of arguments[0]) {
  const box = paper.getBoundingClientRect();
  const at = { clientX: box.left + x * box.width / 280, clientY: box.top + y * box.height / 280 };
  const kind = { pointerId: id, isPrimary: true, button: 0, ...at, ...more };
  paper.dispatchEvent(new PointerEvent(`pointer${type}`, kind));
}
update();
"""


def send(page, *events: tuple) -> None:
    """Send pointer events to the paper, each (type, id of the pointer, x, y, other properties)."""
    page.execute_script(SEND, [[*event, *[{}] * (5 - len(event))] for event in events])


def test_each_pointer_draws_and_ends_its_own_stroke_but_not_a_second_finger_or_another_button(open_page):
    page = open_page()
    for x in (40, 90):  # of a program, which cannot be captured
        send(page, ("down", 99, x, 20), ("move", 99, x, 90), ("move", 99, x, 160), ("up", 99, x, 160))
        send(page, ("move", 99, 250, 250))
    assert strokes(page) == [3, 3]
    send(page, ("down", 5, 20, 20), ("move", 5, 20, 90), ("cancel", 5, 20, 90), ("move", 5, 90, 90))
    assert strokes(page)[2:] == [2]
    mouse = {"pointerType": "mouse", "buttons": 0}  # released outside the window
    send(page, ("down", 6, 40, 20), ("move", 6, 70, 90, mouse), ("move", 6, 99, 99))
    send(page, ("down", 7, 60, 20), ("down", 8, 80, 20), ("move", 7, 60, 90), ("move", 8, 80, 90), ("up", 8, 80, 90))
    assert strokes(page)[3:] == [1, 1, 2]
    second = {"isPrimary": False}
    send(page, ("down", 1, 50, 20), ("down", 2, 90, 20, second), ("move", 1, 50, 90), ("move", 2, 90, 90, second))
    send(page, ("up", 2, 90, 90, second), ("move", 1, 50, 160), ("up", 1, 50, 160))
    send(page, ("down", 3, 90, 20, {"button": 2}), ("move", 3, 90, 90))
    assert strokes(page)[6:] == [3]


def everything_has_a_name(page) -> None:
    assert all(image.get_attribute("alt") for image in page.find_elements(By.TAG_NAME, "img"))
    assert all(element.accessible_name for element in page.find_elements(By.CSS_SELECTOR, "button, a, canvas"))
    assert page.execute_script("return document.documentElement.lang") == "en"
    levels = page.execute_script("return [...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize(("screen", "scheme"), [(PHONE, "dark"), (DESK, "light")], ids=["phone", "desk"])
def test_the_page_fits_the_screen_in_the_colours_that_are_preferred(screen, scheme, open_page):
    page = open_page(screen, scheme)
    html = page.find_element(By.TAG_NAME, "html")
    if screen == DESK:
        assert html.get_property("scrollHeight") <= 6000
    else:
        everything_has_a_name(page)
        touched = page.find_elements(By.CSS_SELECTOR, "a:not(.skip), button, summary")
        assert [e.text for e in touched if e.is_displayed() and min(e.size.values()) < 44] == []
    page.execute_script("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    for element in [html, *page.find_elements(By.CSS_SELECTOR, ".scroll:has(img)")]:
        assert element.get_property("scrollWidth") <= element.get_property("clientWidth")
    brightness = page.execute_script(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert (min(brightness) > 200) == (scheme == "light")


def test_the_gallery_shows_eight_images_and_more_and_each_shows_its_probabilities_in_place(open_page):
    page = open_page()
    tiles = page.find_elements(By.CSS_SELECTOR, "#mistakes .gallery details")
    shown = [tile for tile in tiles if tile.is_displayed()]
    assert len(shown) == 6 + 8  # of six mistakes and 24 ambiguous images
    page.find_element(By.CSS_SELECTOR, ".more summary").click()
    assert len([tile for tile in tiles if tile.is_displayed()]) == 6 + 24
    shown[0].find_element(By.TAG_NAME, "summary").click()
    actual, predicted = shown[0].find_element(By.TAG_NAME, "span").text.split(" predicted as ")
    rows = [row.text.split("\n")[0] for row in shown[0].find_elements(By.CSS_SELECTOR, "tbody tr")]
    assert rows == [predicted, f"{actual}, the right answer", "8 others"]
    shown[1].find_element(By.TAG_NAME, "summary").click()
    assert [tile.get_property("open") for tile in shown[:2]] == [False, True]
