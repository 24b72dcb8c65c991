"""Import a large package without the optional packages that it would import too."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_without(*unused: str) -> Iterator[None]:
    """Import as if the packages `unused` were not installed.

    For packages that import optional dependencies whenever they are installed.
    """
    hidden = [name for name in unused if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: the import raises ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
