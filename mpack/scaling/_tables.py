"""Tables of runs at the door: columns that have to be there, runs side by side, scatter pooled over points."""

import numbers

import numpy as np
import pandas as pd
from scipy import linalg, special

from mpack import _check


def require_columns(table, names):
    """Refuse what is no table, or lacks one of the columns."""
    _check.instance("table", table, pd.DataFrame, "a pandas.DataFrame")
    missing = [name for name in names if name not in table]
    if missing:
        raise ValueError(f"table has no column {', '.join(map(repr, missing))}")


def number_column(table, name):
    """A column as floats, nan where there is no value; what is no number, or infinite, is refused with its row."""
    column = table[name]
    if not isinstance(column, pd.Series):
        raise ValueError(f"table must have one column {name!r}; it has {column.shape[1]}")
    if column.dtype.kind in "biuf" and isinstance(column.dtype, np.dtype):
        values = column.to_numpy(float)
    else:
        wrong = np.array([not _is_number(cell) for cell in column], dtype=bool)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            cell = column.iloc[row]
            raise TypeError(
                f"{name} must be an array of numbers; in row {table.index[row]!r} of the table it is "
                f"{_check.short(cell)}"
            )
        values = np.array([np.nan if _is_missing(cell) else float(cell) for cell in column])
    refuse_cells(table, name, np.isinf(values), values, "finite, or nan where there is no value")
    return values


def refuse_cells(table, name, bad, values, wanted):
    """ValueError for the first of the rows that are bad."""
    if np.any(bad):
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"{name} must be {wanted}; in row {table.index[row]!r} of the table it is {values[row]:.6g}"
        )


def _is_missing(cell):
    return cell is None or cell is pd.NA or cell is pd.NaT


def _is_number(cell):
    return _is_missing(cell) or isinstance(cell, (numbers.Real, np.bool_))


def wide_table(table, size, rho, a, run, least_runs):
    """Rows (size, rho), columns runs: `a`, nan where a run has none; points of fewer than least_runs left out."""
    rows = table[table[a].notna()]
    places = rows[[size, rho]].to_numpy(float)
    if not np.all(np.isfinite(places)):
        raise ValueError(
            f"{size} and {rho} must be finite where there is a value of {a}; "
            f"got {places[~np.isfinite(places).all(axis=1)][0].tolist()}"
        )
    if table.duplicated([size, rho, run]).any():
        twice = table[table.duplicated([size, rho, run])].iloc[0]
        raise ValueError(
            f"{run} must tell the runs of a point apart; {twice[run]!r} comes twice at "
            f"{size} = {twice[size]:.6g}, {rho} = {twice[rho]:.6g}"
        )
    wide = table.pivot(index=[size, rho], columns=run, values=a)
    return wide[wide.count(axis=1) >= least_runs]


def quiet(table, size, rho, most):
    """The rows of points at which the mean of each column in `most` over runs is not above its value."""
    for column, limit in most.items():
        _check.number(f"most[{column!r}]", limit)
        table = table[~(table.groupby([size, rho])[column].transform("mean") > limit)]
    return table


def pooled_scatter(wide, mean, features):
    """Relative standard deviation between the runs of each point: a smooth function of its features, (points,).

    ln of the relative variance is fitted by a linear function of the features, each point weighted
    by what the chi-squared distribution says of the logarithm of a variance from so few runs: its
    mean is off by digamma(h) - ln h and its variance is polygamma(1, h), with h = (runs - 1)/2
    (M. S. Bartlett, D. G. Kendall, Suppl. J. R. Stat. Soc. 8, 128 (1946)).
    """
    half = 0.5 * (wide.count(axis=1).to_numpy() - 1)
    relative = wide.std(axis=1).to_numpy() / mean
    known = relative > 0.0  # runs that agree to the last recorded step tell nothing
    bias = special.digamma(half) - np.log(half)
    weight = special.polygamma(1, half[known]) ** -0.5
    target = 2 * np.log(relative[known]) - bias[known]
    found, *_ = linalg.lstsq(features[known] * weight[:, None], target * weight)
    return np.exp(0.5 * features @ found)
