"""How a stage or tool ends: when it fails, with one line on standard error, exit status 1, no traceback."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path


class PipelineError(Exception):
    """Something a person can put right; the message says what was found, what was expected and what to do."""


def run(main: Callable[[], None]) -> None:
    """Call `main`; turn a PipelineError or one of the operating system (disk full, no permission) into one line."""
    name = Path(sys.argv[0]).stem
    try:
        main()
    except PipelineError as error:
        sys.exit(f"{name}: {error}")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sys.exit(f"{name}: {error.strerror or error}{where}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted; nothing half-written was left")
    finally:
        gc.freeze()  # the interpreter ends with a search of all that was imported: of TensorFlow, a second in vain
