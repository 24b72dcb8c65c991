import math
import signal
from unittest.mock import Mock

import pytest

from common import errors
from common.errors import PipelineError
from common.files import atomic_write, require, save_json
from fixtures import PROJECT, succeed


def test_a_file_appears_only_when_the_block_has_ended(tmp_path):
    path = tmp_path / "new" / "file"
    with atomic_write(path) as part:
        part.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_an_error_leaves_the_old_file_and_no_part(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_json_has_sorted_keys_and_no_nan(tmp_path):
    save_json(tmp_path / "a.json", {"b": 1, "a": {"d": 0.5, "c": 2}})
    assert (tmp_path / "a.json").read_bytes() == b'{\n  "a": {\n    "c": 2,\n    "d": 0.5\n  },\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        save_json(tmp_path / "a.json", {"a": math.nan})


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_console_that_lacks_a_letter_shows_a_question_mark(encoding, tmp_path):
    script = f"import sys; sys.path.insert(0, {str(PROJECT / 'stages')!r}); from common.errors import run; "
    script += "run(lambda: print('128 → 512 あ'))"
    printed = succeed(tmp_path, "python", "-c", script, PYTHONIOENCODING=encoding)
    assert printed == ("128 → 512 あ\n" if encoding == "utf-8" else "128 ? 512 ?\n")


def test_a_missing_input_names_the_stage_to_run(tmp_path):
    with pytest.raises(PipelineError, match=r"gone is missing: run `python stages/train\.py` first"):
        require(tmp_path / "gone", "train")


def ended(error: BaseException, monkeypatch) -> object:
    """The status or the message with which a stage ends whose `main` raises this error."""
    monkeypatch.setattr("sys.argv", ["stages/train.py"])
    with pytest.raises(SystemExit) as end:
        errors.run(Mock(side_effect=error))
    return end.value.code


def test_a_failure_is_one_line_and_a_status(monkeypatch):
    assert ended(PipelineError("no data"), monkeypatch) == "train: no data"
    full = OSError(28, "No space left on device", "models/x")
    assert ended(full, monkeypatch) == "train: No space left on device (models/x)"


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ([], "before the end; run it again, and it starts from the beginning"),
        (["after epoch 3 of 12; run it again, and it goes on from there"], "after epoch 3 of 12; run it again"),
    ],
)
def test_an_interrupt_says_how_far_it_came(notes, told, monkeypatch, capsys):
    error = KeyboardInterrupt(signal.SIGTERM)
    for note in notes:
        error.add_note(note)
    assert ended(error, monkeypatch) == 143
    assert capsys.readouterr().err.startswith(f"train: interrupted {told}")
