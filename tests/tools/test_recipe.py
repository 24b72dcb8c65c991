"""A recipe is a set of parameters by name; running it leaves an experiment and a row of a table, and nothing else."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.utils.hydra import apply_overrides

import recipe
from common.errors import PipelineError
from drawing import figures
from fixtures import AUTHOR, PROJECT, commit, run, succeed
from running import experiments
from running.overrides import read_recipe

ROW = {"recipe": "b", "seed": 1, "errors": 50}


@pytest.mark.parametrize("name", sorted(path.stem for path in (PROJECT / "recipes").glob("*.yaml")))
def test_every_recipe_is_valid(name):
    assert read_recipe(PROJECT, name)


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    """A recipe to be written, in a folder with params.yaml alone."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    (tmp_path / "recipes").mkdir()
    return tmp_path / "recipes/mine.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train:\n  epochs: 0\n", "train.epochs: .*found 0"),
        ("trian:\n  epochs: 3\n", "trian: no such parameter"),
        ("train: 3\n", "expected sections, each with its parameters"),
        ("train: [\n", "is not YAML"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line_before_anything_runs(text, message, mine):
    mine.write_text(text)
    with pytest.raises(PipelineError, match=f"^recipes/mine.yaml:? .*{message}") as error:
        read_recipe(Path(), "mine")
    assert "\n" not in str(error.value)


def test_a_recipe_is_found_by_its_name_and_its_rates_are_numbers_as_in_params(mine):
    mine.write_text("train:\n  learning_rate: 1e-3\n")
    assert read_recipe(Path(), "mine") == {"train.learning_rate": 0.001}
    with pytest.raises(PipelineError, match="expected the name of a recipe, one of mine, found 'mein'"):
        read_recipe(Path(), "mein")


def test_a_row_stays_until_a_training_or_other_results_replace_it(tmp_path):
    def keep(**values: object) -> list:
        row = {**ROW, "epochs": 2, "val_accuracy": 0.1 + 0.2, "accuracy": 0.7, "minutes": 3.5, "hardware": "a"} | values
        curve = pd.DataFrame({"recipe": "b", "seed": 1, "epoch": [1, 2], "minutes": 1.0, "val_accuracy": 0.5})
        recipe.keep(tmp_path, pd.DataFrame([row]), curve)
        table = pd.read_csv(tmp_path / "record.csv", keep_default_na=False)
        return table.loc[0, ["errors", "minutes", "hardware"]].tolist()

    known = {"minutes": float("nan"), "hardware": ""}  # DVC had the result
    assert keep(**known) == [50, "", ""]  # an interrupted run of the recipe had trained it
    assert keep() == [50, 3.5, "a"]
    assert keep(**known) == [50, 3.5, "a"]
    assert keep(**known, errors=49) == [49, "", ""]
    keep(recipe="a", seed=0)
    assert pd.read_csv(tmp_path / "record.csv")[["recipe", "errors"]].values.tolist() == [["a", 50], ["b", 49]]


@pytest.mark.parametrize(("accuracy", "scale"), [(0.9, "log"), (1.0, "linear")])
def test_a_curve_is_drawn_for_each_seed_and_a_recipe_is_named_once(accuracy, scale, tmp_path, monkeypatch):
    drawn = figures.plt.figure()
    monkeypatch.setattr(figures.plt, "subplots", lambda **_: (drawn, drawn.add_subplot()))
    rows = [(name, seed, epoch, epoch / 2, accuracy) for name in "ab" for seed in (0, 1) for epoch in (1, 2)]
    columns = ["recipe", "seed", "epoch", "minutes", "val_accuracy"]
    recipe.draw(pd.DataFrame(rows, columns=columns), tmp_path / "record.png")
    (axes,) = drawn.axes
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0.5, 1]] * 4
    assert axes.get_yscale() == scale  # Matplotlib warns of a log scale without a positive value
    assert axes.get_legend_handles_labels()[1] == ["a (n = 2)", "b (n = 2)"]


@pytest.mark.slow
def test_an_experiment_and_its_row_and_the_working_tree_as_it_was(light):
    (light / "recipes/tiny.yaml").write_text("model:\n  hidden_units: [9, 8]\ntrain:\n  augmentation: elastic\n")
    commit(light, "recipe")
    output = succeed(light, "python", "tools/recipe.py", "tiny", **AUTHOR)
    assert "tiny-0: validation accuracy" in output
    changed = {line[3:] for line in succeed(light, "git", "status", "--porcelain").splitlines()}
    assert changed == {"reports/record.csv", "reports/record_curves.csv", "reports/record.png"}
    assert pd.read_csv(light / "reports/record_curves.csv").query("recipe == 'tiny'")["epoch"].tolist() == [1, 2]
    table = pd.read_csv(light / "reports/record.csv").query("recipe == 'tiny'")
    assert table[["seed", "epochs"]].values.tolist() == [[0, 2]]
    assert table["accuracy"].tolist() == pytest.approx((1 - table["errors"] / 60).tolist())

    before = (light / "reports/record.csv").read_bytes()
    again = succeed(light / "docs", "python", "../tools/recipe.py", "tiny", "--split", "test", **AUTHOR)
    assert "tiny-0: test accuracy" in again and "Running stage 'train'" not in again
    assert (light / "reports/record.csv").read_bytes() == before
    assert succeed(light, "dvc", "exp", "list", "--name-only").split() == ["tiny-0"]

    table = pd.read_csv(light / "reports/record.csv")
    table.loc[table["recipe"] == "tiny", "errors"] += 1
    table.loc[table["recipe"] == "tiny", "accuracy"] -= 1 / 60
    table.to_csv(light / "reports/record.csv", index=False)
    commit(light, "forged in two places")
    forged = run(light, "python", "tools/verify.py", "--recipe", "tiny")
    assert forged.returncode == 1
    assert "seed 0: accuracy" in forged.stderr and "seed 0: errors" in forged.stderr
    assert "val_accuracy" not in forged.stderr


@pytest.mark.slow
def test_other_data_has_rows_and_pages_of_its_own_also_in_a_larger_repository(light, tmp_path):
    larger = tmp_path / "larger"
    larger.mkdir()
    succeed(larger, "git", "init", "--quiet")
    shutil.rmtree(light / ".git")
    inner = Path(shutil.move(light, larger / "digits"))
    (inner / "recipes/tiny.yaml").write_text("about: {name: Mine}\ntrain: {epochs: 1}\n")
    commit(larger, "larger")
    printed = succeed(inner, "python", "tools/recipe.py", "tiny", **AUTHOR)
    assert "page: reports/recipes/tiny/0/index.html; `dvc exp apply tiny-0` replaces" in printed
    assert "tiny,0,1," in (inner / "reports/recipes/tiny/record.csv").read_text()
    assert "Mine" in (inner / "reports/recipes/tiny/0/model_card.md").read_text()
    assert not (inner / "reports/record.csv").exists()


@pytest.mark.parametrize("name", ["a${b}", "${", "a\\", 'a\\"b', "a'b", "\\${x}", "a,b]", "café", ""])
def test_names_reach_params_yaml_as_they_are(tmp_path, name):
    file = tmp_path / "params.yaml"
    file.write_text("a: {names: [x], rate: 1.5, sha256: {t10k-images-idx3-ubyte: x}}\n", encoding="utf-8")
    changes = {"names": [name, "1"], "rate": 0.001, "sha256": {"t10k-images-idx3-ubyte": None}}
    apply_overrides(file, [f"a.{key}={experiments.literal(value)}" for key, value in changes.items()])
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == {"a": changes}
