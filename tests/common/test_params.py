import difflib

import pytest
import yaml
from dvc.utils.serialize import modify_yaml

from common import params
from common.errors import PipelineError
from common.params import Dataset, Digests, Download, Model, Train
from fixtures import PARAMETERS, PROJECT

GOOD = """
train:
  epochs: 10
  batch_size: 128
  learning_rate: 0.001
  schedule: constant
  weight_decay: 0
  augmentation: none
  augmentation_strength: [1.0, 0.5]
  seed: 0
"""
NEW = {name: value for name, value in PARAMETERS["train"].items() if f"  {name}:" not in GOOD}
GOOD += "".join(f"  {line}\n" for line in yaml.safe_dump(NEW).splitlines() if NEW)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text, section=Train):
    params.PATH.write_text(text)
    return params.load(section)


def test_a_section_is_loaded_and_frozen():
    settings = load(GOOD)
    assert (settings.epochs, settings.learning_rate) == (10, 0.001)
    with pytest.raises(ValueError, match="frozen"):
        settings.epochs = 3


@pytest.mark.parametrize("spelling", ["1e-3", "1E-3", ".001", "0.001"])
def test_every_spelling_of_a_number_is_a_number(spelling):
    assert load(GOOD.replace("0.001", spelling)).learning_rate == 0.001
    assert load(GOOD.replace("0.001", "1")).learning_rate == 1.0


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("epochs", "epoch", ["train.epoch: no such parameter", "train.epochs: missing"]),
        ("epochs: 10", "epochs: '5'", ["train.epochs", "expected a valid integer", "found '5'"]),
        ("epochs: 10", "epochs: true", ["train.epochs", "integer", "found True"]),
        ("epochs: 10", "epochs: 0", ["train.epochs", "greater than or equal to 1", "found 0"]),
        ("0.001", "-1e-3", ["train.learning_rate", "greater than 0", "found -0.001"]),
        ("0.001", ".nan", ["train.learning_rate", "finite", "found nan"]),
        ("constant", "cosin", ["train.schedule", "'constant' or 'cosine'", "found 'cosin'"]),
        ("0.5]", "2.5]", ["train.augmentation_strength.1", "less than or equal to 2", "found 2.5"]),
        ("0.5]", "0.5, 0]", ["train.augmentation_strength: expected at most 2 values, found 3: [1.0, 0.5, 0]"]),
        ("train:", "trian:", ["train: missing"]),
        ("epochs: 10", "epochs: [", ["not YAML"]),
    ],
)
def test_a_fault_is_one_line_with_the_key_and_what_was_found(old, new, parts):
    with pytest.raises(PipelineError) as error:
        load(GOOD.replace(old, new))
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


def test_a_section_without_parameters_and_too_many_layers_are_reported_plainly():
    with pytest.raises(PipelineError, match=r"^train: expected parameters with their names, found 5$"):
        load("train: 5")
    with pytest.raises(PipelineError, match=r"^model.hidden_units: expected at most 8 values, found 9: \[8, .*, 8\]$"):
        load(yaml.safe_dump({"model": PARAMETERS["model"] | {"hidden_units": [8] * 9}}), Model)


def test_values_are_read_as_dvc_reads_them():
    assert load(GOOD.replace("seed: 0", "seed: 010")).seed == 10
    assert load("dataset: {class_names: [no, yes, on, off]}", Dataset).class_names == ["no", "yes", "on", "off"]


def test_an_unknown_digest_name_is_an_error():
    digests = "\n".join(f"    {field.alias}: {'a' * 64}" for field in Digests.model_fields.values())
    text = f"download:\n  sources: [x]\n  sha256:\n{digests}\n"
    assert load(text, Download).sha256.train_images == "a" * 64
    with pytest.raises(PipelineError, match="download.sha256.t10k-labels: no such parameter"):
        load(text.replace("t10k-labels-idx1-ubyte", "t10k-labels"), Download)
    with pytest.raises(PipelineError, match="download.sha256.train-images-idx3-ubyte: .*pattern.*found 'aaaa"):
        load(text.replace("a" * 64, "a" * 63, 1), Download)


def test_a_missing_file_says_where_to_run():
    with pytest.raises(PipelineError, match=r"params.yaml not found in .*run stages from the project's folder"):
        params.load(Train)


def test_the_projects_own_parameters_are_valid(monkeypatch):
    monkeypatch.chdir(PROJECT)
    for section in params.Section.__subclasses__():
        if section is not Digests:
            params.load(section)


@pytest.mark.parametrize(
    ("names", "message"),
    [(names, "visible text and differ") for names in (["a", " "], ["", "a"], ["a", "b\n"], ["a", "b", " a"])]
    + [(["a"], "at least 2 values")],
)
def test_class_names_that_cannot_be_told_apart_are_refused(names, message):
    with pytest.raises(PipelineError, match=f"dataset.class_names: .*{message}.*found"):
        load(yaml.safe_dump({"dataset": {"class_names": names}}), Dataset)


def test_an_experiment_changes_one_line_of_params_yaml(folder):
    """DVC writes the whole file anew: it must be in DVC's own form already, comments included."""
    before = (PROJECT / "params.yaml").read_text()
    (folder / "params.yaml").write_text(before)
    with modify_yaml("params.yaml") as values:
        epochs, values["train"]["epochs"] = values["train"]["epochs"], 999
    after = (folder / "params.yaml").read_text()
    assert [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"] == [
        f"-   epochs: {epochs}",
        "+   epochs: 999",
    ]
