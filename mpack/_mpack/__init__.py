"""Never imported by this library: the other `mpack` has an extension of this name, see `_namesake`.

Its `__init__.py` imports it, and finds this folder first, also where it has overwritten ours. It
then gets its own extension, and whoever imported it is told that two distributions share the name.
"""

import importlib.util
import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    SourceFileLoader,
)
from pathlib import Path

from mpack import _namesake

_KINDS = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (SourceFileLoader, SOURCE_SUFFIXES))


def _theirs():
    """The module that the other distribution put beside this folder; ImportError if there is none."""
    folder = Path(__file__).parent
    for loader, suffixes in _KINDS:
        for suffix in suffixes:
            path = folder.with_name(f"{folder.name}{suffix}")
            if path.exists():
                spec = importlib.util.spec_from_file_location(
                    __name__, path, loader=loader(__name__, str(path))
                )
                module = importlib.util.module_from_spec(spec)
                sys.modules[__name__] = module  # what `import` then gives
                spec.loader.exec_module(module)
                return
    raise ImportError("mpack._mpack belongs to another distribution, which is not installed")


_theirs()
_namesake.warn()
