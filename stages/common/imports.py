"""Import a large package without what takes time and is of no use here."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_without(*unused: str) -> Iterator[None]:
    """Import as if the packages `unused` were not installed, and without a search for garbage, of which there is none.

    Nor do later searches go through all that is there by then; they took a twentieth of the time of a training.
    For packages that make something optional of others, and import them whenever they find them.
    """
    hidden = [name for name in unused if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import raises ImportError
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        for name in hidden:
            del sys.modules[name]
