"""The pipeline as users run it: `dvc repro` on a tiny MNIST in a temporary clone."""

import importlib
import re
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

import compare
import predict
from common.errors import PipelineError
from fixtures import IMAGES, PROJECT, STAGES, edit_params, run, succeed
from test_declared import ELSEWHERE

NEEDS = {  # the stage that a stage asks for when nothing is there
    "normalize": "download",
    "eda": "normalize",
    "train": "normalize",
    "evaluate": "normalize",
    "plot": "train",
    "report": "evaluate",
}


def executed(output: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", output)


def test_a_second_run_executes_nothing_also_elsewhere_with_a_comment_and_in_another_environment(project, tmp_path):
    assert set(STAGES) <= set(yaml.safe_load((project / "dvc.lock").read_text())["stages"])
    elsewhere = project.rename(tmp_path / "a folder with spaces")
    with (elsewhere / "params.yaml").open("a") as file:
        file.write("# a remark\n")
    assert executed(succeed(elsewhere, "dvc", "repro", **ELSEWHERE)) == []
    assert succeed(elsewhere, "git", "status", "--porcelain") == " M params.yaml\n"


@pytest.mark.slow
def test_a_network_of_other_layers_goes_through_every_stage_and_tool(project, monkeypatch, capsys):
    edit_params(project, {"model.convolutions": [2, 3]})
    build, flat = project / "stages/network/build.py", '    network.add(layers.Flatten(name="flatten"))\n'
    other = flat + '    network.add(layers.BatchNormalization(name="normalization"))\n'
    build.write_text(build.read_text().replace(flat, other))
    assert "\nbatch_normalization: same bytes on this machine only\n" in succeed(project, "dvc", "repro")
    assert r"batch\_normalization: same bytes on one machine only" in (project / "reports/model_card.md").read_text()
    monkeypatch.chdir(project)
    Image.fromarray(255 - IMAGES[3].astype(np.uint8)).save("three.png")
    for tool, arguments, message in [
        (compare, [], "Verdict: Accuracy"),
        (predict, ["three.png"], r"three.png: (not sure|\d)"),
    ]:
        monkeypatch.setattr("sys.argv", [tool.__name__, *arguments])
        monkeypatch.setattr(tool, "PROJECT", project, raising=False)
        with pytest.raises(SystemExit) as end:
            tool.main()
        assert not end.value.code
        assert re.search(message, capsys.readouterr().out)


@pytest.mark.parametrize("stage", NEEDS)
def test_a_stage_alone_names_the_stage_to_run_first(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    with pytest.raises(PipelineError, match=f"run `python stages/{NEEDS[stage]}.py` first") as error:
        importlib.import_module(stage).main()
    assert "\n" not in str(error.value)


def test_a_syntax_error_in_build_stops_the_pipeline_before_the_network_is_deleted(project):
    (project / "stages/network/build.py").write_text("def build(:\n")
    result = run(project, "dvc", "repro")
    assert "check: stages/network/build.py, line 1: invalid syntax\n" in result.stderr
    assert (project / "models/model.keras").exists()


def test_a_mistake_in_params_stops_the_pipeline_before_any_output_is_deleted(project):
    path = project / "params.yaml"
    good = path.read_text()
    path.write_text(good.replace("epochs:", "epoch:", 1))
    folders = [project / name for name in ("data", "models", "reports")]
    outputs = {file: file.stat().st_mtime_ns for folder in folders for file in folder.rglob("*") if file.is_file()}
    del outputs[project / "reports/params_checked"]  # the output of `check` itself
    result = run(project, "dvc", "repro")
    assert result.returncode != 0
    assert "train.epoch: no such parameter; is it misspelt" in result.stderr
    assert "Traceback" not in result.stderr
    assert {file: file.stat().st_mtime_ns for file in outputs} == outputs
    path.write_text(good)
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
