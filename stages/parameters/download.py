"""The parameters of download."""

from typing import Annotated

from pydantic import Field, StringConstraints

from common.params import Section

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Digests(Section):
    """SHA-256 of each decompressed IDX file, by its published name; None: unknown, and download says what it found."""

    train_images: Sha256 | None = Field(alias="train-images-idx3-ubyte")
    train_labels: Sha256 | None = Field(alias="train-labels-idx1-ubyte")
    test_images: Sha256 | None = Field(alias="t10k-images-idx3-ubyte")
    test_labels: Sha256 | None = Field(alias="t10k-labels-idx1-ubyte")


class Download(Section):
    sources: Annotated[list[str], Field(min_length=1)]
    sha256: Digests
