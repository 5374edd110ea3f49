"""Gather the claims of all executed chapters into `_build/claims.json`."""

import json

from book import reading

from . import places
from .places import CLAIMS, EXECUTED


def gather(names):
    """Every claim of the named chapters, in the book's order. Raises ValueError if two have the same id."""
    found, homes = [], {}
    for name in names:
        for entry in reading.claims(EXECUTED / name):
            if entry["id"] in homes:
                raise ValueError(
                    f"claim {entry['id']!r} is made in {homes[entry['id']]} and in {name}"
                )
            homes[entry["id"]] = name
            found.append({**entry, "chapter": name.removesuffix(".ipynb")})
    return found


def write():
    """Write the file for machines; returns the claims."""
    found = gather(places.chapters())
    CLAIMS.write_text(
        json.dumps({"format": 1, "claims": found}, indent=1, ensure_ascii=False) + "\n",
        encoding="utf8",
    )
    return found
