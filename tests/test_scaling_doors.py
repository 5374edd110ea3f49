"""Tables at the door of a scaling analysis: what cells may hold, and refusals that name column and row."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpack.scaling import Data

GOOD = {
    "l": np.repeat([8.0, 16.0, 32.0], 4),
    "rho": np.tile([0.1, 0.2, 0.3, 0.4], 3),
    "a": np.arange(1.0, 13.0),
    "da": np.full(12, 0.1),
}
LABELS = [f"row {k}" for k in range(12)]
COLUMNS = {"l": "l", "rho": "rho", "a": "a", "da": "da"}
ODD = [
    *([1, 2], (1,), np.array([1.0, 2.0]), {}, "0.5", "x", b"1", 1j, object()),
    *(np.datetime64("2020"), pd.Timestamp("2020"), print, [], float),
]


def changed(name, row, cell):
    table = pd.DataFrame(GOOD, index=LABELS)
    column = table[name].astype(object)
    column.iat[row] = cell
    return table.assign(**{name: column})


@pytest.mark.parametrize("cell", ODD, ids=lambda cell: repr(cell).partition(" at 0x")[0])
@pytest.mark.parametrize("name", GOOD)
def test_cells_that_are_no_numbers_are_named(name, cell):
    for more in (COLUMNS, {**COLUMNS, "da": None}):
        if more.get(name) is None:
            continue
        words = rf"^{name} must be an array of numbers; in row 'row 5' of the table it is "
        with pytest.raises(TypeError, match=words):
            Data.from_table(changed(name, 5, cell), **more)
    if name != "da":
        table = changed(name, 5, cell).assign(seed=0)
        with pytest.raises(TypeError, match=f"^{name} must be an array of numbers; in row 'row 5'"):
            Data.from_runs(table, l="l", rho="rho", a="a")


@pytest.mark.parametrize(
    "name, cell, wanted",
    [
        *((name, sign * np.inf, "finite") for name in GOOD for sign in (1, -1)),
        *(("l", value, "> 0") for value in (0.0, -3.0, np.nan)),
        *(("da", value, "> 0") for value in (0.0, -1.0)),
        ("rho", np.nan, "finite where there is a value"),
        ("rho", None, "finite where there is a value"),
        ("l", pd.NA, "> 0"),
    ],
)
def test_values_that_cannot_be_are_named(name, cell, wanted):
    words = rf"^{name} must be .*{re.escape(wanted)}.*; in row 'row 7' of the table it is "
    with pytest.raises(ValueError, match=words):
        Data.from_table(changed(name, 7, cell), **COLUMNS)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "da"]), st.integers(0, 11), st.sampled_from([None, np.nan, pd.NA])
        ),
        max_size=6,
    )
)
@settings(max_examples=40)
def test_points_without_a_value_are_left_out(gaps):
    table = pd.DataFrame(GOOD, index=LABELS).astype(object)
    for name, row, cell in gaps:
        table.iat[row, table.columns.get_loc(name)] = cell
    gone = {row for _, row, _ in gaps}
    keep = [row for row in range(12) if row not in gone]
    data = Data.from_table(table, **COLUMNS)
    assert data.a.tolist() == GOOD["a"][keep].tolist()
    nullable = table.convert_dtypes()
    assert Data.from_table(nullable, **COLUMNS).a.tolist() == data.a.tolist()


@pytest.mark.parametrize("kind", ["float32", "int64", "Int64", "Float64", "uint8", "object"])
def test_columns_of_any_kind_of_number_are_the_same(kind):
    table = pd.DataFrame(GOOD).assign(l=GOOD["l"].astype(kind) if kind[0].islower() else GOOD["l"])
    table["l"] = table["l"].astype(kind)
    table["a"] = table["a"].astype(kind)
    assert Data.from_table(table, **COLUMNS).a.tolist() == GOOD["a"].tolist()


def test_a_column_must_be_one():
    table = pd.DataFrame(GOOD)
    with pytest.raises(ValueError, match="one column 'a'; it has 2"):
        Data.from_table(pd.concat([table, table[["a"]]], axis=1), **COLUMNS)
