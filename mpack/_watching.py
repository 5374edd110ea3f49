"""Functions of a packing that a run is watched by: how they are named, called and written down.

In a run they are functions. In a specification, which is text, each is named by the place that it
can be imported from, "module:function", so that whoever reads the text can do the run.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from mpack import _check, _columns
from mpack.packing import Packing

Watch: TypeAlias = Mapping[str, Callable[[Packing], float]]

# Names with a meaning of their own: in a run, in the log of a frame, in the table of a sweep.
_OF_OBSERVABLES = {"z", "z_without_rattlers", "rattlers", "q6", "coherence", "trace"}
_OF_OBSERVABLES |= {"hexatic", "hexatic_local", "bragg", "nematic_longest", "nematic_shortest"}
_OF_OBSERVABLES |= {"turned", "turned_c1", "turned_c2"}
TAKEN = {*_columns.KNOWN, *_OF_OBSERVABLES, "times", "step", "watched", "mpack"}
_TAKEN_BEGINNING = "flatness"


def functions(watch: Watch | None) -> dict[str, Callable[[Packing], float]]:
    """The argument `watch` as a dict; TypeError or ValueError for what is none."""
    if watch is None:
        return {}
    _check.instance("watch", watch, Mapping, "a mapping from names to functions of a Packing")
    for name, function in watch.items():
        _check_name(name)
        if not callable(function):
            raise TypeError(
                f"watch[{name!r}] must be a function of a Packing; got {_check.short(function)}"
            )
    return dict(watch)


def values(watch: Watch, packing: Packing, step: int) -> dict[str, float]:
    """What each function gives for a packing; TypeError or ValueError for what is no finite number."""
    found = {}
    for name, function in watch.items():
        try:
            value: Any = function(packing)
        except Exception as error:
            error.add_note(f"raised by watch[{name!r}] at step {step}")
            raise
        if isinstance(value, (np.ndarray, np.generic)) and value.ndim == 0:
            value = value.item()
        found[name] = _check.number(f"watch[{name!r}] at step {step}", value)
    return found


def places(watch: Any) -> tuple[tuple[str, str], ...]:
    """What a specification keeps: sorted pairs (name, "module:function"); TypeError or ValueError for what is none."""
    named = dict(watch or ()) if isinstance(watch, (Mapping, tuple, type(None))) else watch
    _check.instance("watch", named, dict, 'a mapping from names to functions or "module:function"')
    for name in named:
        _check_name(name)
    return tuple(sorted((name, _place(name, function)) for name, function in named.items()))


def imported(pairs: tuple[tuple[str, str], ...]) -> dict[str, Callable[[Packing], float]]:
    """The functions that a specification names; ValueError for one that cannot be imported here."""
    return {name: _found(name, place) for name, place in pairs}


def _check_name(name):
    if not isinstance(name, str):
        raise TypeError(f"watch must have names (str) as keys; got {_check.short(name)}")
    if not name.isidentifier() or name in TAKEN or name.startswith(_TAKEN_BEGINNING):
        raise ValueError(
            "watch must have names that could be those of variables and that no run or table has "
            f"already (activity, energy, phi, ...); got {name!r}"
        )


def _place(name, function):
    """Where a function can be imported from, as text."""
    if isinstance(function, str):
        module, colon, inner = function.partition(":")
        if not (
            colon and all(part.isidentifier() for part in [*module.split("."), *inner.split(".")])
        ):
            raise ValueError(
                f'watch[{name!r}] must name a function as "module:function"; got {function!r}'
            )
        return function
    if not callable(function):
        raise TypeError(
            f'watch[{name!r}] must be a function or "module:function"; got {_check.short(function)}'
        )
    module, inner = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    place = f"{module}:{inner}"
    if module in (None, "__main__") or "<" in inner or _found_or_none(place) is not function:
        raise ValueError(
            f"watch[{name!r}] must be a function that others can import, from a module, because a "
            f"specification is text; got {_check.short(function)}"
        )
    return place


def _found_or_none(place):
    try:
        return _at(place)
    except (ImportError, AttributeError):
        return None


def _found(name, place):
    try:
        return _at(place)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"watch[{name!r}] must be a function that can be imported here; {place!r} cannot: {error}"
        ) from None


def _at(place):
    module, _, inner = place.partition(":")
    thing = importlib.import_module(module)
    for part in inner.split("."):
        thing = getattr(thing, part)
    return thing
