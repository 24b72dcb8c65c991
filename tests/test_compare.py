"""compare.py on made-up histories in a temporary repository; its statistics are tested in test_paired.py."""

import json
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from math import sqrt
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
from compare import require_pairs
from comparison.flips import draw_flips, find_flips
from comparison.reports import markdown, text, verdict
from comparison.revisions import Revision, flatten, read_revision
from conftest import AUTHOR, PROJECT, run, succeed
from drawing import figures

COMPARE = PROJECT / "tools/compare.py"
ACTUAL = np.arange(200) % 10
SETTINGS = {"dataset": {"class_names": [f"d{i}" for i in range(10)]}, "train": {"epochs": 5, "seed": 0}}
SEEDS = "seed,val_accuracy,accuracy,errors,loss\n" + "".join(
    f"{i},0.9,0.9,{errors},0.1\n" for i, errors in enumerate([20, 18, 22, 20])
)


def answers(*wrong: int) -> str:
    """The predictions.csv of a network that takes these images for the next digit, and is surer of the later ones."""
    rows = [
        f"{i},{actual},{(actual + (i in wrong)) % 10},{0.5 + i / 1000:.6f}" for i, actual in enumerate(ACTUAL.tolist())
    ]
    return "\n".join(["index,actual,predicted,confidence", *rows, ""])


def write(folder: Path, predictions: str, seeds: str | None = None, **train: object) -> None:
    """Put the results of one revision into the working tree."""
    (folder / "reports/evaluate").mkdir(parents=True, exist_ok=True)
    (folder / "reports/evaluate/predictions.csv").write_text(predictions)
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS | {"train": SETTINGS["train"] | train}))
    if seeds is not None:
        (folder / "reports/seeds.csv").write_text(seeds)


def commit(folder: Path, subject: str) -> None:
    succeed(folder, "git", "add", "--all")
    succeed(folder, "git", "commit", "--quiet", "--allow-empty", "-m", subject, **AUTHOR)


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


def printed(*arguments: str) -> str:
    """What compare.py prints, called in this process: a new one takes seconds to import SciPy and pandas."""
    with patch("sys.argv", ["compare.py", *arguments]), redirect_stdout(StringIO()) as out:
        errors.run(compare.main)
    return out.getvalue()


def compared(*arguments: str) -> dict:
    return json.loads(printed(*arguments, "--json"))


def refused(*arguments: str) -> str:
    """The one line that compare.py ends with when it refuses."""
    with pytest.raises(SystemExit) as end:
        printed(*arguments)
    assert end.value.code.startswith("compare: ")
    assert "\n" not in end.value.code
    return end.value.code


def revision(wrong: set[int], seeds: list[int] | None = None, name: str = "one", **train: object) -> Revision:
    predictions = pd.DataFrame({"index": range(200), "actual": ACTUAL, "predicted": ACTUAL, "confidence": 0.9})
    predictions.loc[sorted(wrong), "predicted"] = (ACTUAL[sorted(wrong)] + 1) % 10
    table = None if seeds is None else pd.DataFrame({"seed": range(len(seeds)), "errors": seeds})
    return Revision(name, "subject", predictions, flatten(SETTINGS | {"train": SETTINGS["train"] | train}), table)


def test_two_commits_are_compared_image_by_image(history):
    result = compared("plain", "HEAD")
    assert (result["old"]["errors"], result["new"]["errors"]) == (40, 20)
    assert (result["old"]["accuracy"], result["new"]["accuracy"]) == (0.8, 0.9)
    assert (result["difference"]["gained"], result["difference"]["lost"], result["difference"]["errors"]) == (
        30,
        10,
        -20,
    )
    assert result["difference"]["accuracy"] == 0.1
    assert result["difference"]["p"] == pytest.approx(stats.binomtest(10, 40).pvalue, rel=0.01)
    interval = stats.binomtest(180, 200).proportion_ci(method="wilson")
    assert (result["new"]["low"], result["new"]["high"]) == pytest.approx(tuple(interval), abs=1e-6)
    assert result["difference"]["low"] < 0.1 < result["difference"]["high"]
    assert result["parameters"] == {"train.epochs": {"old": 5, "new": 9}}
    assert result["digits"][0] == {"name": "d0", "images": 20, "old_errors": 4, "new_errors": 2}
    assert sum(digit["images"] for digit in result["digits"]) == result["images"] == 200
    assert result["seeds"] is result["settings"] is None
    assert result["verdict"].startswith("20 fewer errors: the new network is better than the old one (p = ")
    assert "`python tools/seeds.py 10`" in result["verdict"]


def test_by_default_the_last_commit_is_compared_with_the_working_tree(history):
    write(history, answers(*range(30, 50), 60), epochs=9)
    result = compared()
    assert (result["difference"]["gained"], result["difference"]["lost"]) == (0, 1)
    assert result["parameters"] == {}
    assert result["verdict"].startswith("1 more error; another choice of test images could turn it round (p = 1)")
    assert result["new"]["name"] == "working tree"
    assert compared("HEAD", "workspace") == result


def test_a_revision_may_be_a_hash_a_branch_a_tag_or_an_experiment(history):
    commits = succeed(history, "git", "log", "--format=%H").split()
    for number, baseline in enumerate(commits):  # the same name on two baselines, as DVC allows
        ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/ashen-fibs"
        succeed(history, "git", "update-ref", ref, commits[1 - number])
    expected = compared("plain", "main")
    for old in (commits[1], commits[1][:7], "main~1", "ashen-fibs"):
        assert compared(old, "main")["difference"] == expected["difference"]
    assert read_revision("ashen-fibs").subject == "Plain"  # that of the current commit
    succeed(history, "git", "commit", "--quiet", "--allow-empty", "-m", "Later", **AUTHOR)
    assert "2 experiments have this name" in refused("ashen-fibs")


def test_a_project_in_a_subfolder_of_its_repository_is_compared_too(history, monkeypatch):
    write(history / "inner", answers(1, 2, 3))
    commit(history, "Inner")
    write(history / "inner", answers(1, 2))
    monkeypatch.chdir(history / "inner")
    assert compared()["difference"]["gained"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-1], "found 200 images in HEAD"),
        (lambda lines: [lines[0], "0,7,7,0.9", *lines[2:]], "found 1 rows of reports/evaluate/predictions.csv"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "found 2 rows of"),
        (lambda lines: ["index,actual,predicted", *(line.rsplit(",", 1)[0] for line in lines[1:])], "expected rows of"),
        (lambda lines: lines[:1], "found 0 rows of index,actual,predicted,confidence"),
        (lambda lines: [lines[0], "0,zero,0,0.9"], "cannot be read"),
        (lambda lines: [], "cannot be read"),
    ],
)
def test_other_test_images_or_no_predictions_are_refused(history, change, message):
    lines = answers().splitlines()
    write(history, "\n".join([*change(lines), ""]))
    assert message in refused()


@pytest.mark.parametrize(("seeds", "message"), [("", "cannot be read"), ("seed,errors\n", "found 0 rows of")])
def test_an_empty_table_of_seeds_is_refused(history, seeds, message):
    write(history, answers(), seeds=seeds)
    assert message in refused()


def test_what_is_not_there_is_refused(history):
    assert "nonsense: neither a Git revision nor a DVC experiment" in refused("nonsense")
    assert "HEAD:params.yaml: neither" in refused("HEAD:params.yaml")
    succeed(history, "git", "rm", "--quiet", "-r", "reports")
    succeed(history, "git", "commit", "--quiet", "-m", "No results", **AUTHOR)
    assert "no reports/evaluate/predictions.csv there; run `dvc repro` and commit" in refused("plain", "HEAD")
    assert "working tree: no reports/evaluate/predictions.csv there" in refused("plain")
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
    assert compared()["difference"]["gained"] == 20
    write(history, answers(), epochs=10, rate=0.001)
    assert "made with train.epochs = 9, but params.yaml says 10; run `dvc repro`" in refused()


def test_the_seeds_of_either_revision_tell_how_much_is_luck(history):
    write(history, answers(*range(30, 50)), SEEDS, epochs=9)
    commit(history, "Seeds")
    result = compared("plain", "HEAD")
    sd = np.std([20, 18, 22, 20], ddof=1)
    assert result["seeds"] == {
        "n": 4,
        "errors_sd": pytest.approx(sd, abs=1e-6),
        "share_of_pairs": pytest.approx(2 * stats.t.sf(20 / sd / sqrt(2), 3), abs=1e-6),
    }
    assert result["settings"]["low"] < result["difference"]["low"] < 0.1
    assert "evidence of improvement" in result["verdict"]
    assert compared("HEAD", "plain")["seeds"] == result["seeds"]


def test_seeds_that_another_commit_left_behind_are_not_taken_for_those_of_these_settings():
    good, stale, unknown = revision({1, 2}, [2, 4]), revision({1, 2}, [3, 4]), revision({1, 2}, [3, 4], seed=7)
    assert [list(group) for group in compare.matching_seeds(good, stale)] == [[0.99, 0.98]]
    assert compare.matching_seeds(stale, revision({1})) == []
    assert len(compare.matching_seeds(unknown, unknown)) == 1


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (revision({1, 2}), revision({1, 2}, epochs=9), "The same test images right and wrong: nothing to explain."),
        (revision({1, 2}), revision({1, 3}), "As many errors, but on other images: not evidence of a difference."),
        (
            revision({1}),
            revision(set(), epochs=9),
            "1 fewer error; another choice of test images could turn it round (p = 1): not evidence of improvement.",
        ),
        (
            revision(set(range(20)), [20, 24, 16, 22]),
            revision(set(range(17)), epochs=9),
            "3 fewer errors; a difference this size between two seeds of the same settings is common (5",
        ),
        (
            revision(set(range(20)), [20, 40, 30, 25]),
            revision(set(range(5)), epochs=9),
            "15 fewer errors; the new network is better than the old one (p < 0.0001), but a difference this size "
            "between two seeds of the same settings is common (30 %): not evidence of improvement by the settings.",
        ),
        (
            revision(set(range(70))),
            revision(set(range(70, 110)), [40, 49, 31, 49, 31, 49, 31, 49, 31, 40], epochs=9),
            "30 fewer errors; the choice of test images and the seed together could explain it: weak evidence",
        ),
        (
            revision(set(range(20)), [20, 19, 21, 20]),
            revision(set(range(10, 40)), epochs=9),
            "10 more errors; another choice of test images could turn it round (p = 0.099): not evidence of det",
        ),
        (
            revision(set(range(40)), [40, 39, 41, 40]),
            revision(set(range(10)), epochs=9),
            "30 fewer errors: more than the choice of test images and the seed together explain: evidence of improv",
        ),
        (
            revision(set(range(10)), [10, 9, 11, 10]),
            revision(set(range(40)), epochs=9),
            "30 more errors: more than the choice of test images and the seed together explain: evidence of deteri",
        ),
        (
            revision(set(range(40))),
            revision(set(range(10)), seed=3),
            "30 fewer errors; but the parameters differ in the seed alone, and a lucky seed is no improvement.",
        ),
    ],
)
def test_the_verdict_says_what_one_run_each_allows_to_say(old, new, sentence):
    assert compare.compare(old, new)["verdict"].startswith(sentence)


images = st.sets(st.integers(0, 199), max_size=60)


@settings(deadline=None, max_examples=50)
@given(images, images, st.none() | st.lists(st.integers(0, 60), min_size=1, max_size=5))
def test_swapping_the_revisions_flips_the_sign_and_nothing_else(first, second, seeds):
    one, other = revision(first, seeds, "one"), revision(second, None, "other", epochs=9)
    there, back = compare.compare(one, other), compare.compare(other, one)
    assert (back["old"], back["new"]) == (there["new"], there["old"])
    assert (back["images"], back["seeds"]) == (there["images"], there["seeds"])
    assert back["parameters"] == {"train.epochs": {"old": 9, "new": 5}}
    for key in ("difference", "settings"):
        if there[key] is not None:
            assert (back[key]["low"], back[key]["high"]) == pytest.approx(
                (-there[key]["high"], -there[key]["low"]), abs=2e-6
            )
    difference, turned = there["difference"], back["difference"]
    assert (turned["accuracy"], turned["errors"]) == (-difference["accuracy"], -difference["errors"])
    assert (turned["gained"], turned["lost"], turned["p"]) == (
        difference["lost"],
        difference["gained"],
        difference["p"],
    )
    for mine, yours in zip(there["digits"], back["digits"], strict=True):
        assert mine == yours | {"old_errors": yours["new_errors"], "new_errors": yours["old_errors"]}
    pairs = [("fewer error", "more error"), ("better", "worse"), ("improvement", "deterioration")]
    opposite = dict(pairs) | {second: first for first, second in pairs}
    assert back["verdict"] == re.sub("|".join(opposite), lambda match: opposite[match[0]], there["verdict"])


def test_the_report_is_a_text_with_the_verdict_last_and_markdown_with_the_verdict_first(history):
    out = printed("plain", "HEAD")
    assert "Plain" in out.splitlines()[0]
    assert "More epochs" in out.splitlines()[1]
    assert "train.epochs: 5 → 9" in out
    assert out.splitlines()[-1].startswith("Verdict: 20 fewer errors")
    assert max(map(len, out.splitlines()[:-1])) < 120
    report = printed("plain", "HEAD", "--md")
    assert report.splitlines()[2].startswith("**20 fewer errors")
    for block in report.split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1
    assert "- train.epochs: 5 → 9" in report


def test_what_markdown_would_take_for_markup_stays_as_it_is():
    result = compare.compare(revision(set())._replace(subject="a|b <b> *c* `d`"), revision({1}, name="other"))
    assert "a\\|b \\<b> \\*c\\* \\`d\\`" in markdown(result)
    assert "a|b <b> *c* `d`" in text(result)
    assert "No parameter differs." in text(result)


def test_a_verdict_needs_no_more_than_the_printed_result(history):
    result = compared("plain", "HEAD")
    assert verdict(result) == result["verdict"]


def test_flips_are_those_that_only_one_gets_right_the_most_confident_mistake_first():
    old, new = revision({1, 2, 3}).predictions, revision({3, 4}).predictions
    old.loc[2, "confidence"] = 0.99
    gained, lost = find_flips(old, new)
    assert gained.to_numpy().tolist() == [[2, 3, 2], [1, 2, 1]]
    assert lost.to_numpy().tolist() == [[4, 4, 5]]


@pytest.mark.parametrize(("wrong", "titles"), [(set(), 0), ({5, 7}, 2), (set(range(100)), 30)])
def test_the_figure_of_flips_has_both_answers_over_each_image(wrong, titles):
    flips = find_flips(revision(wrong).predictions, revision(set()).predictions)
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
    assert "data/normalized/test/images.npy is missing: run `dvc repro normalize`, or `dvc pull`" in refused(*arguments)
    folder = history / "data/normalized/test"
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
    with pytest.raises(PipelineError, match="expected the same test images in one and short, found 200 images in one"):
        require_pairs(revision({1}), short._replace(name="short", predictions=short.predictions[:-1]))
