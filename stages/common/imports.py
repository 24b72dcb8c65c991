"""Import a large package without the optional packages that it would import too, and without searches for garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_without(*unused: str) -> Iterator[None]:
    """Import as if the packages `unused` were not installed.

    For packages that import optional dependencies whenever they are installed. What is imported is no garbage, and
    there is much of it: Python looks for none meanwhile, and leaves it out of later searches.
    """
    hidden = [name for name in unused if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import raises ImportError
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searches:
            gc.enable()
        for name in hidden:
            del sys.modules[name]
