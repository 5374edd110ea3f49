"""A folder of files under one manifest: replaced as a whole, and read only if every file is the one described.

`manifest.json` says what the folder holds, of which format, and under "files" the size and the
SHA-256 of each file. New files stand beside the old ones as X.new until the new manifest is in
place, and a reader takes whichever of X and X.new has the checksum in the manifest. So writing may
be stopped at any moment. Archives of runs (`mpack.ensemble.export`) and of plain tables are such
folders.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import sqlite3
from pathlib import Path

from mpack import _check, _lock
from mpack._store import StoreDamaged, StoreError

MANIFEST = "manifest.json"
TRIES = 100  # of a reader, while writers replace what it reads


def _one_at_a_time(put):
    """`put` for one writer of a folder at a time: two would mix their files under one manifest."""

    @functools.wraps(put)
    def alone(folder, *what):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with _lock.only_writer(folder / MANIFEST):
                return put(folder, *what)
        except _lock.Taken:
            raise StoreError(f"{folder} is being written by another one; try again") from None
        except sqlite3.Error as error:
            raise StoreError(f"{folder} cannot be locked: {error}") from None

    return alone


def begun_anew(read):
    """`read` of a folder, begun anew where it was replaced meanwhile."""

    @functools.wraps(read)
    def read_whole(folder, *how, **more):
        path = Path(folder) / MANIFEST
        for left in reversed(range(TRIES)):
            before = path.read_bytes() if path.exists() else b""
            try:
                return read(folder, *how, **more)
            except (StoreDamaged, FileNotFoundError):
                if not left or not path.exists() or path.read_bytes() == before:
                    raise

    return read_whole


@_one_at_a_time
def put(folder, files, about):
    """Make `folder` hold these files, {name: bytes}, all at one moment: that of the manifest.

    Returns the manifest: `about`, a dict for JSON, and what the files are. Files that the last
    manifest named and this one does not are removed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    before = {}
    with contextlib.suppress(FileNotFoundError, StoreDamaged):
        before = manifest(folder)["files"]
    sums = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in files.items()
    }
    made = {**about, "files": sums}
    for name, data in files.items():
        _write(folder / f"{name}.new", data)
    _write(folder / f"{MANIFEST}.new", (json.dumps(made, indent=1) + "\n").encode())
    _rename(folder / f"{MANIFEST}.new", folder / MANIFEST)  # from here on the new files count
    for name in files:
        _rename(folder / f"{name}.new", folder / name)
    for name in set(before) - set(files):  # names without folders: `manifest` takes no others
        (folder / name).unlink(missing_ok=True)
    return made


def _write(path, data):
    """Every byte of an archive is written here (and tests make it fail)."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _rename(path, target):
    os.replace(path, target)


def manifest(folder):
    """The manifest of a folder.

    Raises
    ------
    FileNotFoundError
        If there is none.
    StoreDamaged
        If it is no manifest.
    """
    try:
        found = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf8"))
        _check.integer("format", found["format"])
        for name, told in found["files"].items():
            _described(name, **told)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no archive in {folder}: it has no {MANIFEST}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreDamaged(f"the manifest of the archive in {folder} is damaged: {error}") from None
    return found


def _described(name, sha256, bytes):
    """ValueError or TypeError unless this describes a file of the folder itself."""
    if Path(name).name != name or "\\" in name or name in ("", "..", MANIFEST):
        raise ValueError(f"{name!r} is no name of a file in it")
    if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"the checksum of {name} is {sha256!r}")
    _check.integer(f"bytes of {name}", bytes, 0)


def get(folder, described, name):
    """The bytes of one file as a manifest describes it.

    Raises
    ------
    KeyError
        If the manifest names no such file.
    StoreDamaged
        If the file is missing or another one.
    """
    told = described["files"][name]
    for path in (Path(folder) / name, Path(folder) / f"{name}.new"):
        data = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(data).hexdigest() == told["sha256"]:
            break
    else:
        raise StoreDamaged(
            f"the archive in {folder} is damaged: {name} has not the checksum that the manifest says"
        )
    if len(data) != told["bytes"]:
        raise StoreDamaged(
            f"the archive in {folder} is damaged: {name} has {len(data)} bytes, "
            f"and the manifest says {told['bytes']}"
        )
    return data
