"""compare.py on made-up histories in a temporary repository; the statistics have tests of their own."""

import json
import re
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import compare
from common import errors
from common.errors import PipelineError
from comparison.flips import draw_flips, find_flips
from comparison.judgement import compare as compare_pair
from comparison.judgement import compare_all, matching_runs, require_pairs
from comparison.reports import markdown, text
from comparison.revisions import PREDICTIONS, Revision, flatten, read_revision
from comparison.study import Study, score
from comparison.verdicts import verdict
from drawing import figures
from fixtures import AUTHOR, PROJECT, commit, run, succeed
from running import lock as locks

COMPARE = PROJECT / "tools/compare.py"
ACTUAL = np.arange(200) % 10
SETTINGS = {"dataset": {"class_names": [f"d{i}" for i in range(10)]}, "train": {"epochs": 5, "seed": 0}}


def answers(*wrong: int) -> str:
    """The predictions of a network that takes these images for the next digit, and is surer of the later ones."""
    rows = [
        f"{i},{actual},{(actual + (i in wrong)) % 10},{0.5 + i / 1000:.6f},{0.1 + (i in wrong)},{0.2 + (i in wrong)}"
        for i, actual in enumerate(ACTUAL.tolist())
    ]
    return "\n".join(["index,actual,predicted,confidence,loss,brier", *rows, ""])


def write(folder: Path, predictions: str, test: str | None = None, **train: object) -> None:
    """Put the results of one revision into the working tree; the test images get other answers if `test` is given."""
    (folder / "reports/evaluate").mkdir(parents=True, exist_ok=True)
    (folder / PREDICTIONS["validation"]).write_text(predictions)
    (folder / PREDICTIONS["test"]).write_text(test or predictions)
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS | {"train": SETTINGS["train"] | train}))


@pytest.fixture
def history(tmp_path, monkeypatch) -> Path:
    """Two commits: 40 errors, the tag `plain`; then 20 errors with more epochs, 10 of the images are wrong at both."""
    folder = tmp_path / "history"
    folder.mkdir()
    succeed(folder, "git", "init", "--quiet", "--initial-branch=main")
    write(folder, answers(*range(40)))
    commit(folder, "Plain")
    succeed(folder, "git", "tag", "plain")
    write(folder, answers(*range(30, 50)), epochs=9)
    commit(folder, "More epochs")
    monkeypatch.chdir(folder)
    return folder


def printed(*arguments: str, status: int = 0) -> str:
    """What compare.py prints, called in this process: a new one takes seconds to import SciPy and pandas."""
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
    """The one line that compare.py ends with when it refuses."""
    with patch("sys.argv", ["compare.py", *arguments]), pytest.raises(SystemExit) as end:
        errors.run(compare.main)
    assert end.value.code.startswith("compare: ")
    assert "\n" not in end.value.code
    return end.value.code


def frame(wrong: set[int]) -> pd.DataFrame:
    """The predictions of a network that is wrong on these of 200 images."""
    table = pd.DataFrame({"index": range(200), "actual": ACTUAL, "predicted": ACTUAL, "confidence": 0.9, "loss": 0.1})
    table.loc[sorted(wrong), "predicted"] = (ACTUAL[sorted(wrong)] + 1) % 10
    table.loc[sorted(wrong), "loss"] = 2.0
    return table.assign(brier=table["loss"] / 2)


def revision(wrong: set[int], seeds: list[set[int]] | None = None, name: str = "one", **train: object) -> Revision:
    """A revision whose run is wrong on some images; and if given, a study of seeds that belongs to its settings."""
    lock, study = locked(name), None
    if seeds is not None:
        table = pd.DataFrame({"seed": range(len(seeds)), "settings": locks.settings(lock), "model": "of no revision"})
        scores = np.array([list(score(frame(each)).values()) for each in seeds])
        study = Study(table, {"validation": scores, "test": scores})
    parameters = flatten(SETTINGS | {"train": SETTINGS["train"] | train})
    return Revision(name, "subject", "validation", frame(wrong), parameters, lock, study)


def locked(name: str, model: str = "m") -> dict:
    """The dvc.lock of settings of that name."""
    train = {"cmd": name, "outs": [{"path": "models/model.keras", "md5": model}]}
    return {"stages": {"train": train, "evaluate": {"cmd": "e"}}}


def test_two_commits_are_compared_image_by_image(history):
    result = compared("plain", "HEAD")
    accuracy = measure(result, "accuracy")
    assert (result["old"]["errors"], result["new"]["errors"]) == (40, 20)
    assert (result["old"]["accuracy"], result["new"]["accuracy"]) == (0.8, 0.9)
    assert (result["gained"], result["lost"]) == (30, 10)
    assert accuracy["new"] - accuracy["old"] == pytest.approx(0.1)
    assert accuracy["these_networks"]["p"] == pytest.approx(stats.binomtest(10, 40).pvalue)
    interval = stats.binomtest(180, 200).proportion_ci(method="wilson")
    assert (result["new"]["low"], result["new"]["high"]) == pytest.approx(tuple(interval), abs=1e-6)
    assert accuracy["these_networks"]["low"] < 0.1 < accuracy["these_networks"]["high"]
    assert result["parameters"] == {"train.epochs": {"old": 5, "new": 9}}
    assert result["digits"][0] == {"name": "d0", "images": 20, "old_errors": 4, "new_errors": 2}
    assert sum(digit["images"] for digit in result["digits"]) == result["images"] == 200
    assert result["spread"] == "not measured"
    assert accuracy["these_images"] is accuracy["any_images"] is None
    assert result["verdict"].startswith("Accuracy +10.00 points: the new network is better than the old one (p = ")
    assert "`python tools/seeds.py 10`" in result["verdict"]


def measure(result: dict, name: str) -> dict:
    return next(row for row in result["differences"] if row["measure"] == name)


def test_the_loss_is_compared_beside_the_accuracy_and_where_only_it_changed_that_is_said(history):
    lines = answers(*range(30, 50)).splitlines()
    surer = [re.sub(r",0\.1,", ",0.05,", line) for line in lines]
    write(history, "\n".join([*surer, ""]), epochs=9)
    result = compared()
    loss = measure(result, "loss")
    assert (loss["old"], loss["new"]) == pytest.approx((0.1 * 0.9 + 1.1 * 0.1, 0.05 * 0.9 + 1.1 * 0.1))
    old, new = np.repeat([1.1, 0.1], [20, 180]), np.repeat([1.1, 0.05], [20, 180])
    assert loss["these_networks"]["p"] == pytest.approx(stats.ttest_rel(old, new).pvalue)
    assert result["verdict"].startswith("The same images right and wrong. Loss -0.0450 nats: better (lower), of these ")
    confidence = np.mean(0.5 + np.arange(200) / 1000)
    assert measure(result, "overconfidence")["new"] == pytest.approx(confidence - 0.9)


def test_validation_decides_and_the_test_split_is_for_the_asking(history):
    write(history, answers(*range(30, 50)), test=answers(*range(60)), epochs=9)
    assert compared()["new"]["errors"] == 20
    assert compared("--split", "test")["new"]["errors"] == 60
    assert printed().splitlines()[-1].startswith("Judged on the validation split; `--split test` has the final word")
    assert printed("--split", "test").splitlines()[-1].endswith("Do not select on it.")


def test_a_revision_from_before_the_validation_predictions_is_one_line_with_the_way_on(history):
    (history / PREDICTIONS["validation"]).unlink()
    commit(history, "Old")
    message = refused("HEAD", "plain")
    assert "no reports/evaluate/validation_predictions.csv there, which revisions before that file lack" in message
    assert message.endswith("compare with `--split test`")
    assert compared("HEAD", "plain", "--split", "test")["old"]["errors"] == 20


def test_predictions_without_a_loss_as_older_revisions_have_them_are_compared_by_their_answers(history):
    lines = [",".join(line.split(",")[:4]) for line in answers().splitlines()]
    write(history, "\n".join([*lines, ""]), epochs=9)
    result = compared()
    assert [row["measure"] for row in result["differences"]] == ["accuracy", "overconfidence"]
    assert "Loss" not in result["verdict"]


def test_the_level_of_every_interval_is_that_of_params_yaml(history):
    def half() -> float:
        found = measure(compared("plain"), "accuracy")["these_networks"]
        return found["high"] - found["low"]

    at_95 = half()
    values = yaml.safe_load((history / "params.yaml").read_text()) | {"evaluate": {"confidence_level": 0.99}}
    (history / "params.yaml").write_text(yaml.safe_dump(values))
    assert half() > 1.2 * at_95
    assert "99 % interval" in printed("plain")


@pytest.mark.parametrize(("margin", "status"), [("0.1", 0), ("5", 0), ("15", 0)])
def test_a_gate_passes_where_the_accuracy_is_shown_to_be_no_worse(history, margin, status):
    assert compared("plain", "HEAD", "--margin", margin, status=status)["not_worse"] is True


@pytest.mark.parametrize(("margin", "status"), [("0.1", 3), ("10", 3), ("20", 0)])
def test_a_gate_stays_shut_until_the_interval_is_above_the_margin(history, margin, status):
    result = compared("HEAD", "plain", "--margin", margin, status=status)
    low = measure(result, "accuracy")["these_networks"]["low"]
    assert result["not_worse"] is (low > -float(margin) / 100) is (status == 0)
    assert f"Not worse than {margin} points: {'shown' if status == 0 else 'NOT shown'}" in result["verdict"]


@pytest.mark.parametrize("given", ["0", "-1", "much", "nan"])
def test_a_margin_that_is_none_is_a_wrong_command_line(history, given, capsys):
    printed("--margin", given, status=2)
    assert "--margin" in capsys.readouterr().err


def test_several_variants_are_corrected_for_their_number_and_listed_under_one_another(history):
    write(history, answers(*range(27)), epochs=11)  # 13 gained, none lost
    commit(history, "Third")
    alone = compared("plain", "HEAD")
    both = json.loads(printed("plain", "HEAD~1", "HEAD", "--json"))
    assert [found["tries"] for found in both] == [2, 2]
    p = [measure(found, "accuracy")["these_networks"]["p"] for found in both]
    first = measure(compared("plain", "HEAD~1"), "accuracy")["these_networks"]["p"]
    second = measure(alone, "accuracy")["these_networks"]["p"]
    assert p == pytest.approx([max(first, 2 * second), 2 * second])  # the smaller is doubled, the larger not below it
    *_, one, two, _, corrected = printed("plain", "HEAD~1", "HEAD").splitlines()
    assert (one.split(":")[0], two.split(" ")[0]) == (both[0]["new"]["name"], "HEAD")
    assert corrected.startswith("2 variants were compared with one baseline: p-values are corrected by Holm (1979)")
    assert "found 2 revisions" in refused("plain", "HEAD~1", "HEAD", "--plot", "x.png")


def test_by_default_the_last_commit_is_compared_with_the_working_tree(history):
    write(history, answers(*range(30, 50), 60), epochs=9)
    result = compared()
    assert (result["gained"], result["lost"]) == (0, 1)
    assert result["parameters"] == {}
    assert result["verdict"].startswith("Accuracy -0.50 points: inconclusive; another choice of images could turn it")
    assert result["new"]["name"] == "working tree"
    assert compared("HEAD", "workspace") == result


def test_a_revision_may_be_a_hash_a_branch_a_tag_or_an_experiment(history):
    commits = succeed(history, "git", "log", "--format=%H").split()
    for number, baseline in enumerate(commits):  # the same name on two baselines, as DVC allows
        ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/ashen-fibs"
        succeed(history, "git", "update-ref", ref, commits[1 - number])
    expected = compared("plain", "main")
    for old in (commits[1], commits[1][:7], "main~1", "ashen-fibs"):
        assert compared(old, "main")["differences"] == expected["differences"]
    assert read_revision("ashen-fibs", "validation").subject == "Plain"  # that of the current commit
    succeed(history, "git", "commit", "--quiet", "--allow-empty", "-m", "Later", **AUTHOR)
    assert "2 experiments have this name" in refused("ashen-fibs")


def test_a_project_in_a_subfolder_of_its_repository_is_compared_too(history, monkeypatch):
    write(history / "inner", answers(1, 2, 3))
    commit(history, "Inner")
    write(history / "inner", answers(1, 2))
    monkeypatch.chdir(history / "inner")
    assert compared()["gained"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-1], "found 200 images in HEAD"),
        (
            lambda lines: [lines[0], "0,7,7,0.9,0,0", *lines[2:]],
            "found 1 rows of reports/evaluate/validation_predictions.csv",
        ),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "found 2 rows of"),
        (lambda lines: [",".join(line.split(",")[:3]) for line in lines], "expected rows of"),
        (lambda lines: lines[:1], "found 0 rows of index,actual,predicted,confidence"),
        (lambda lines: [lines[0], "0,zero,0,0.9,0,0"], "cannot be read"),
        (lambda lines: [], "cannot be read"),
    ],
)
def test_other_images_or_no_predictions_are_refused(history, change, message):
    lines = answers().splitlines()
    write(history, "\n".join([*change(lines), ""]))
    assert message in refused()


def test_what_is_not_there_is_refused(history):
    assert "nonsense: neither a Git revision nor a DVC experiment" in refused("nonsense")
    assert "HEAD:params.yaml: neither" in refused("HEAD:params.yaml")
    succeed(history, "git", "rm", "--quiet", "-r", "reports")
    succeed(history, "git", "commit", "--quiet", "-m", "No results", **AUTHOR)
    assert "no reports/evaluate/validation_predictions.csv there; run `dvc repro`" in refused("plain", "HEAD")
    assert "working tree: no reports/evaluate/validation_predictions.csv there" in refused("plain")
    (history / "params.yaml").write_text("- 1\n")
    assert "working tree: no reports" in refused("plain")


def test_a_folder_that_is_no_repository_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "not a git repository" in refused()


def test_a_refusal_is_one_line_and_exit_status_1_and_needs_no_virtual_environment_to_be_active(history):
    result = run(history, sys.executable, str(COMPARE), "nonsense", PATH="/usr/bin:/bin")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "compare: nonsense: neither a Git revision nor a DVC experiment\n"


@pytest.mark.parametrize(("content", "message"), [("- 1\n", "expected a mapping"), ("a: [\n", "is not YAML")])
def test_parameters_that_are_none_are_refused(history, content, message):
    (history / "params.yaml").write_text(content)
    assert message in refused()


def test_results_of_other_parameters_than_the_file_says_are_refused(history):
    lock = {"stages": {"train": {"params": {"params.yaml": {"train": {"epochs": 9, "rate": 0.001}}}}}}
    (history / "dvc.lock").write_text(yaml.safe_dump(lock))
    write(history, answers(), epochs=9, rate=0.001)
    assert compared()["gained"] == 20
    write(history, answers(), epochs=10, rate=0.001)
    assert "made with train.epochs = 9, but params.yaml says 10; run `dvc repro`" in refused()


def seeds(center: int, number: int = 6, start: int = 0) -> list[set[int]]:
    """Seeds that are wrong on the same images but for a few, with about `center` errors."""
    return [set(range(start, start + center - 1 + i % 3)) | {190 - i} for i in range(number)]


def test_all_seeds_of_both_settings_count_not_one_run_of_each():
    old, new = revision({1}, seeds(40), "old"), revision(set(range(90)), seeds(20), "new", epochs=9)
    found = compare_pair(old, new)
    errors_old, errors_new = ([len(each) for each in seeds(n)] for n in (40, 20))
    welch = stats.ttest_ind(errors_old, errors_new, equal_var=False)
    accuracy = found.find("accuracy")
    assert (found.old.errors, found.new.errors) == pytest.approx((np.mean(errors_old), np.mean(errors_new)))
    assert accuracy.these_images.p == pytest.approx(welch.pvalue)
    assert accuracy.these_networks is found.gained is None
    assert found.spread == "measured of old (6 seeds) and new (6 seeds)"
    assert found.digits[3].old_errors == pytest.approx(np.mean([len({i for i in s if i % 10 == 3}) for s in seeds(40)]))
    assert [row.measure for row in found.differences] == ["accuracy", "loss", "brier", "overconfidence"]


def test_where_one_side_has_seeds_its_spread_is_taken_for_both_and_that_is_said():
    found = compare_pair(revision(set(range(40)), seeds(40), "old"), revision({1}, name="new", epochs=9))
    assert found.spread == "measured of old (6 seeds) only, and taken for both"
    assert (found.old.runs, found.new.runs) == (6, 1)
    assert found.find("accuracy").any_images is not None


def test_seeds_of_other_settings_are_not_taken_for_those_of_these_and_that_is_said():
    stale = replace(revision({1, 2}, seeds(2)), lock=locked("changed since"))
    assert matching_runs(stale, revision({1}))[2] == "not measured (old: reports/seeds.csv is of other settings)"
    without_lock = replace(stale, lock=None)
    assert matching_runs(without_lock, revision({1}))[2].startswith("not measured (old: ")
    other_seed = replace(stale, parameters=stale.parameters | {"train.seed": 42})
    assert matching_runs(other_seed, revision({1}))[2].startswith("not measured (old: ")


def test_a_change_of_code_that_left_the_network_as_it_was_does_not_age_the_seeds():
    old = replace(revision({1, 2}, seeds(2)), lock=locked("reworded", model="of no revision"))
    assert matching_runs(old, revision({1}, name="new"))[2] == "measured of old (6 seeds) only, and taken for both"


def test_the_same_study_at_both_revisions_tells_nothing_of_their_difference():
    found = compare_pair(revision({1, 2}, seeds(9)), revision(set(range(60)), seeds(9), seed=3))
    assert (found.old.runs, found.new.runs, found.lost) == (1, 1, 58)
    assert found.spread == "of the same settings on both sides, so it cannot tell them apart"
    assert "the parameters differ in the seed alone, and an unlucky seed is no deterioration" in found.verdict


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            revision({1, 2}),
            revision({1, 2}, epochs=9),
            "The same images right and wrong. Loss +0.0000 nats: nothing to",
        ),
        (revision({1, 2}), revision({1, 3}), "Accuracy +0.00 points: inconclusive; another choice of images could"),
        (
            revision({1}),
            revision(set(), epochs=9),
            "Accuracy +0.50 points: inconclusive; another choice of images could turn it round (p = 1).",
        ),
        (
            revision({1}, [set(range(n)) for n in (18, 24, 30, 22)], "old"),
            revision({1}, [set(range(n)) for n in (20, 14, 25, 22)], "new", epochs=9),
            "Accuracy +1.63 points: inconclusive; the seeds alone could make such a difference, even on these 200",
        ),
        (
            revision({1}, seeds(40), "old"),
            revision({1}, seeds(40, start=3), "new", epochs=9),
            "Accuracy +0.00 points: inconclusive; the seeds alone",
        ),
        (
            revision({1}, seeds(24), "old"),
            revision({1}, seeds(30, start=60), "new", epochs=9),
            "Accuracy -3.00 points: the new settings are worse on these 200 images, whatever the seed (p < 0.0001); "
            "on other images of this kind it is inconclusive (p = 0.4",
        ),
        (
            revision({1}, seeds(40), "old"),
            revision({1}, seeds(10), "new", epochs=9),
            "Accuracy +15.00 points: evidence of improvement by the settings, whatever the seed, on any images",
        ),
        (
            revision({1}, seeds(10), "old"),
            revision({1}, seeds(40), "new", epochs=9),
            "Accuracy -15.00 points: evidence of deterioration by the settings, whatever the seed, on any images",
        ),
        (
            revision(set(range(40))),
            revision(set(range(10)), seed=3),
            "Accuracy +15.00 points; but the parameters differ in the seed alone, and a lucky seed is no improvement.",
        ),
    ],
)
def test_the_verdict_says_what_was_shown_and_for_which_images(old, new, sentence):
    assert compare_pair(old, new).verdict.startswith(sentence)


images = st.sets(st.integers(0, 199), max_size=60)
studies = st.none() | st.lists(images, min_size=2, max_size=4)


@settings(deadline=None, max_examples=40)
@given(images, images, studies, studies)
def test_swapping_the_revisions_flips_the_sign_and_nothing_else(first, second, some, others):
    one, other = revision(first, some, "one"), revision(second, others, "other", epochs=9)
    there, back = compare_pair(one, other), compare_pair(other, one)
    assert (back.old, back.new) == (there.new, there.old)
    assert back.parameters == {"train.epochs": {"old": 9, "new": 5}}
    assert (back.gained, back.lost) == (there.lost, there.gained)
    for row, turned in zip(there.differences, back.differences, strict=True):
        assert turned.value == -row.value
        for name in ("these_networks", "these_images", "any_images"):
            here, mirrored = getattr(row, name), getattr(turned, name)
            assert (here is None) == (mirrored is None)
            if here is not None:
                assert (mirrored.low, mirrored.high, mirrored.p) == pytest.approx((-here.high, -here.low, here.p))
    pairs = [("better", "worse"), ("improvement", "deterioration"), ("(lower)", "(higher)")]
    opposite = dict(pairs) | {second: first for first, second in pairs}
    words = re.sub("|".join(map(re.escape, opposite)), lambda match: opposite[match[0]], there.verdict)
    assert re.sub(r"[+-](?=\d)", "", back.verdict) == re.sub(r"[+-](?=\d)", "", words)


def test_the_report_is_a_text_with_the_verdict_last_and_markdown_with_the_verdict_first(history):
    out = printed("plain", "HEAD")
    assert "Plain" in out.splitlines()[0]
    assert "More epochs" in out.splitlines()[1]
    assert "train.epochs: 5 → 9" in out
    assert out.splitlines()[-2].startswith("Verdict: Accuracy +10.00 points")
    assert max(map(len, out.splitlines()[:-2])) < 120
    report = printed("plain", "HEAD", "--md")
    assert report.splitlines()[2].startswith("**Accuracy +10.00 points")
    for block in report.split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1
    assert "- train.epochs: 5 → 9" in report


def test_a_report_of_seeds_has_a_column_for_each_kind_of_images():
    shown = text([compare_pair(revision({1}, seeds(40), "old"), revision({1}, seeds(20), "new", epochs=9))])
    head = next(line for line in shown.splitlines() if line.startswith("validation, n = 200"))
    assert head.split("difference  ")[1].split("  ") == ["any seed, these images", "any seed, any images"]
    assert "old: mean of 6 seeds, standard deviation of the accuracy 0.45 points" in shown
    assert "Spread between seeds: measured of old (6 seeds) and new (6 seeds)." in shown
    assert "e+0" not in shown


def test_what_markdown_would_take_for_markup_stays_as_it_is():
    found = compare_pair(replace(revision(set()), subject="a|b <b> *c* `d`"), revision({1}, name="other"))
    assert "a\\|b \\<b> \\*c\\* \\`d\\`" in markdown([found])
    assert "a|b <b> *c* `d`" in text([found])
    assert "No parameter differs." in text([found])


def test_a_verdict_needs_no_more_than_the_result_and_the_result_is_json():
    (found,) = compare_all(revision({1}), [revision({2}, epochs=9)], 0.01)
    assert verdict(found) == found.verdict
    json.dumps(asdict(found), allow_nan=False)


def test_flips_are_those_that_only_one_gets_right_the_most_confident_mistake_first():
    old, new = frame({1, 2, 3}), frame({3, 4})
    old.loc[2, "confidence"] = 0.99
    gained, lost = find_flips(old, new)
    assert gained.to_numpy().tolist() == [[2, 3, 2], [1, 2, 1]]
    assert lost.to_numpy().tolist() == [[4, 4, 5]]


@pytest.mark.parametrize(("wrong", "titles"), [(set(), 0), ({5, 7}, 2), (set(range(100)), 30)])
def test_the_figure_of_flips_has_both_answers_over_each_image(wrong, titles):
    flips = find_flips(frame(wrong), frame(set()))
    figure = draw_flips(np.zeros((200, 28, 28)), *flips, ["zero", "one"])
    left, right = figure.subfigs
    found = [text.get_text() for text in left.axes[0].texts]
    assert len(found) == titles
    assert not right.axes[0].texts
    assert right.get_suptitle() == "Lost: 0 images"
    if titles == 2:
        assert found == ["old 6\nnew 5", "old 8\nnew 7"]
    if titles == 30:
        assert left.get_suptitle() == "Gained: 100 images, the 30 most confident mistakes"
        assert found[:2] == ["old one\nnew zero", "old 2\nnew one"]
    figures.plt.close(figure)


def test_plot_draws_a_png_if_the_test_images_are_there(history):
    arguments = ("plain", "HEAD", "--plot", "flips.png")
    assert "data/normalized/validation/images.npy is missing: run `dvc repro normalize`, or `dvc pull`" in refused(
        *arguments
    )
    folder = history / "data/normalized/validation"
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", np.zeros((200, 28, 28), np.float32))
    np.save(folder / "labels.npy", np.zeros(200, np.uint8))
    assert "expected the images that plain (" in refused(*arguments)
    np.save(folder / "labels.npy", ACTUAL.astype(np.uint8))
    printed(*arguments)
    assert (history / "flips.png").read_bytes().startswith(b"\x89PNG")


def test_pairing_needs_the_same_rows_not_the_same_answers():
    require_pairs(revision({1}), revision({2}))
    short = revision({1})
    with pytest.raises(
        PipelineError, match="expected the same validation images in one and short, found 200 images in one"
    ):
        require_pairs(revision({1}), replace(short, name="short", predictions=short.predictions[:-1]))
