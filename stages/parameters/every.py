"""All sections of params.yaml, for the stage `check`, and for tools before a long study."""

from common import params
from common.errors import PipelineError
from parameters.about import About
from parameters.dataset import Dataset
from parameters.download import Download
from parameters.eda import Eda
from parameters.evaluate import Evaluate
from parameters.figures import Figures
from parameters.model import Model
from parameters.normalize import Normalize
from parameters.plot import Plot
from parameters.reader import Reader
from parameters.train import Train

SECTIONS: list[type[params.Section]] = [
    Dataset,
    About,
    Download,
    Normalize,
    Eda,
    Model,
    Train,
    Reader,
    Evaluate,
    Plot,
    Figures,
]


def faults(values: dict) -> list[str]:
    """Return a line for each fault of `values`, what params.yaml holds; none if all sections are there and valid."""
    found = []
    for section in SECTIONS:
        try:
            params.validate(section, values)
        except PipelineError as error:
            found.append(str(error))
    names = {section.__name__.lower() for section in SECTIONS}
    return found + [f"{params.PATH}: no such section: `{name}`" for name in values if name not in names]


def require_valid() -> None:
    """Raise PipelineError, a line for each fault, unless params.yaml is valid."""
    if found := faults(params.read()):
        raise PipelineError("\n  ".join(found))
