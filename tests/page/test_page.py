"""The page in a real browser. Recognition is tested with the network of the project, if it has been trained."""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import yaml
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from fixtures import PROJECT, succeed
from network.determinism import keras
from reader.reading import network

ONE = [(150, 50), (140, 140), (130, 230)]  # on the paper of 280 x 280
SEVEN = [(75, 60), (205, 60), (170, 130), (135, 230)]
SCREENS = {"phone": (390, 844), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with the project's own results and the page made of them now, by the code that is tested."""
    stage = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]["report"]
    folder = tmp_path_factory.mktemp("trained")
    inputs = [name for name in stage["deps"] if not name.startswith("stages/")]
    for name in [*inputs, "params.yaml", "stages"]:
        if not (PROJECT / name).exists():
            pytest.skip(f"{name} is missing: run `make` first")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (PROJECT / name).is_dir() else shutil.copy)(PROJECT / name, folder / name)
    succeed(folder, "python", "stages/report.py")
    return folder


def prefer(page, feature: str, value: str) -> None:
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": feature, "value": value}]})


@pytest.fixture
def open_page(browser):
    """A function that opens the page of a folder; whatever the test does, the console must stay empty."""
    browser.get_log("browser")
    prefer(browser, "prefers-reduced-motion", "reduce")  # so that scrolling is over at once

    def open_page(folder: Path):
        browser.get((folder / "reports/index.html").as_uri())
        return browser

    yield open_page
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert browser.get_log("browser") == []


def answer(page) -> str:
    return page.find_element(By.ID, "answer").text


def ink(page) -> int:
    """How many pixels of the network's image are not paper."""
    return page.execute_script("return readGrey(document.getElementById('seen'), 28).filter((grey) => grey > 0).length")


def to_screen(page, points: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Points of the paper as points of the window, with the paper scrolled into it."""
    box = page.execute_script(
        "const paper = document.getElementById('paper'); paper.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const { left, top, width } = paper.getBoundingClientRect(); return [left, top, width / 280]"
    )
    return [(box[0] + x * box[2], box[1] + y * box[2]) for x, y in points]


def draw_with_mouse(page, points: list[tuple[int, int]]) -> None:
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


@pytest.mark.parametrize("results", ["finished", "trained"])
def test_the_page_answers_as_keras_does(results, open_page, request):
    folder = request.getfixturevalue(results)
    images = np.load(folder / "data/normalized/test/images.npy", mmap_mode="r")[:200]
    expected = keras.saving.load_model(folder / "models/model.keras").predict(images, verbose=0)
    flat = images.reshape(len(images), -1).astype(float).tolist()
    page = open_page(folder)
    found = page.execute_script("return arguments[0].map((image) => [...predict(network, image)])", flat)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)

    reader = network.load(folder)
    probabilities = network.predict(reader, images)
    answers = [network.answer(row, reader, True) for row in probabilities]
    read = page.execute_script("return arguments[0].map((image) => read({ image, single: true }))", flat)
    np.testing.assert_allclose([each["probabilities"] for each in read], probabilities, atol=1e-5, rtol=0)
    close = [abs(answer.confidence - reader.sure_from) < 1e-5 for answer in answers]
    for each, answer, tie in zip(read, answers, close, strict=True):
        assert (reader.names[each["digit"]], each["sure"]) == (answer.digit, answer.sure) or tie


def test_served_by_a_web_server_the_page_asks_it_for_nothing_else(browser, finished):
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format, *arguments):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=finished / "reports"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        browser.get_log("browser")
        browser.get(f"http://127.0.0.1:{server.server_port}/index.html")
        draw_with_mouse(browser, SEVEN)
        resources = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["/index.html"]
    assert [name for name in resources if not name.startswith("data:")] == []
    assert browser.get_log("browser") == []  # what its Content-Security-Policy refuses would be listed here


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("digit", ["1", "7"])
def test_a_digit_drawn_with_the_mouse_is_recognised(digit, screen, open_page, trained):
    page = open_page(trained)
    width, height = SCREENS[screen]
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    draw_with_mouse(page, {"1": ONE, "7": SEVEN}[digit])
    assert answer(page) == digit


@pytest.mark.parametrize(("digit", "points"), [("1", ONE), ("7", SEVEN)])
def test_a_digit_drawn_with_a_finger_is_recognised_and_does_not_scroll_the_page(digit, points, open_page, trained):
    page = open_page(trained)
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    to_screen(page, points)
    before = page.execute_script("return scrollY")
    draw_with_finger(page, points)
    assert answer(page) == digit
    assert page.execute_script("return scrollY") == before


def test_a_seven_drawn_with_the_keyboard_is_recognised(open_page, trained):
    page = open_page(trained)
    press(page, Keys.ARROW_LEFT * 6, Keys.ARROW_UP * 8, " ", Keys.ARROW_RIGHT * 12)
    press(page, (Keys.ARROW_DOWN * 2 + Keys.ARROW_LEFT) * 8, " ")
    assert answer(page) == "7"
    assert "Drawn: 7" in page.find_element(By.ID, "status").get_attribute("textContent")


def test_the_keyboard_reaches_the_paper_and_takes_strokes_back(open_page, finished):
    page = open_page(finished)
    ActionChains(page).send_keys(Keys.TAB, Keys.ENTER, Keys.TAB).perform()  # the link that skips to the paper
    assert page.switch_to.active_element.get_attribute("id") == "paper"
    assert page.find_element(By.ID, "pen").is_displayed()
    top = page.execute_script("return scrollY")
    press(page, " ", Keys.ARROW_UP * 5, " ")
    one_stroke = ink(page)
    press(page, Keys.ARROW_RIGHT * 5, " ", Keys.ARROW_DOWN * 9, " ")
    assert ink(page) != one_stroke > 0
    assert page.execute_script("return scrollY") == top
    press(page, Keys.BACKSPACE)
    assert ink(page) == one_stroke
    press(page, Keys.ESCAPE)
    assert (ink(page), answer(page)) == (0, "?")


def test_the_buttons_take_back_and_clear(open_page, finished):
    page = open_page(finished)
    assert (ink(page), answer(page)) == (0, "?")
    draw_with_mouse(page, ONE)
    one = ink(page)
    draw_with_mouse(page, SEVEN)
    assert ink(page) != one > 0
    page.find_element(By.ID, "undo").click()
    assert ink(page) == one
    draw_with_mouse(page, [(110, 250), (190, 250)])
    assert ink(page) != one
    page.find_element(By.ID, "clear").click()
    assert (ink(page), answer(page)) == (0, "?")


CROSS = [[(60, 60), (220, 220)], [(220, 60), (60, 220)]]
LETTER = [[(60, 240), (140, 40), (220, 240)], [(95, 160), (185, 160)]]


@pytest.mark.parametrize("strokes", [CROSS, LETTER], ids=["X", "A"])
def test_what_is_no_digit_is_not_sure(strokes, open_page, trained):
    page = open_page(trained)
    for stroke in strokes:
        draw_with_mouse(page, stroke)
    assert answer(page) == "?"
    assert "not sure, perhaps" in page.find_element(By.ID, "confidence").text


def test_several_digits_are_read_from_left_to_right(open_page, trained):
    page = open_page(trained)
    draw_with_mouse(page, [(x / 2 + 145, y / 2 + 40) for x, y in SEVEN])
    draw_with_mouse(page, [(x / 3 + 10, y / 2 + 40) for x, y in ONE])
    assert answer(page) == "17"
    assert page.find_element(By.ID, "confidence").text.startswith("1: ")


def test_a_stroke_is_whole_where_events_do_not_know_those_merged_into_them(open_page, trained):
    """Over plain http and in old browsers."""
    page = open_page(trained)
    page.execute_script("delete PointerEvent.prototype.getCoalescedEvents")
    draw_with_mouse(page, SEVEN)
    assert answer(page) == "7"


@pytest.mark.parametrize("value", ["255", "Math.floor(256 * Math.random())"], ids=["white", "noise"])
def test_a_browser_that_hides_the_canvas_is_named_and_nothing_is_read(value, open_page, finished):
    page = open_page(finished)
    page.execute_script(
        "const original = CanvasRenderingContext2D.prototype.getImageData;"
        "CanvasRenderingContext2D.prototype.getImageData = function (...box) {"
        f"const image = original.apply(this, box); image.data.forEach((_, i) => {{ image.data[i] = {value}; }});"
        "return image; }"
    )
    draw_with_mouse(page, SEVEN)
    assert answer(page) == "?"
    assert "this browser hides drawings" in page.find_element(By.ID, "confidence").text
    page.execute_script("arguments[0].click()", page.find_element(By.CSS_SELECTOR, ".gallery button"))
    assert answer(page) == "?"


def show_phone(page) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 375, "height": 667, "deviceScaleFactor": 2, "mobile": True}
    )


def test_on_a_phone_the_answer_is_in_sight_while_one_draws(open_page, finished):
    page = open_page(finished)
    show_phone(page)
    assert page.find_element(By.ID, "hint").is_displayed()
    draw_with_mouse(page, SEVEN)
    assert not page.find_element(By.ID, "hint").is_displayed()
    page.execute_script("document.getElementById('draw').scrollIntoView()")
    inside = page.execute_script(
        "return ['answer', 'paper', 'clear'].map((id) => document.getElementById(id).getBoundingClientRect())"
        ".every(({ top, bottom }) => top >= 0 && bottom <= innerHeight)"
    )
    assert inside


def test_a_long_class_name_does_not_widen_the_page(open_page, finished):
    page = open_page(finished)
    show_phone(page)
    for name in ("Ankle boot", "Incomprehensible", "0123456789"):
        page.execute_script("showAnswer(arguments[0], 'not sure, perhaps ' + arguments[0], null)", name)
        page.execute_script("document.querySelector('#probabilities th').textContent = arguments[0]", name)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("name", ["none", "Trouser", "incomprehension"])
def test_a_class_name_beside_its_bar_is_one_line(open_page, finished, name):
    page = open_page(finished)
    show_phone(page)
    page.execute_script("document.querySelector('#probabilities th').textContent = arguments[0]", name)
    heights = "return [...document.querySelectorAll('#probabilities th')].map((th) => th.offsetHeight)"
    assert len({*page.execute_script(heights)}) == 1


def test_an_image_of_the_gallery_is_answered_as_the_caption_says(open_page, trained):
    page = open_page(trained)
    button = page.find_element(By.CSS_SELECTOR, ".gallery button")
    digit, share = button.text.split("predicted as ")[1].split("\n")
    page.execute_script("arguments[0].click()", button)
    assert answer(page) == digit
    found = float(page.find_element(By.ID, "confidence").text.split()[0])
    assert found == pytest.approx(float(share.split()[0]), abs=0.06)  # the one has a decimal less


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_the_screen_in_the_colours_that_are_preferred(screen, scheme, open_page, finished):
    page = open_page(finished)
    width, height = SCREENS[screen]
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
    )
    prefer(page, "prefers-color-scheme", scheme)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    brightness = page.execute_script(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert (min(brightness) > 200) == (scheme == "light")


def test_everything_on_the_page_has_a_name(open_page, finished):
    page = open_page(finished)
    assert all(image.get_attribute("alt") for image in page.find_elements(By.TAG_NAME, "img"))
    assert all(element.accessible_name for element in page.find_elements(By.CSS_SELECTOR, "button, a, canvas"))
    assert len(page.find_elements(By.CSS_SELECTOR, "main, header, nav, footer")) == 4
    assert page.execute_script("return document.documentElement.lang") == "en"
    levels = page.execute_script("return [...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
