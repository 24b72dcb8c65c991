import base64
import hashlib
import io
import re

import jinja2
import numpy as np
import pytest
from PIL import Image

from common.errors import PipelineError
from common.params import Normalize
from contracts import tables
from page import templates
from report import MODEL, encode_image, encode_network, list_parameters, show_ambiguous, show_mistakes

ARRAYS = [np.full((784, 3), 0.5, np.float32), np.arange(3, dtype=np.float32), np.ones((3, 2), np.float32)]
ARRAYS.append(np.zeros(2, np.float32))


def test_the_weights_are_little_endian_floats_one_array_after_the_other():
    network = encode_network(MODEL, dict(enumerate(ARRAYS)), 2)
    assert network["sizes"] == [784, 3, 2]
    floats = np.frombuffer(base64.b64decode(network["weights"]), "<f4")
    np.testing.assert_array_equal(floats, np.concatenate([array.ravel() for array in ARRAYS]))


@pytest.mark.parametrize(
    ("arrays", "classes"), [(ARRAYS, 10), (ARRAYS[:3], 2), (ARRAYS[2:], 2), ([ARRAYS[0].T, *ARRAYS[1:]], 2), ([], 2)]
)
def test_layers_that_do_not_lead_from_pixels_to_digits_are_an_error(arrays, classes):
    with pytest.raises(PipelineError, match=f"expected dense layers from 784 pixels to {classes} outputs, found"):
        encode_network(MODEL, dict(enumerate(arrays)), classes)


def test_an_image_survives_the_way_into_the_page():
    image = (np.arange(784).reshape(28, 28) % 256 / np.float32(255)).astype(np.float32)
    shown = np.array(Image.open(io.BytesIO(base64.b64decode(encode_image(image)))))
    np.testing.assert_array_equal(shown / np.float32(255), image)


def test_galleries_say_what_an_image_is_and_what_it_was_taken_for():
    images, names = np.zeros((9, 28, 28), np.float32), ["zero", "one", "two"]
    wrong = {"loss": 0.1}
    rows = [
        tables.Prediction(*row, **wrong) for row in [(0, 1, 1, 0.9), (1, 1, 2, 0.6), (2, 0, 2, 0.8), (3, 2, 0, 0.8)]
    ]
    worst = tables.most_confident_mistakes(rows, 2)
    assert [row.index for row in worst] == [2, 3]
    assert [image["line"] for image in show_mistakes(worst, images, names)] == [
        "zero predicted as two",
        "two predicted as zero",
    ]
    (image,) = show_ambiguous([tables.Ambiguous(8, 0, 1, 0.5, 2, 0.49)], images, names)
    assert image["line"] == "one or two? It is zero"
    assert image["shares"] == "50.0\xa0%, 49.0\xa0%"


def test_a_value_that_a_template_uses_and_nobody_gives_is_an_error(tmp_path):
    with pytest.raises(jinja2.UndefinedError):
        templates.save(tmp_path / "index.html", "index.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "amount", "words"),
    [
        ("rotated", -15, "rotated 15° clockwise"),
        ("stroke width", 2, "strokes 2 px wider"),
        ("stroke width", -1, "strokes 1 px thinner"),
        ("shifted", 3, "shifted by 3 px"),
        ("blank", 0, "blank"),
    ],
)
def test_a_change_is_told_in_words(change, amount, words):
    assert templates.change(tables.Robustness(change, amount, 1, 1.0, 1.0)) == words


def test_parameters_are_listed_as_dvc_names_them():
    assert list_parameters(Normalize(validation_fraction=0.2, seed=3)) == [
        ("normalize.validation_fraction", 0.2),
        ("normalize.seed", 3),
    ]


def test_the_page_names_the_model_in_it_and_loads_nothing_from_elsewhere(finished):
    page = (finished / "reports/index.html").read_text()
    assert hashlib.sha256((finished / "models/model.keras").read_bytes()).hexdigest() in page
    assert set(re.findall(r'(?:src|href)="([^"]{0,11})', page)) <= {"data:image/", "data:,", "model_card."} | set(
        re.findall(r'href="(#[a-z-]+)"', page)
    )
    assert "http" not in page.replace("http-equiv", "")
    assert all(re.search(rf'id="{target}"', page) for target in re.findall(r'href="#([a-z-]+)"', page))
