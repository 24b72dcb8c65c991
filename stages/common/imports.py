"""Import a large package without the optional packages that it would import too."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_without(*unused: str) -> Iterator[None]:
    """Import as if the packages `unused` were not installed, with garbage collection disabled.

    Later collections skip what was imported (they took 5 % of a training). For packages that import optional
    dependencies whenever they are installed.
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
