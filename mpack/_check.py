"""Checks at the door: every refusal names the argument, the value and the allowed range."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import numbers
from collections.abc import Callable, Collection, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

_P = ParamSpec("_P")
_R = TypeVar("_R")


def integer(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """`value` as an int in [low, high]; TypeError if it is no integer, ValueError outside."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer{_within(low, high)}; got {short(value)}")
    value = int(value)
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"{name} must be an integer{_within(low, high)}; got {value}")
    return value


def number(
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a finite float in [low, high], either end open on request."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"{name} must be a number{_within(low, high, open_low, open_high)}; got {short(value)}"
        )
    try:
        value = float(value)
    except OverflowError:  # an integer of hundreds of digits
        value = math.inf
    outside = (
        not math.isfinite(value)
        or (low is not None and (value < low or (open_low and value == low)))
        or (high is not None and (value > high or (open_high and value == high)))
    )
    if outside:
        raise ValueError(
            f"{name} must be a finite number{_within(low, high, open_low, open_high)}; got {short(value)}"
        )
    return value


def seed(name: str, value: Any) -> int:
    """A seed: an integer in [0, 2**64)."""
    return integer(name, value, 0, 2**64 - 1)


def flag(name: str, value: Any) -> bool:
    """A bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False; got {short(value)}")
    return bool(value)


def array(
    name: str, value: Any, shape: tuple, *, dtype: type = float, empty: bool = True
) -> NDArray:
    """`value` as a finite array of `shape`, where None stands for any length and a string names it in the message."""
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name} must be an array of shape {_shape(shape)} without gaps; some of it is masked"
        )
    result = real(name, value, f"an array of real numbers of shape {_shape(shape)}", dtype)
    matches = result.ndim == len(shape) and all(
        not isinstance(want, int) or want == have for want, have in zip(shape, result.shape)
    )
    if not matches:
        raise ValueError(f"{name} must have shape {_shape(shape)}; got {result.shape}")
    if not (empty or result.size):
        raise ValueError(f"{name} must hold one number at least; its shape is {result.shape}")
    if not np.all(np.isfinite(result)):
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(result))[0])
        raise ValueError(f"{name} must be finite; {name}{list(where)} is {result[where]}")
    return result


def real(name: str, value: Any, wanted: str, dtype: type = float) -> NDArray:
    """A new array of `dtype` from the real numbers in `value`; TypeError for text, dates, complex numbers and such."""
    try:
        given = np.asarray(value)
        if given.dtype.kind in "biuf" or (given.dtype.kind == "O" and None not in given.ravel()):
            return np.array(value, dtype=dtype)
        said = next((type(item).__name__ for item in given.flat), type(value).__name__)
    except (TypeError, ValueError, OverflowError) as error:
        said = str(error).partition("\n")[0].rstrip(".")
    raise TypeError(f"{name} must be {wanted}; got {said}")


def reals(
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> NDArray:
    """`value`, a number or an array of any shape, as finite floats in [low, high], either end open on request."""
    wanted = f"a number or an array of numbers{_within(low, high, open_low, open_high)}"
    result = real(name, value, wanted)
    inside = np.isfinite(result)
    if low is not None:
        inside &= (result > low) if open_low else (result >= low)
    if high is not None:
        inside &= (result < high) if open_high else (result <= high)
    if not inside.all():
        raise ValueError(f"{name} must be finite, {wanted}; got {result[~inside].flat[0]}")
    return result


def sound(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, with a check at its exit: what overflows or has no value raises ValueError."""

    @functools.wraps(function)
    def checked(*arguments: _P.args, **named: _P.kwargs) -> _R:
        try:
            with np.errstate(all="ignore"):
                result = function(*arguments, **named)
        except (OverflowError, ZeroDivisionError, FloatingPointError):
            result = None
        if result is None or not _finite(result):
            names = [one for one in inspect.signature(function).parameters if one != "self"]
            raise ValueError(
                f"{', '.join(names)} must be such that {function.__name__} has a finite value; with "
                "these it overflows or is undefined"
            )
        return result

    return checked


def _finite(result):
    if isinstance(result, (tuple, list)):
        return all(map(_finite, result))
    if dataclasses.is_dataclass(result):
        return all(_finite(getattr(result, field.name)) for field in dataclasses.fields(result))
    if isinstance(result, (float, np.ndarray, np.floating)):
        return bool(np.isfinite(result).all())
    return True


def instance(name: str, value: Any, kinds: type | tuple[type, ...], wanted: str) -> Any:
    """`value` if it is one of `kinds`; `wanted` says what that is."""
    if not isinstance(value, kinds):
        raise TypeError(f"{name} must be {wanted}; got {type(value).__name__}")
    return value


def choice(name: str, value: Any, options: Collection) -> Any:
    """`value` if it is one of `options`."""
    if isinstance(value, np.ndarray) or value not in options:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, options))}; got {short(value)}"
        )
    return value


def names(name: str, value: Any, allowed: Collection) -> tuple:
    """`value`, one of the names that are allowed or several of them, as a tuple."""
    wanted = f"one or several of {', '.join(map(repr, allowed))}"
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable):
        raise TypeError(f"{name} must be {wanted}; got {short(value)}")
    given = tuple(value)
    for one in given:
        if not isinstance(one, str):
            raise TypeError(f"{name} must be {wanted}; got {short(one)} among them")
    for one in given:
        choice(name, one, allowed)
    return given


def indices(name: str, value: Any, size: int) -> NDArray:
    """`value` as an array (of any shape) of integers in [0, size)."""
    result = np.asarray(value)
    if result.dtype.kind not in "iu" and result.size:
        raise TypeError(f"{name} must be integers in [0, {size}); got {short(value)}")
    outside = (result < 0) | (result >= size)
    if np.any(outside):
        raise ValueError(f"{name} must be integers in [0, {size}); got {result[outside][0]}")
    return result.astype(np.int64)


def short(value: object) -> str:
    """`repr(value)` for a message: one line, not too long."""
    said = " ".join(repr(value).split())
    return said if len(said) <= 200 else f"{said[:150]} ... ({type(value).__name__})"


def _within(low, high, open_low=False, open_high=False):
    if low is None and high is None:
        return ""
    if high is None:
        return f" {'>' if open_low else '>='} {low}"
    if low is None:
        return f" {'<' if open_high else '<='} {high}"
    return f" in {'(' if open_low else '['}{low}, {high}{')' if open_high else ']'}"


def _shape(shape):
    inner = ", ".join("any" if s is None else str(s) for s in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
