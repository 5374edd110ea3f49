"""What signatures say often, by name."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

AnyPath: TypeAlias = str | os.PathLike[str]

# A float for a number and an array for an array, as NumPy's own functions give it; they say Any, too,
# since a union would ask for a case distinction at every call.
FloatOrArray: TypeAlias = Any
