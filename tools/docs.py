"""Fill the marked blocks of README.md and docs/.

`<!-- numbers: seeds -->` ... `<!-- end -->` holds the accuracy in reports/seeds.csv, `recipes` the table of
reports/record.csv: no stage writes these, so they stay true when a parameter changes. `<!-- output -->` ...
`<!-- end -->` holds a console block: its commands (after `$ `) run again, and their output is replaced.
"""

from running.project import PROJECT, run

import argparse
import re
import subprocess

import pandas as pd
from tabulate import tabulate

from common import params
from common.errors import PipelineError
from common.files import atomic_write
from running import copies

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- (?:numbers: (?P<name>\w+)|output) -->\n)(?P<old>.*?)(<!-- end -->)", re.DOTALL)


def spread(accuracies: pd.Series) -> str:
    deviation = f" ± {100 * accuracies.std(ddof=1):.2f}" if len(accuracies) > 1 else ""
    return f"{100 * accuracies.mean():.2f} %{deviation}"


def seeds() -> str:
    """Return the test accuracy over the seeds."""
    accuracies = pd.read_csv(PROJECT / "reports/seeds.csv")["accuracy"]
    return f"Test accuracy **{spread(accuracies)}** (mean ± standard deviation, n = {len(accuracies)} seeds)\n"


def recipes() -> str:
    """Return a table with the test accuracy and the time of each recipe."""
    rows, usual = [], params.read(PROJECT / params.PATH)["model"]
    for name, runs in pd.read_csv(PROJECT / "reports/record.csv").groupby("recipe"):
        recipe = params.parse((PROJECT / f"recipes/{name}.yaml").read_text(encoding="utf-8"))
        model = usual | recipe.get("model", {})
        layers = {"convolutions": model["convolutions"], "dense": model["hidden_units"]}
        network = ", ".join(f"{kind} {' and '.join(map(str, sizes))}" for kind, sizes in layers.items() if sizes)
        minutes = " to ".join(dict.fromkeys(f"{runs['minutes'].agg(end):.0f}" for end in ("min", "max")))
        accuracy = f"{spread(runs['accuracy'])} (n = {len(runs)})"
        rows.append([f"`{name}`", network, runs["epochs"].iloc[0], accuracy, minutes])
    head = ["recipe", "network", "epochs", "test accuracy", "minutes on two cores"]
    return tabulate(rows, head, tablefmt="github", disable_numparse=True) + "\n"


def output(block: str) -> str:
    """Return a console block with the new output of its commands; only the last may print."""
    commands = re.findall(r"^\$ (.+)$", block, re.MULTILINE)
    # `dvc metrics diff` names its files in the order of a set, which the hash seed decides.
    environment = {**copies.environment(), "PYTHONHASHSEED": "0"}
    result = subprocess.run(
        ["bash", "-ec", "\n".join(commands)], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    if result.returncode:
        raise PipelineError(f"{commands[-1]}: {result.stderr.strip()}")
    shown = "".join(f"$ {command}\n" for command in commands)
    return f"```console\n{shown}{result.stdout.rstrip()}\n```\n"


def fill(text: str) -> str:
    """Return a page with all its blocks filled. Raises PipelineError when a command fails."""
    numbers = {"seeds": seeds, "recipes": recipes}

    def new(match: re.Match) -> str:
        content = numbers[match["name"]]() if match["name"] else output(match["old"])
        return f"{match[1]}{content}{match[4]}"

    return BLOCK.sub(new, text)


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    for path in PAGES:
        old = path.read_text(encoding="utf-8")
        new = fill(old)
        if new != old:
            with atomic_write(path) as part:
                part.write_text(new, encoding="utf-8", newline="\n")
        print(f"docs: {path.relative_to(PROJECT)}{'' if new == old else ' has changed'}")


if __name__ == "__main__":
    run(main)
