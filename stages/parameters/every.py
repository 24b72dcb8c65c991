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


def require_valid() -> None:
    """Raise PipelineError, a line for each fault, unless params.yaml holds all sections and nothing else."""
    found = []
    for section in SECTIONS:
        try:
            params.load(section)
        except PipelineError as error:
            found.append(str(error))
    names = {section.__name__.lower() for section in SECTIONS}
    found += [f"{params.PATH}: no such section: `{name}`" for name in params.read() if name not in names]
    if found:
        raise PipelineError("\n  ".join(dict.fromkeys(found)))
