"""All that this library asks of numba beyond its documented face: how kernels are compiled, and what intrinsics need.

`njit` and `bare` are the one way kernels are compiled: GIL-free, strict IEEE arithmetic, cached on
disk where a disk allows. numba's own cache looks only at the file a kernel is defined in, so a
kernel whose callee changed in another file would stay stale. Here the stamp covers the sources of
the whole wing: edit any kernel and all are compiled anew. A cache is a convenience: where none can
be written, or one is damaged, kernels compile in memory and nothing else changes.

numba's inner parts move between versions. Those used here are looked up by `_part`, which says what
is missing and which versions have it; no other file touches them.

Whoever waits for a compilation is told so, in a terminal or a notebook (`_notice`).

Two environment variables, read once, change how kernels run, never what they compute:

    MPACK_CHECKED=1       compiled with bounds checks and true array lengths, without inlining and
                          without a cache: slow, for hunting an access that leaves its array
    NUMBA_DISABLE_JIT=1   not compiled at all: plain Python, for debuggers and coverage (runs of several
                          threads need NumPy 2.2, before which only the main thread keeps integers)
"""

import contextlib
import functools
import hashlib
import importlib
import operator
import os
import pickle
from pathlib import Path

import numba
import numpy as np
from llvmlite import ir

from mpack._kernels._notice import Notice

_WING = Path(__file__).parent
FITTING = "numba>=0.61,<0.69"  # what the tests have passed on, as in pyproject.toml
INTERPRETED = bool(numba.config.DISABLE_JIT)
CHECKED = os.environ.get("MPACK_CHECKED", "0") not in ("", "0") and not INTERPRETED
WATCHED = (
    CHECKED or INTERPRETED
)  # every access is checked, so the kernels must know what memory is whose


def _part(module, name):
    """An inner part of numba.

    Raises
    ------
    ImportError
        In words, if this version of numba has none of that name.
    """
    try:
        return operator.attrgetter(name)(importlib.import_module(f"numba.{module}"))
    except (ImportError, AttributeError) as missing:
        raise ImportError(
            f"mpack needs {FITTING}; this is numba {numba.__version__}, which lacks numba.{module}.{name}"
        ) from missing


# ------------------------------------------------------------------------------------------------
# the cache


@functools.cache
def _wing_stamp():
    digest = hashlib.sha256()
    for source in sorted(_WING.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _locators():
    """numba's places for a cache, stamped with the whole wing: a given folder, beside the source, the user's own."""
    located = []
    for place in ("UserProvided", "InTree", "UserWide"):
        try:
            base = _part("core.caching", f"{place}CacheLocator")
        except ImportError:  # up to numba 0.61 their names are private
            base = _part("core.caching", f"_{place}CacheLocator")
        stamped = {"get_source_stamp": lambda self: _wing_stamp()}
        located.append(type(f"_Wing{place}", (base,), stamped))
    return located


def _wing_cache():
    """The class of our caches; None where this version of numba has not what it is made of."""
    try:
        function_cache = _part("core.caching", "FunctionCache")
        implementation = _part("core.caching", "CompileResultCacheImpl")
        dumps, locators = _part("core.serialize", "dumps"), _locators()
    except ImportError:
        return None

    class WingCacheImpl(implementation):
        """With a checksum: of machine code that a crash left half on disk, the first call would be the last."""

        _locator_classes = locators

        def reduce(self, data):
            told = dumps(super().reduce(data))
            return hashlib.sha256(told).digest(), told

        def rebuild(self, target_context, payload):
            digest, told = payload
            if hashlib.sha256(told).digest() != digest:
                raise ValueError("a damaged cache")
            return super().rebuild(target_context, pickle.loads(told))

    class WingCache(function_cache):
        _impl_class = WingCacheImpl

        def load_overload(self, sig, target_context):
            """What is stored; None, so that it is compiled, also where that cannot be read."""
            try:
                return super().load_overload(sig, target_context)
            except Exception:  # a damaged file raises whatever its bytes happen to mean
                return None

        def save_overload(self, sig, data):
            """Store it; over a damaged index write a new one; go without where nothing can be written."""
            try:
                super().save_overload(sig, data)
            except Exception as error:
                if isinstance(error, OSError) and not isinstance(error, PermissionError):
                    return  # a full disk, a quota
                with contextlib.suppress(Exception):
                    self.flush()
                    super().save_overload(sig, data)

    return WingCache


_WingCache = _wing_cache()


def _cached(dispatcher):
    """`dispatcher`, kept on disk by our cache, by numba's own where ours cannot be made, or not at all."""
    try:
        if _WingCache is None:
            dispatcher.enable_caching()
        else:
            dispatcher._cache = _WingCache(dispatcher.py_func)
    except (RuntimeError, OSError):  # no writable place: compile in memory
        pass
    return dispatcher


# ------------------------------------------------------------------------------------------------
# a word while compiling


def _listen(notice):
    """Tell `notice` of each of our kernels that numba begins and ends to compile; nothing where it does not say."""
    try:
        base, register = _part("core.event", "Listener"), _part("core.event", "register")
    except ImportError:
        return

    class Compilations(base):
        def on_start(self, event):
            if _is_ours(event):
                notice.begin(kept=event.data["dispatcher"].stats.cache_path is not None)

        def on_end(self, event):
            if _is_ours(event):
                notice.end()

    register("numba:compile", Compilations())


def _is_ours(event):
    function = getattr((event.data or {}).get("dispatcher"), "py_func", None)
    module = getattr(function, "__module__", None) or ""
    return module.partition(".")[0] == __name__.partition(".")[0]


if not WATCHED:  # who hunts a bug knows
    _listen(Notice())

# ------------------------------------------------------------------------------------------------
# compiling


_part("core.options", "DefaultOptions._nrt")


def _compiled(function, forceinline, cached, **options):
    if INTERPRETED:  # wrapped integers are meant, and zeros are divided by as IEEE has it
        return np.errstate(all="ignore")(function)
    dispatcher = numba.njit(
        nogil=True,
        error_model="numpy",
        forceinline=forceinline and not CHECKED,
        boundscheck=CHECKED or None,
        **options,
    )(function)
    return _cached(dispatcher) if cached and not CHECKED else dispatcher


def njit(function=None, *, forceinline=False):
    """Compile `function` with numba: no GIL, no fastmath (so no contraction to fused multiply-add), cached.

    `forceinline=True` is for the small pieces of arithmetic that must melt into a vectorised loop;
    those are never called from Python in production and need no cache entry of their own.
    """
    if function is None:
        return functools.partial(njit, forceinline=forceinline)
    return _compiled(function, forceinline, cached=not forceinline)


def bare(function=None, *, forceinline=False, entry=False):
    """The same without reference counts, for kernels that allocate nothing.

    Inside a loop the counting of arrays costs more than the physics. What is not called from Python
    (no `entry`) gets neither a wrapper for that nor a cache entry of its own, which saves compile
    time.
    """
    if function is None:
        return functools.partial(bare, forceinline=forceinline, entry=entry)
    options = {} if entry else {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    options["_nrt"] = (
        CHECKED  # in that build the views of `machine` are functions that return arrays
    )
    return _compiled(function, forceinline, cached=entry, **options)


def plain(kernel):
    """The Python function that a kernel was compiled from."""
    return getattr(kernel, "py_func", kernel)


# ------------------------------------------------------------------------------------------------
# for intrinsics

_populate_array = _part("np.arrayobj", "populate_array")
_get_or_insert_function = _part("core.cgutils", "get_or_insert_function")


def array_at(context, builder, kind, address, count):
    """LLVM value of a one-dimensional array of `kind`, contiguous, `count` entries (an LLVM value) at an address."""
    array = context.make_array(kind)(context, builder)
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    size = ir.Constant(ir.IntType(64), size)
    data = builder.inttoptr(address, array.data.type)
    _populate_array(array, data=data, shape=[count], strides=[size], itemsize=size, meminfo=None)
    return array._getvalue()


def data_of(context, builder, kind, value):
    """LLVM pointer to the first entry of an array."""
    return context.make_array(kind)(context, builder, value).data


def call(context, builder, name):
    """Call a function of the system's C library that takes nothing; its answer is dropped."""
    shape = ir.FunctionType(ir.IntType(32), [])
    builder.call(_get_or_insert_function(builder.module, shape, name), [])
    return context.get_dummy_value()
