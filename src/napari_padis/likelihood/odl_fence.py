"""Import ODL without its side effects on the process.

ODL 1.0 sets ``SCIPY_ARRAY_API=1`` (read by SciPy when that is imported; masked arrays and
object arrays then fail) and switches numpy to the print format of version 1.13. Its pytest
plugin is kept out by ``-p no:odl_plugins``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

_VARIABLE = "SCIPY_ARRAY_API"


@contextmanager
def fenced() -> Iterator[None]:
    """Restore the environment variable and numpy's print options on leaving."""
    # SciPy reads the variable on its first import, so that must come before ODL's.
    import scipy._lib._array_api  # noqa: F401

    flag, options = os.environ.get(_VARIABLE), np.get_printoptions()
    try:
        yield
    finally:
        if flag is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = flag
        # ``legacy`` is the option that changes the others' meaning; it is restored with them.
        np.set_printoptions(**options)


def import_odl() -> ModuleType:
    """The ``odl`` package with its tomography loaded, the process left as it was."""
    with fenced():
        import odl
        import odl.applications.tomo
    module: ModuleType = odl
    return module
