"""Archives of plain tables, such as those of the studies: CSV files, every float exact, under one manifest.

The folder is one like those of the archives of runs (`mpack._container`): replaced as a whole, read
only if it is whole.
"""

import hashlib
import io
import platform
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

import mpack
from mpack import _container

ROOT = Path(__file__).resolve().parents[1]
FORMAT = 1


def cell(values, form=".5g"):
    """Several numbers as one cell of a table, each in this format."""
    return " ".join(format(x, form) for x in values)


def numbers(column):
    """A column of such cells as an array, (rows, numbers)."""
    return np.array([[float(x) for x in str(one).split()] for one in column])


def load(folder, name):
    """A table of the archive in `folder`, as a DataFrame.

    Raises
    ------
    FileNotFoundError, KeyError
        If there is no archive, or no such table in it.
    mpack.ensemble.StoreDamaged
        If a file is not the one that the manifest describes.
    """
    manifest = _container.manifest(folder)
    return pd.read_csv(io.BytesIO(_container.get(folder, manifest, f"{name}.csv")))


def save(folder, name, rows, *, what, sources, packages, **more):
    """Put a table into the archive in `folder`, beside the others that it holds; returns its size in bytes.

    Parameters
    ----------
    folder : path
    name : str
        Of the table.
    rows : list of dict
    what : str
        What the archive is, in a sentence.
    sources : list of str
        The files of the tree that made the rows, whose digests are noted.
    packages : list of str
        The distributions that had a part, whose versions are noted.
    **more
        What else the manifest says of this table.
    """
    files, tables = {}, {}
    if (Path(folder) / _container.MANIFEST).exists():
        before = _container.manifest(folder)
        tables = before["tables"]
        files = {file: _container.get(folder, before, file) for file in before["files"]}
    table = pd.DataFrame(rows)
    content = table.to_csv(index=False, lineterminator="\n").encode()
    tables[name] = {
        "rows": len(rows),
        "columns": list(table.columns),
        **more,
        "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "version": mpack.__version__,
        "sources": {source: digest(ROOT / source) for source in sources},
        "python": platform.python_version(),
        "packages": {package: metadata.version(package) for package in packages},
        "machine": f"{platform.system()} {platform.machine()}",
    }
    about = {"what": what, "format": FORMAT, "tables": tables}
    _container.put(folder, files | {f"{name}.csv": content}, about)
    return len(content)


def digest(path):
    """The start of a source file's SHA-256: enough to tell whether it has changed since."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
