"""Archives of format 1, whose series and arrays were packed in a way of our own: read, and no longer written."""

import json

import numpy as np

from mpack._rows import Series, unpack_plain


def read_series(content, sizes):
    """The series of all runs, of `sizes` particles."""
    stored = unpack_plain(content)
    ends = np.cumsum(stored["lengths"])
    times = np.split(_from_planes(stored["times"], "<i8"), ends[:-1])
    counts = np.split(_from_planes(stored["counts"], "<i8"), ends[:-1])
    parts = {}
    for name in ("energy", "msd"):
        has = stored[f"has_{name}"].astype(bool)
        cuts = np.cumsum(np.where(has, stored["lengths"], 0))[:-1]
        values = np.split(_from_planes(stored[name], "<f8"), cuts)
        parts[name] = [value if one else None for value, one in zip(values, has)]
    return [
        Series(np.cumsum(time), np.cumsum(count) / size, energy, msd)
        for time, count, size, energy, msd in zip(
            times, counts, sizes, parts["energy"], parts["msd"], strict=True
        )
    ]


def _from_planes(planes, kind):
    """64-bit numbers from all their first bytes, all their second ones, ..."""
    return np.ascontiguousarray(planes.T).reshape(-1).view(kind)


def read_arrays(content):
    """{place of the run: {name: bytes}} of the arrays that runs kept."""
    found = {}
    head, _, body = content.partition(b"\n")
    at = 0
    for place, name, length in json.loads(head):
        found.setdefault(place, {})[name] = body[at : at + length]
        at += length
    return found
