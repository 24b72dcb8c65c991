"""What page, card and figures say about the data. No number depends on it, so nothing is trained again."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from common.params import Section

Words = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$", max_length=500)]


class About(Section):
    name: Words  # of the data set
    subject: Words  # what the images show, in the plural: "a network that recognises ..."
    unit: Words  # what one class is called: "actual ...", "every ..."
    form: Literal["strokes", "pictures"]  # strokes can be drawn on the page and found in a photo, pictures cannot
    origin: Words
    licence: Words
