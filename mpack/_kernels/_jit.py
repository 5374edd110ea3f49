"""The one way kernels are compiled: `njit`, GIL-free, strict IEEE arithmetic, cached on disk where a disk allows.

numba's own cache looks only at the file a kernel is defined in, so a kernel whose callee changed in another file
would stay stale. Here the stamp covers the sources of the whole wing: edit any kernel and all are compiled anew.
Where no cache can be written (a read-only tree and no home), kernels compile in memory and nothing else changes.
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


def njit(function=None, *, forceinline=False, counts=True):
    """Compile `function` with numba: no GIL, no fastmath (so no contraction to fused multiply-add), cached.

    `forceinline=True` is for the small pieces of arithmetic that must melt into a vectorised loop; those are
    never called from Python in production and need no cache entry of their own.
    `counts=False` compiles without reference counts, for kernels that allocate nothing: inside a loop the counting
    of arrays costs more than the physics, and much of the compile time.
    """
    if function is None:
        return functools.partial(njit, forceinline=forceinline, counts=counts)
    options = {} if counts else {"_nrt": False}
    dispatcher = numba.njit(nogil=True, forceinline=forceinline, error_model="numpy", **options)(function)
    if not forceinline:
        try:
            dispatcher._cache = _WingCache(function)
        except RuntimeError:  # no writable place for a cache: compile in memory
            pass
    return dispatcher


bare = functools.partial(njit, counts=False)
