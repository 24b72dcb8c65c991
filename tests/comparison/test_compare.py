"""compare.py on small histories in a temporary repository; the statistics have tests of their own."""

import hashlib
import json
import re
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

import compare
from common import errors
from comparison.flips import draw_flips, find_flips
from comparison.judgement import compare_all, matching_runs
from comparison.reports import markdown, text
from comparison.results import Comparison
from comparison.revisions import PREDICTIONS, Revision, flatten, read_revision
from comparison.study import Study, score
from drawing import figures
from fixtures import commit, succeed

ACTUAL = np.arange(200) % 10
SETTINGS = {"dataset": {"class_names": [f"d{i}" for i in range(10)]}, "train": {"epochs": 5, "seed": 0}}


def frame(*wrong: int) -> pd.DataFrame:
    """The predictions of a network that takes these images for the next digit, with confidence rising by the index."""
    table = pd.DataFrame({"index": range(200), "actual": ACTUAL, "predicted": ACTUAL})
    table["confidence"], table["loss"] = 0.5 + table["index"] / 1000, 0.1
    table.loc[[*wrong], "predicted"] = (ACTUAL[[*wrong]] + 1) % 10
    table.loc[[*wrong], "loss"] = 1.1
    return table


def write(folder: Path, validation: pd.DataFrame | str, test: pd.DataFrame | None = None, **train: object) -> None:
    """Put the results of one revision into the working tree; the test images get other answers if `test` is given."""
    (folder / "reports/evaluate").mkdir(parents=True, exist_ok=True)
    for split, table in {"validation": validation, "test": validation if test is None else test}.items():
        content = table if isinstance(table, str) else table.to_csv(index=False)
        (folder / PREDICTIONS[split]).write_text(content)
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS | {"train": SETTINGS["train"] | train}))


@pytest.fixture
def history(tmp_path, monkeypatch) -> Path:
    """Two commits: 40 errors, the tag `plain`; then 20 errors with more epochs; 10 images are wrong in both."""
    folder = tmp_path / "history"
    folder.mkdir()
    succeed(folder, "git", "init", "--quiet", "--initial-branch=main")
    write(folder, frame(*range(40)))
    commit(folder, "Plain")
    succeed(folder, "git", "tag", "plain")
    write(folder, frame(*range(30, 50)), epochs=9)
    commit(folder, "More epochs")
    monkeypatch.chdir(folder)
    return folder


def printed(*arguments: str, status: int = 0) -> str:
    """The output of compare.py, called in this process: a new one takes seconds to import SciPy and pandas."""
    with (
        patch("sys.argv", ["compare.py", *arguments]),
        redirect_stdout(StringIO()) as out,
        pytest.raises(SystemExit) as end,
    ):
        errors.run(compare.main)
    assert end.value.code == status
    return out.getvalue()


def compared(*arguments: str, status: int = 0) -> dict:
    (found,) = json.loads(printed(*arguments, "--json", status=status))
    return found


def refused(*arguments: str) -> str:
    """The one line with which compare.py refuses."""
    with patch("sys.argv", ["compare.py", *arguments]), pytest.raises(SystemExit) as end:
        errors.run(compare.main)
    assert re.fullmatch("compare: .+", end.value.code)
    return end.value.code


def locked(name: str, model: str) -> dict:
    """The dvc.lock of settings of that name."""
    deps = [{"path": "stages/network", "md5": name}]
    train = {"cmd": "t", "deps": deps, "outs": [{"path": "models/model.keras", "md5": model}]}
    return {"stages": {"train": train, "evaluate": {"cmd": name}}}


def revision(wrong: set[int], seeds: list[set[int]] | None = None, name: str = "one", **train: object) -> Revision:
    """A revision whose run is wrong on some images, with a study of seeds for its settings if one is given."""
    study = None
    if seeds is not None:
        scores = np.array([list(score(frame(*each)).values()) for each in seeds])
        numbers = range(len(seeds))
        study = Study(pd.DataFrame({"seed": numbers, "model": [f"m{i}" for i in numbers]}), {"validation": scores})
    parameters = flatten(SETTINGS | {"train": SETTINGS["train"] | train})
    lock = locked(name, f"m{train.get('seed', 0)}")
    return Revision(name, "subject", "validation", frame(*wrong), parameters, lock, study)


def seeds(center: int, start: int = 0) -> list[set[int]]:
    """Six seeds that are wrong on nearly the same images, with about `center` errors."""
    return [set(range(start, start + center - 1 + i % 3)) | {190 - i} for i in range(6)]


def compare_pair(old: Revision, new: Revision) -> Comparison:
    return compare_all(old, [new])[0]


def test_two_commits_are_compared_image_by_image(history):
    result = compared("plain", "HEAD")
    accuracy = result["accuracy"]
    assert (result["old"]["errors"], result["new"]["errors"]) == (40, 20)
    assert (accuracy["old"], accuracy["new"]) == pytest.approx((0.8, 0.9))
    assert (result["gained"], result["lost"]) == (30, 10)
    assert accuracy["these_networks"]["p"] == pytest.approx(stats.binomtest(10, 40).pvalue)
    interval = stats.binomtest(180, 200).proportion_ci(method="wilson")
    assert (result["new"]["low"], result["new"]["high"]) == pytest.approx(tuple(interval), abs=1e-6)
    assert result["parameters"] == {"train.epochs": {"old": 5, "new": 9}}
    assert result["spread"] == "not measured"
    assert accuracy["same_images"] is accuracy["other_images"] is None
    assert result["verdict"].startswith("Accuracy +10.00 points: the new network is better than the old one (p = ")
    assert result["verdict"].endswith("measure the spread between seeds: `python tools/seeds.py 10`.")


def test_the_working_tree_is_compared_with_the_last_commit_on_the_validation_split_unless_asked_otherwise(history):
    write(history, frame(*range(30, 50), 60), test=frame(*range(60)), epochs=9)
    result = compared()
    assert (result["gained"], result["lost"], result["parameters"]) == (0, 1, {})
    assert compared("HEAD", "workspace") == result
    assert "seeds.py" not in result["verdict"]
    assert compared("--split", "test")["new"]["errors"] == 60
    assert printed().splitlines()[-1].startswith("Judged on the validation split. Use `--split test` once")
    assert printed("--split", "test").splitlines()[-1].endswith("do not tune on it.")


def test_an_older_revision_is_compared_by_what_it_has(history):
    write(history, frame().drop(columns="loss"), epochs=9)
    (history / PREDICTIONS["validation"]).unlink()
    commit(history, "Old")
    assert refused("HEAD", "plain").endswith("an older revision may have `--split test`")
    result = compared("plain", "HEAD", "--split", "test")
    assert (result["new"]["errors"], result["loss"]) == (0, None)


def test_the_level_of_every_interval_is_that_of_params_yaml(history):
    def half() -> float:
        found = compared("plain")["accuracy"]["these_networks"]
        return found["high"] - found["low"]

    at_95 = half()
    with (history / "params.yaml").open("a") as file:
        file.write("evaluate: {confidence_level: 0.99}\n")
    assert half() > 1.2 * at_95
    assert "99 % interval" in printed("plain")


def test_a_gate_is_closed_until_the_interval_is_above_the_margin(history):
    low = compared("HEAD", "plain")["accuracy"]["these_networks"]["low"]
    assert -0.2 < low < -0.1
    for margin, status, shown in [("10", 3, "NOT shown"), ("20", 0, "shown")]:
        result = compared("HEAD", "plain", "--margin", margin, status=status)
        assert result["not_worse"] is (status == 0)
        assert f"Not worse by {margin} points: {shown}" in result["verdict"]


@pytest.mark.parametrize("given", ["--margin 0", "--margin much", "plain HEAD~1 HEAD --plot x.png"])
def test_an_invalid_margin_or_a_plot_of_several_pairs_is_a_wrong_command_line(given, capsys):
    printed(*given.split(), status=2)
    assert re.search("error: .*(--margin|found 2 revisions)", capsys.readouterr().err)


def test_p_values_of_several_variants_are_adjusted_for_their_number(history):
    write(history, frame(*range(27)), epochs=11)  # 13 gained, none lost
    commit(history, "Third")
    both = json.loads(printed("plain", "HEAD~1", "HEAD", "--json"))
    first, second = (compared("plain", name)["accuracy"]["these_networks"]["p"] for name in ("HEAD~1", "HEAD"))
    assert [found["tries"] for found in both] == [2, 2]
    p = [found["accuracy"]["these_networks"]["p"] for found in both]
    assert p == pytest.approx([max(first, 2 * second), 2 * second])  # the smaller is doubled, the larger not below it
    *_, one, two, _, adjusted = printed("plain", "HEAD~1", "HEAD").splitlines()
    assert (one.split(":")[0], two.split(" ")[0]) == (both[0]["new"]["name"], "HEAD")
    assert adjusted.startswith("2 variants were compared with one baseline: p-values are adjusted by Holm (1979)")


def test_a_revision_may_be_a_hash_a_branch_a_tag_or_an_experiment(history):
    commits = succeed(history, "git", "log", "--format=%H").split()
    for number, baseline in enumerate(commits):  # one name on two baselines, as DVC allows
        ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/ashen-fibs"
        succeed(history, "git", "update-ref", ref, commits[1 - number])
    expected = compared("plain", "main")
    for old in (commits[1][:7], "main~1", "ashen-fibs"):
        assert compared(old, "main")["accuracy"] == expected["accuracy"]
    assert read_revision("ashen-fibs", "validation").subject == "Plain"  # that of the current commit
    commit(history, "Later")
    assert "ambiguous" in refused("ashen-fibs")


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (frame().replace({"actual": 7}, 8), "found another index or actual digit"),
        (frame().drop(columns="confidence"), "expected rows of"),
        (frame().replace({"actual": {0: "zero"}}), "expected rows of index,actual,predicted,confidence ("),
    ],
)
def test_other_images_or_unusable_predictions_are_refused(history, predictions, message):
    write(history, predictions)
    assert message in refused()


def test_unknown_revisions_and_missing_results_are_refused(history, tmp_path, monkeypatch):
    assert "'nonsense': expected a Git revision or the name of one DVC experiment" in refused("nonsense")
    succeed(history, "git", "rm", "--quiet", "-r", "reports")
    commit(history, "No results")
    assert "no reports/evaluate/validation_predictions.csv there; run `dvc repro`" in refused("plain", "HEAD")
    for content, message in [("- 1\n", "expected sections"), ("a: [\n", "is not YAML")]:
        write(history, frame())
        (history / "params.yaml").write_text(content)
        assert message in refused("plain")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "not a git repository" in refused()


def test_results_of_other_parameters_or_older_code_are_refused(history):
    def lock(code: str) -> None:
        deps = [{"path": "train.py", "hash": "md5", "md5": hashlib.md5(code.encode()).hexdigest(), "size": len(code)}]
        stage = {"cmd": "t", "deps": deps, "params": {"params.yaml": {"train.epochs": 9}}}
        removed = {"cmd": "t", "params": {"params.yaml": {"train.epochs": 1}}}  # DVC keeps such an entry
        stages = {"evaluate": stage, "removed": removed}
        (history / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))

    pipeline = {"evaluate": {"cmd": "t", "deps": ["train.py"], "params": ["train.epochs"]}}
    (history / "dvc.yaml").write_text(yaml.safe_dump({"stages": pipeline}))
    (history / "train.py").write_text("new")
    (history / ".dvc").mkdir()
    lock("new")
    write(history, frame(), epochs=9)
    assert compared()["gained"] == 20
    lock("old")
    assert "working tree: train.py changed after the results were made; run `dvc repro`" in refused()
    lock("new")
    (history / "train.py").unlink()
    assert "working tree: train.py changed after" in refused()
    write(history, frame(), epochs=10)
    assert "made with train.epochs = 9, but params.yaml has 10; run `dvc repro`" in refused()


def test_all_seeds_of_both_settings_are_compared():
    found = compare_pair(revision({1}, seeds(40), "old"), revision({*range(90)}, seeds(20), "new", epochs=9))
    errors_old, errors_new = ([len(each) for each in seeds(n)] for n in (40, 20))
    assert (found.old.errors, found.new.errors) == pytest.approx((np.mean(errors_old), np.mean(errors_new)))
    welch = stats.ttest_ind(errors_old, errors_new, equal_var=False)
    assert found.accuracy.same_images.p == pytest.approx(welch.pvalue)
    assert found.accuracy.these_networks is found.gained is None
    assert found.spread == "measured for old (6 seeds) and new (6 seeds)"
    shown = text([found])
    assert re.search("validation, n = 200 .*  other seeds, same images  +other seeds and images\n", shown)
    assert "old: mean of 6 seeds, standard deviation of the accuracy 0.45 points" in shown


def test_seeds_of_other_settings_are_not_used_unless_they_trained_this_very_network():
    old = replace(revision({1, 2}, seeds(2)), lock=locked("changed since", "another"))
    stale = "not measured (old: reports/seeds.csv belongs to other settings)"
    own = locked("reworded", "m0")
    for lock, seed in [(old.lock, 0), (None, 0), (own, 1), (own, 42)]:
        other = replace(old, lock=lock, parameters=old.parameters | {"train.seed": seed})
        assert matching_runs(other, revision({1}))[2] == stale
    faulty = replace(revision({1}, name="new"), study_fault="it has one row")
    expected = "measured for old (6 seeds) only, and assumed for both (new: it has one row)"
    assert matching_runs(replace(old, lock=own), faulty)[2] == expected


def test_the_same_study_at_both_revisions_cannot_separate_them():
    found = compare_pair(revision({1, 2}, seeds(9)), revision({*range(60)}, seeds(9), seed=3))
    assert (found.old.runs, found.new.runs, found.lost) == (1, 1, 58)
    assert found.spread == "from the same study on both sides, which cannot separate them"
    assert "only seeds differ, which is neither an improvement nor a deterioration" in found.verdict


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            revision({1, 2}),
            replace(revision({1, 2}, epochs=9), predictions=frame(1, 2).replace({"loss": {0.1: 0.05}})),
            "Accuracy unchanged: the same images are right and wrong. Loss -0.0495 nats: the new network is better",
        ),
        (
            revision({1}),
            revision(set(), epochs=9),
            "Accuracy +0.50 points: inconclusive; a different sample of images could reverse it (p = 1).",
        ),
        (
            revision({*range(40)}),
            revision({*range(10)}, name="other code", seed=3),
            "Accuracy +15.00 points: the new network is better",
        ),
        (
            revision({1}, seeds(24), "old"),
            revision({1}, seeds(30, start=60), "new", epochs=9),
            "Accuracy -3.00 points: worsened on these 200 images, also with other seeds (p < 0.0001); inconclusive for "
            "other images (p = 0.4",
        ),
        (
            revision({1}, seeds(10), "old"),
            revision({1}, seeds(40), "new", epochs=9),
            "Accuracy -15.00 points: worsened (p < 0.0001); expected to hold for other seeds and other images.",
        ),
    ],
)
def test_the_verdict_states_what_was_shown_and_for_which_images(old, new, sentence):
    assert compare_pair(old, new).verdict.startswith(sentence)


def test_the_report_has_the_verdict_last_in_text_and_first_in_markdown(history):
    out = printed("plain", "HEAD").splitlines()
    assert ("Plain" in out[0], "More epochs" in out[1], "train.epochs: 5 → 9" in out) == (True, True, True)
    assert out[-2].startswith("Verdict: Accuracy +10.00 points")
    assert printed("plain", "HEAD", "--md").splitlines()[2].startswith("**Accuracy +10.00 points")
    found = compare_pair(replace(revision(set()), subject="a|b <b> *c* `d`"), revision({1}, name="other"))
    assert "a\\|b \\<b> \\*c\\* \\`d\\`" in markdown([found])
    assert "\n- No parameter differs.\n- The code differs: stages/network." in markdown([found])
    assert "The code differs" not in text([compare_pair(revision(set()), revision({1}))])


def test_the_figure_of_flips_shows_both_answers_the_most_confident_mistakes_first():
    figure = draw_flips(np.zeros((200, 28, 28)), *find_flips(frame(*range(100)), frame(150)), ["zero", "one"])
    left, right = figure.subfigs
    assert left.get_suptitle() == "Gained: 100 images, the 30 most confident mistakes"
    titles = [text.get_text() for text in left.axes[0].texts]
    assert (len(titles), titles[:2], titles[9]) == (30, ["old zero\nnew 9", "old 9\nnew 8"], "old one\nnew zero")
    assert right.get_suptitle() == "Lost: 1 image"
    assert len(right.axes[0].texts) == 1
    figures.plt.close(figure)


def test_plot_draws_a_png_if_the_images_are_there(history):
    arguments = ("HEAD~1", "HEAD", "--plot", str(history / "flips.png"))
    assert "data/normalized/validation/images.npy is missing: run `dvc repro normalize`" in refused(*arguments)
    folder = history / "data/normalized/validation"
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", np.zeros((200, 28, 28), np.float32))
    np.save(folder / "labels.npy", np.zeros(200, np.uint8))
    assert "expected the images that HEAD~1 (" in refused(*arguments)
    np.save(folder / "labels.npy", ACTUAL.astype(np.uint8))
    write(history, frame(*range(30, 50)), epochs=9)
    printed(*arguments)
    assert (history / "flips.png").read_bytes().startswith(b"\x89PNG")
    printed("HEAD", *arguments[1:])  # without any flip
