"""The parameters of all figures."""

from common.params import Section


class Figures(Section):
    font: str | None
