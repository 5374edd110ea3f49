"""Where a chapter's runs come from: the book's archive and small runs, or all of it done again, here or on a cluster.

A chapter has the parameters `size` and `dask` and asks one `Source(size, dask)` for its runs:

    size = "live"    a campaign is read from the book's archive; other runs are small, and done in memory
    size = "paper"   every run of a campaign is done again, other runs have the size of a paper; each is kept as soon
                     as it is finished, so that a stopped chapter goes on where it was
    dask             the address of a Dask scheduler, whose workers do the runs; threads of this machine if ""
"""

import socket

import mpack
from book import RESULTS, archives, campaigns
from mpack import _check, ensemble

PATIENCE = 5  # seconds that a scheduler has to answer


def kept_in():
    """The folder of the runs that were done again: `_archive/again` of the tree that this module is in."""
    return RESULTS.parents[1] / "_archive" / "again"


class Source:
    """The runs of a chapter at one size.

    Parameters
    ----------
    size : str
        "live" or "paper".
    dask : str
        Address of a Dask scheduler, "tcp://host:8786"; only with size "paper". Its workers need
        this library.

    Raises
    ------
    ValueError, TypeError
        If an argument is none, or `dask` is given with size "live".
    ConnectionError
        If no scheduler answers there, after some seconds.
    """

    def __init__(self, size="live", dask=""):
        self.size = _check.choice("size", size, ("live", "paper"))
        _check.instance("dask", dask, str, "a string, the address of a scheduler, or empty")
        if dask and size == "live":
            raise ValueError(
                f'dask must be "" unless size is "paper"; got dask = {dask!r} with size = {size!r}'
            )
        self._executor = _executor(dask) if dask else None
        self.audits = {}

    def sweep(self, specs, name):
        """The table of these runs, as `mpack.sweep` gives it; at size "paper" kept in `kept_in()/NAME.sqlite`."""
        if self.size == "live":
            return mpack.sweep(specs, progress=False)
        kept_in().mkdir(parents=True, exist_ok=True)
        return mpack.sweep(specs, store=kept_in() / f"{name}.sqlite", executor=self._executor)

    def campaign(self, name, *, audit=None, dims=None):
        """The table of a campaign of `book.campaigns`, as `mpack.sweep` gives it.

        At size "paper" all its runs are done here, exported to `kept_in()/NAME`, compared with
        those that the book's archive has, and read from that export; a line says how many were
        compared.

        Parameters
        ----------
        name : str
        audit : float, optional
            For so many seconds runs of the book's archive are done again, in part, and compared bit
            by bit (`book.archives.audit`); what was found is then `source.audits[name]`.
        dims : list of int, optional
            Of runs in these dimensions alone. Kernels above three take half a minute each to compile.

        Raises
        ------
        DigestMismatch
            If a run done again has another digest than the archive's.
        RuntimeError
            If the audit finds a difference.
        KeyError, FileNotFoundError
            If there is no such campaign, or no such archive.
        """
        book = archives.load(name)
        if audit is not None:
            self.audits[name] = archives.audit(name, audit, dims)
        if self.size == "live":
            return book
        table = self.sweep(campaigns.everything()[name], name)
        ensemble.export(kept_in() / f"{name}.sqlite", kept_in() / name)
        known = book.set_index("key").digest
        both = table[table.key.isin(known.index)]
        if other := [row.spec for row in both.itertuples() if row.digest != known[row.key]]:
            raise ensemble.DigestMismatch(
                f"{len(other)} of {len(both)} runs of {name} ended elsewhere than in the archive; the first: {other[0]}"
            )
        print(
            f"{name}: {len(table)} runs done again; {len(both)} are in the book's archive, with the same digests"
        )
        return ensemble.load_archive(kept_in() / name)


def _executor(address):
    """The executor of the Dask cluster at an address, once something answers there: a Client would ask for long."""
    from distributed import Client
    from distributed.comm import get_address_host_port

    try:
        socket.create_connection(get_address_host_port(address), PATIENCE).close()
        return Client(address, timeout=PATIENCE).get_executor()
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f'dask must be the address of a Dask scheduler that answers, such as "tcp://host:8786"; got {address!r}, '
            f"which gave {type(error).__name__}: {error}"
        ) from None
