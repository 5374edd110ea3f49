"""The one way kernels are compiled: `njit`, GIL-free, strict IEEE arithmetic, cached on disk where a disk allows.

numba's own cache looks only at the file a kernel is defined in, so a kernel whose callee changed in
another file would stay stale. Here the stamp covers the sources of the whole wing: edit any kernel
and all are compiled anew. Where no cache can be written (a read-only tree and no home), kernels
compile in memory and nothing else changes.
"""

import functools
import hashlib
from pathlib import Path

import numba
from numba.core import caching

_WING = Path(__file__).parent


@functools.cache
def _wing_stamp():
    digest = hashlib.sha256()
    for source in sorted(_WING.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


class _InTree(caching.InTreeCacheLocator):
    def get_source_stamp(self):
        return _wing_stamp()


class _UserProvided(caching.UserProvidedCacheLocator):
    def get_source_stamp(self):
        return _wing_stamp()


class _UserWide(caching.UserWideCacheLocator):
    def get_source_stamp(self):
        return _wing_stamp()


class _WingCacheImpl(caching.CompileResultCacheImpl):
    _locator_classes = [_UserProvided, _InTree, _UserWide]


class _WingCache(caching.FunctionCache):
    _impl_class = _WingCacheImpl


def njit(function=None, *, forceinline=False):
    """Compile `function` with numba: no GIL, no fastmath (so no contraction to fused multiply-add), cached.

    `forceinline=True` is for the small pieces of arithmetic that must melt into a vectorised loop;
    those are never called from Python in production and need no cache entry of their own.
    """
    if function is None:
        return functools.partial(njit, forceinline=forceinline)
    dispatcher = numba.njit(nogil=True, forceinline=forceinline, error_model="numpy")(function)
    return dispatcher if forceinline else _cached(dispatcher)


def bare(function=None, *, forceinline=False, entry=False):
    """The same without reference counts, for kernels that allocate nothing.

    Inside a loop the counting of arrays costs more than the physics. What is not called from Python
    (no `entry`) gets neither a wrapper for that nor a cache entry of its own, which saves compile
    time.
    """
    if function is None:
        return functools.partial(bare, forceinline=forceinline, entry=entry)
    options = {} if entry else {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    dispatcher = numba.njit(
        nogil=True, forceinline=forceinline, error_model="numpy", _nrt=False, **options
    )(function)
    return _cached(dispatcher) if entry else dispatcher


def _cached(dispatcher):
    try:
        dispatcher._cache = _WingCache(dispatcher.py_func)
    except RuntimeError:  # no writable place for a cache: compile in memory
        pass
    return dispatcher
