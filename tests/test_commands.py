import sys

import pytest

from fixtures import PROJECT

COMMANDS = [
    path
    for room in ("tools", "reader", "cluster")
    for path in (PROJECT / room).glob("*.py")
    if "__doc__" in path.read_text()
]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_a_command_explains_itself_where_python_leaves_docstrings_out(path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    names = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(path.read_text(), path, "exec", optimize=2), names)
    with pytest.raises(SystemExit, match="^0$"):
        names["main"]()
    assert capsys.readouterr().out.startswith(f"usage: {path.name}")
