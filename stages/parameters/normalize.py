"""The parameters of normalize."""

from common.params import Fraction, Section, Seed


class Normalize(Section):
    validation_fraction: Fraction
    seed: Seed
