"""The pipeline as users run it: `dvc repro` on a tiny MNIST in a temporary clone."""

import json
import re

import numpy as np
import pytest
import yaml
from PIL import Image

from fixtures import AUTHOR, IMAGES, STAGES, edit_params, run, succeed
from test_declared import ELSEWHERE, declared

NEEDS = {  # the stage that a stage asks for when nothing is there
    "normalize": "download",
    "eda": "normalize",
    "train": "normalize",
    "evaluate": "normalize",
    "plot": "train",
    "report": "normalize",
}
TENSORFLOW = ("train", "evaluate")  # whose start takes seconds


def executed(output: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", output)


def test_the_pipeline_runs_from_nothing(project):
    assert set(STAGES) <= set(yaml.safe_load((project / "dvc.lock").read_text())["stages"])
    assert succeed(project, "git", "status", "--porcelain") == ""
    assert "up to date" in succeed(project, "dvc", "status")


def test_a_second_run_executes_nothing_also_elsewhere_and_in_another_environment(project, tmp_path):
    elsewhere = project.rename(tmp_path / "a folder with spaces")
    assert executed(succeed(elsewhere, "dvc", "repro", **ELSEWHERE)) == []
    assert succeed(elsewhere, "git", "status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"eda.samples_per_digit": 2}, ["check", "eda", "report"]),
        ({"plot.mistakes": 3}, ["check", "plot", "report"]),
    ],
)
def test_only_what_depends_on_a_changed_parameter_runs_and_the_old_value_is_restored(light, change, stages):
    before, lock = (light / "params.yaml").read_text(), (light / "dvc.lock").read_bytes()
    edit_params(light, change)
    assert executed(succeed(light, "dvc", "repro")) == stages
    assert lock != (light / "dvc.lock").read_bytes()
    (light / "params.yaml").write_text(before)
    assert executed(succeed(light, "dvc", "repro")) == []
    assert lock == (light / "dvc.lock").read_bytes()
    assert succeed(light, "git", "status", "--porcelain") == ""


def test_a_comment_in_params_changes_nothing(project):
    with (project / "params.yaml").open("a") as file:
        file.write("# a remark\n")
    assert executed(succeed(project, "dvc", "repro")) == []


@pytest.mark.slow
def test_dvc_commands_give_sensible_output(project):
    assert "download" in succeed(project, "dvc", "dag")
    edit_params(project, {"train.epochs": 1})
    changed = json.loads(succeed(project, "dvc", "params", "diff", "--json"))
    assert changed == {"params.yaml": {"train.epochs": {"old": 2, "new": 1, "diff": -1}}}
    descriptions = succeed(project, "dvc", "stage", "list")
    assert all(re.search(rf"^{name}\s+\S+", descriptions, re.M) for name in STAGES)
    succeed(project, "dvc", "plots", "show", "--out", "plots")
    page = (project / "plots/index.html").read_text()
    assert 'id = "loss"' in page
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text())
    plots = set().union(*(declared(stage, "plots") for stage in pipeline["stages"].values()))
    assert page.count('<img src="static/') == sum(plot.endswith(".png") for plot in plots) > 0
    assert (project / pipeline["artifacts"]["digits"]["path"]).is_file()


@pytest.mark.slow
def test_an_experiment_can_be_run_and_shown_and_the_old_results_are_restored(light):
    lock = (light / "dvc.lock").read_bytes()
    output = succeed(light, "dvc", "exp", "run", "--name", "short", "-S", "train.epochs=1", **AUTHOR)
    assert executed(output) == ["check", "train", "evaluate", "plot", "report"]
    table = succeed(light, "dvc", "exp", "show", "--csv")
    assert "short" in table
    assert "train.epochs" in table
    succeed(light, "git", "restore", "params.yaml")
    assert executed(succeed(light, "dvc", "repro")) == []
    assert lock == (light / "dvc.lock").read_bytes()


@pytest.mark.slow
def test_a_network_of_other_layers_goes_through_every_stage_and_tool(project):
    edit_params(project, {"model.convolutions": [2, 3]})
    build, flat = project / "stages/network/build.py", '    network.add(layers.Flatten(name="flatten"))\n'
    other = flat + '    network.add(layers.BatchNormalization(name="normalization"))\n'
    build.write_text(build.read_text().replace(flat, other))
    assert "\nbatch_normalization: same bytes on this machine only\n" in succeed(project, "dvc", "repro")
    assert r"batch\_normalization: same bytes on one machine only" in (project / "reports/model_card.md").read_text()
    assert "Verdict: Accuracy" in succeed(project, "python", "tools/compare.py")
    Image.fromarray(255 - IMAGES[3].astype(np.uint8)).save(project / "three.png")
    assert re.search(r"three.png: (not sure|\d)", succeed(project, "python", "tools/predict.py", "three.png"))


@pytest.mark.parametrize(
    "stage", [pytest.param(name, marks=[pytest.mark.slow] * (name in TENSORFLOW)) for name in NEEDS]
)
def test_a_stage_alone_names_the_stage_to_run_first(project, stage):
    for folder in ("data", "models", "reports"):
        for path in (project / folder).rglob("*"):
            if path.is_file():
                path.unlink()
    result = run(project, "python", f"stages/{stage}.py")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"run `python stages/{NEEDS[stage]}.py` first" in result.stderr


def test_a_syntax_error_in_build_stops_the_pipeline_before_the_network_is_deleted(light):
    (light / "stages/network/build.py").write_text("def build(:\n")
    result = run(light, "dvc", "repro")
    assert "check: stages/network/build.py, line 1: invalid syntax\n" in result.stderr
    assert (light / "models/model.keras").exists()


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        pytest.param("train:", "trian:", "check: train: missing", marks=pytest.mark.slow),
        ("epochs:", "epoch:", "train.epoch: no such parameter; is it misspelt"),
        pytest.param("epochs: 2", "epochs: many", "train.epochs: expected a valid integer", marks=pytest.mark.slow),
    ],
)
def test_a_mistake_in_params_stops_the_pipeline_before_any_output_is_deleted(right, wrong, message, project):
    path = project / "params.yaml"
    path.write_text(re.sub(rf"\b{right}", wrong, path.read_text(), count=1))
    folders = [project / name for name in ("data", "models", "reports")]
    outputs = {file: file.stat().st_mtime_ns for folder in folders for file in folder.rglob("*") if file.is_file()}
    del outputs[project / "reports/params_checked"]  # the output of `check` itself
    result = run(project, "dvc", "repro")
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert {file: file.stat().st_mtime_ns for file in outputs} == outputs
    path.write_text(re.sub(rf"\b{wrong}", right, path.read_text(), count=1))
    assert executed(succeed(project, "dvc", "repro")) == []


@pytest.mark.slow
def test_bad_input_leaves_the_good_outputs_in_the_cache(light):
    edit_params(light, {"train.batch_size": 10**6})
    result = run(light, "dvc", "repro")
    assert result.returncode != 0
    assert "train.batch_size: expected at most 240" in result.stderr
    edit_params(light, {"train.batch_size": 16})
    assert executed(succeed(light, "dvc", "repro")) == []
    assert succeed(light, "git", "status", "--porcelain", "--", "dvc.lock", "reports", "models") == ""
