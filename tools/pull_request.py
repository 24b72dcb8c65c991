"""Write the report of a pull request in Markdown: what changes in the results, and whether it is more than noise.

Usage: python tools/pull_request.py [BASE] [--out FILE.md] [--flips FILE.png] [--split test] [--margin POINTS]

Compares the files as they are now, after `make`, with the commit where the branch left BASE, `main` by default.
Writes to standard output, or to a file with links relative to it. The exit status with --margin is that of compare.py,
and 1 if the revisions cannot be compared: the report is written all the same.
"""

import running.stages_on_path  # noqa: F401

import argparse
import os
import subprocess
import sys
from pathlib import Path

from common.errors import PipelineError, run
from common.files import atomic_write
from compare import add_options, status
from comparison import reports
from comparison.judgement import compare_all
from comparison.revisions import WORKSPACE, find_commit, read_revision
from running.git import git, is_partial

PATIENCE = 300  # seconds for one `dvc diff`, which takes two


def find_base(name: str) -> str:
    """Return the short hash of the commit where HEAD left the branch `name`. Raises PipelineError if there is none."""
    commit = find_commit(name)
    try:
        return git("rev-parse", "--short", git("merge-base", commit, "HEAD").decode().strip()).decode().strip()
    except PipelineError:
        raise PipelineError(f"{name} and HEAD have no commit in common here: fetch the whole history") from None


def dvc_diff(kind: str, base: str) -> str:
    """Return `dvc metrics diff` or `dvc params diff` against `base` as a Markdown table. Raises PipelineError."""
    command = [sys.executable, "-m", "dvc", kind, "diff", "--md", base]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"`dvc {kind} diff` had not ended after {PATIENCE} seconds."
    if result.returncode:
        told = result.stderr.strip() or f"exit status {result.returncode}"
        raise PipelineError(f"dvc {kind} diff: {told.splitlines()[-1].removeprefix('ERROR: ')}")
    table = result.stdout.strip()
    return table if table.count("\n") > 1 else "No difference."  # a head and a rule without a row


def find_figures(base: str) -> list[Path]:
    """Return the PNG files under reports/ that are new or differ from `base`, relative to the current folder."""
    changed = git("diff", "-z", "--name-only", "--relative", "--diff-filter=d", base, "--", "reports/*.png")
    untracked = git("ls-files", "-z", "--others", "--exclude-standard", "--", "reports/*.png")
    return sorted(Path(name) for name in (changed + untracked).decode().split("\0") if name)


def find_uncommitted() -> list[str]:
    """Return the results that differ from the last commit, as after a change committed without its results."""
    listed = git("status", "--porcelain", "-z", "--no-renames", "--", "dvc.lock", "reports").decode().split("\0")
    inside = git("rev-parse", "--show-prefix").decode().strip()  # of a larger repository, whose root Git counts from
    return [line[3:].removeprefix(inside) for line in listed if line]


def fetch_content(base: str) -> None:
    """Let Git fetch the files of `base`: in a partial clone DVC would wait for them for ever."""
    if is_partial():
        git("archive", base)


def report_verdict(base: str, flips: Path | None, split: str, margin: float | None) -> tuple[str, int]:
    """Return what compare.py says and its exit status, and draw the flips; without pairs the reason and 1."""
    try:
        old, new = read_revision(base, split), read_revision(WORKSPACE, split)
        (found,) = compare_all(old, [new], margin)
    except PipelineError as error:
        return f"**Not comparable:** {error}", int(margin is not None)
    if flips:
        from comparison.flips import save_flips  # Matplotlib, which only this needs

        save_flips(old, new, flips)
    return reports.markdown([found]), status([found])


def link(path: Path, folder: Path) -> str:
    name = Path(os.path.relpath(path, folder)).as_posix()
    return f"- [{name}](<{name}>)"


def report(base: str, folder: Path, verdict: str, flips: Path | None) -> str:
    """Return the whole report, with links relative to `folder`."""
    sections = {
        "Is the change real?": verdict,
        "Metrics": dvc_diff("metrics", base),
        "Parameters": dvc_diff("params", base),
    }
    figures = [*find_figures(base), *([flips] if flips and flips.exists() else [])]
    sections["Figures that changed"] = "\n".join(link(path, folder) for path in figures) or "None."
    uncommitted = "\n".join(f"- `{name}`" for name in find_uncommitted())
    sections["Results that are not committed"] = uncommitted or "None: the commit holds what the pipeline makes here."
    return "\n".join(f"## {title}\n\n{body}\n" for title, body in sections.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "base", metavar="BASE", nargs="?", default="main", help="the branch to merge into, or a revision"
    )
    parser.add_argument("--out", metavar="FILE.md", type=Path, help="write to a file instead of standard output")
    parser.add_argument("--flips", metavar="FILE.png", type=Path, help="draw the images gained and lost, and link them")
    add_options(parser)
    arguments = parser.parse_args()

    base = find_base(arguments.base)
    fetch_content(base)
    verdict, code = report_verdict(base, arguments.flips, arguments.split, arguments.margin)
    text = report(base, arguments.out.parent if arguments.out else Path(), verdict, arguments.flips)
    if arguments.out:
        with atomic_write(arguments.out) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    else:
        print(text, end="")
    sys.exit(code)


if __name__ == "__main__":
    run(main)
