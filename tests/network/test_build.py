import re

import networks

import network.build
from fixtures import PROJECT, dense
from network.build import build
from network.determinism import uncovered


def test_the_seed_decides_the_weights():
    first, same, other = (build(dense(6, 5), 10, seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert not (first[0] == other[0]).all()


def test_the_example_of_the_docs_is_a_network():
    page = (PROJECT / "docs/extending.md").read_text()
    scope = {name: getattr(network.build, name) for name in ("Model", "SHAPE", "keras", "layers")}
    exec(re.search(r"```python\n(def build.*?)```", page, re.DOTALL)[1], scope)
    assert scope["build"](dense(), 7, 0).output_shape == (None, 7)


def test_no_or_eight_hidden_layers_and_three_convolutions_are_a_network():
    for settings in (dense(), dense(*[4] * 8), dense(4).model_copy(update={"convolutions": [2, 2, 2]})):
        assert build(settings, 5, 0).output_shape == (None, 5)


def test_the_network_of_the_project_is_covered_and_its_convolutions_are_those_of_the_example_of_keras():
    built = networks.build(dense().model_copy(update={"convolutions": [32, 64]}), 10, 0)
    assert built.count_params() == 34_826  # which the example prints
    assert [uncovered(each) for each in (built, networks.build(dense(*[4] * 8), 10, 0))] == [[], []]
