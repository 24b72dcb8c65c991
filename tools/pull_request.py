"""Write the report of a pull request in Markdown: what it does to the results, and whether the change is real.

Usage: python tools/pull_request.py [BASE] [--out FILE.md] [--flips FILE.png]

Compares the files as they are now, after `make`, with the commit where the branch left BASE, `main` by default.
Writes to standard output, or to a file with links relative to it.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import running.stages_on_path  # noqa: F401
from common.errors import PipelineError, run
from common.files import atomic_write
from compare import compare
from comparison import reports
from comparison.revisions import WORKSPACE, find_commit, git, read_revision


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
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        told = result.stderr.strip() or f"exit status {result.returncode}"
        raise PipelineError(f"dvc {kind} diff: {told.splitlines()[-1].removeprefix('ERROR: ')}")
    table = result.stdout.strip()
    return table if table.count("\n") > 1 else "No difference."  # a head and a rule without a row


def find_figures(base: str) -> list[Path]:
    """Return the PNG files under reports/ that are new or other than in `base`, relative to the current folder."""
    changed = git("diff", "-z", "--name-only", "--relative", "--diff-filter=d", base, "--", "reports/*.png")
    untracked = git("ls-files", "-z", "--others", "--exclude-standard", "--", "reports/*.png")
    return sorted(Path(name) for name in (changed + untracked).decode().split("\0") if name)


def find_uncommitted() -> list[str]:
    """Return the results that are other than in the last commit, as after a change without its results."""
    listed = git("status", "--porcelain", "--no-renames", "--", "dvc.lock", "reports").decode()
    return [line[3:] for line in listed.splitlines()]


def report_verdict(base: str, flips: Path | None) -> str:
    """Return what compare.py says, and draw the flips; if there are no pairs to compare, return the reason."""
    try:
        old, new = read_revision(base), read_revision(WORKSPACE)
        report = reports.markdown(compare(old, new))
    except PipelineError as error:
        return f"**Not comparable:** {error}"
    if flips:
        from comparison.flips import save_flips  # Matplotlib, which only this needs

        save_flips(old, new, flips)
    return report


def link(path: Path, folder: Path) -> str:
    name = Path(os.path.relpath(path, folder)).as_posix()
    return f"- [{name}](<{name}>)"


def report(base: str, folder: Path, flips: Path | None) -> str:
    """Return the whole report, with links relative to `folder`."""
    sections = {
        "Is the change real?": report_verdict(base, flips),
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
    arguments = parser.parse_args()

    base = find_base(arguments.base)
    if not arguments.out:
        print(report(base, Path(), arguments.flips), end="")
        return
    text = report(base, arguments.out.parent, arguments.flips)
    with atomic_write(arguments.out) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    run(main)
