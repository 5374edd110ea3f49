"""What numba lacks for the step kernels: arrays behind addresses, work in vectors, prefetching, a barrier.

Each is a few lines of LLVM IR behind a numba intrinsic. The vector types are LLVM's own, so the
same text compiles to SSE, AVX or NEON; nothing here rounds differently from the scalar code, and
nothing is contracted.
"""

import sys
import threading
import time

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mpack._kernels import memory
from mpack._kernels._jit import CHECKED, INTERPRETED, WATCHED, array_at, bare, call, data_of
from mpack._kernels.state import stride_of

_U = np.uint64
FAILED = 15  # place of the gate that is not zero once a thread has raised
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_V4I, _V4F = ir.VectorType(_I32, 4), ir.VectorType(ir.FloatType(), 4)
_V4D = ir.VectorType(ir.DoubleType(), 4)


def _constant4(*lanes):
    return ir.Constant(_V4I, list(lanes))


class _Emitter:
    """Vector code for the squared separations of four pairs, in the units of the 32-bit coordinates."""

    def __init__(self, context, builder, signature, arguments):
        self.b = builder
        self.data = [
            data_of(context, builder, kind, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, arguments)
        ]

    def load4(self, pointer, index, element=_V4I):
        vector = self.b.load(self.b.bitcast(self.b.gep(pointer, [index]), element.as_pointer()))
        vector.align = 8 if element is _V4D else 4
        return vector

    def indices(self, array, at):
        """Four consecutive entries of a uint32 array, as 64-bit scalars."""
        vector = self.load4(array, at)
        return [
            self.b.zext(self.b.extract_element(vector, ir.Constant(_I32, k)), _I64)
            for k in range(4)
        ]

    def squares(self, coarse, stride, i, j):
        """(x_i - x_j)**2 lane by lane, 32-bit wrapped differences; the second four lanes folded onto the first."""
        total = None
        for offset in range(0, stride, 4):
            ends = []
            for k in (i, j):
                base = self.b.add(
                    self.b.mul(k, ir.Constant(_I64, stride)), ir.Constant(_I64, offset)
                )
                ends.append(self.load4(coarse, base))
            delta = self.b.sitofp(self.b.sub(*ends), _V4F)
            square = self.b.fmul(delta, delta)
            total = square if total is None else self.b.fadd(total, square)
        return total

    def sums(self, rows):
        """The sums of the lanes of four vectors, as one vector (a 4 x 4 transposition and three additions)."""

        def shuffle(x, y, lanes):
            return self.b.shuffle_vector(x, y, _constant4(*lanes))

        low = [shuffle(rows[k], rows[k + 1], (0, 4, 1, 5)) for k in (0, 2)]
        high = [shuffle(rows[k], rows[k + 1], (2, 6, 3, 7)) for k in (0, 2)]
        x, y = shuffle(*low, (0, 1, 4, 5)), shuffle(*low, (2, 3, 6, 7))
        z, w = shuffle(*high, (0, 1, 4, 5)), shuffle(*high, (2, 3, 6, 7))
        return self.b.fadd(self.b.fadd(x, y), self.b.fadd(z, w))

    def vector(self, kind, scalars):
        vector = ir.Constant(kind, ir.Undefined)
        for lane, scalar in enumerate(scalars):
            vector = self.b.insert_element(vector, scalar, ir.Constant(_I32, lane))
        return vector

    def columns(self, rows):
        """The columns of four vectors, as four vectors."""

        def shuffle(x, y, lanes):
            return self.b.shuffle_vector(x, y, _constant4(*lanes))

        evens = [shuffle(rows[k], rows[k + 1], (0, 4, 2, 6)) for k in (0, 2)]
        odds = [shuffle(rows[k], rows[k + 1], (1, 5, 3, 7)) for k in (0, 2)]
        first, third = (shuffle(*evens, lanes) for lanes in ((0, 1, 4, 5), (2, 3, 6, 7)))
        second, fourth = (shuffle(*odds, lanes) for lanes in ((0, 1, 4, 5), (2, 3, 6, 7)))
        return first, second, third, fourth

    def broadcast(self, scalar):
        undefined = ir.Constant(_V4F, ir.Undefined)
        first = self.b.insert_element(undefined, scalar, ir.Constant(_I32, 0))
        return self.b.shuffle_vector(first, undefined, _constant4(0, 0, 0, 0))

    def gather(self, array, indices):
        vector = ir.Constant(_V4F, ir.Undefined)
        for lane, index in enumerate(indices):
            value = self.b.load(self.b.gep(array, [index]))
            vector = self.b.insert_element(vector, value, ir.Constant(_I32, lane))
        return vector

    def mask(self, squared, limit):
        """Bit k of the result is set where squared[k] < limit[k]."""
        hit = self.b.fcmp_ordered("<", squared, limit)
        return self.b.zext(self.b.bitcast(hit, ir.IntType(4)), _I64)


def _long_view(kind):
    """An intrinsic: the array of `kind` at an address. Bounds are the caller's business."""

    @intrinsic
    def view(typingctx, address):
        def codegen(context, builder, sig, arguments):
            return array_at(context, builder, kind, arguments[0], ir.Constant(_I64, 2**48))

        return kind(address), codegen

    return view


def _true_view(kind):
    """The same with a length: two arguments."""

    @intrinsic
    def view(typingctx, address, count):
        def codegen(context, builder, sig, arguments):
            return array_at(context, builder, kind, *arguments)

        return kind(types.uint64, types.int64), codegen

    return view


def _checked_view(dtype, kind):
    """The array of `dtype` from an address to the end of the array that owns it, as the engine has told `memory`."""
    table, view = _true_view(types.Array(types.uint64, 1, "C")), _true_view(kind)
    where, room, size = memory.table.ctypes.data, 2 * memory.ROOM, dtype.itemsize

    @bare
    def checked(address):
        extents, stop = table(_U(where), np.int64(room)), _U(address)
        for k in range(0, room, 2):
            if extents[k] <= _U(address) < extents[k + 1]:
                stop = max(stop, extents[k + 1])
        return view(_U(address), np.int64(stop - _U(address)) // size)

    return checked


def _view(name):
    """What makes the one-dimensional array of a type from an address."""
    dtype = np.dtype(name)
    if INTERPRETED:
        return lambda address: memory.array_at(int(address), dtype)
    kind = types.Array(numba.from_dtype(dtype), 1, "C")
    return _checked_view(dtype, kind) if CHECKED else _long_view(kind)


as_int64, as_uint64 = _view("int64"), _view("uint64")
as_int32, as_uint32 = _view("int32"), _view("uint32")
as_float64, as_float32 = _view("float64"), _view("float32")
as_uint8 = _view("uint8")


def _near(stride, form, polydisperse):
    """An intrinsic for one layout (coordinates `stride` apart), one form (see below), one reach or radii."""

    @intrinsic
    def near(typingctx, coarse, radii, i, j, at, reach):
        signature = types.uint64(coarse, radii, i, j, at, reach)

        def codegen(context, builder, sig, arguments):
            emit = _Emitter(context, builder, sig, arguments)
            x, sizes, first, second, position, limit = emit.data
            if form == "run":
                seconds = [builder.add(position, ir.Constant(_I64, k)) for k in range(4)]
            else:
                seconds = emit.indices(second, position)
            firsts = emit.indices(first, position) if form == "pairs" else [first] * 4
            squared = emit.sums([emit.squares(x, stride, a, b) for a, b in zip(firsts, seconds)])
            bound = emit.broadcast(limit)
            if polydisperse:
                bound = builder.fadd(
                    bound, builder.fadd(emit.gather(sizes, firsts), emit.gather(sizes, seconds))
                )
            return emit.mask(squared, builder.fmul(bound, bound))

        return signature, codegen

    return near


def _ends(form):
    """ends(i, j, at, k): the two slots of the k-th of four pairs, in each form (see below)."""
    if form == "pairs":
        return bare(forceinline=True)(lambda i, j, at, k: (_U(i[at + _U(k)]), _U(j[at + _U(k)])))
    if form == "row":
        return bare(forceinline=True)(lambda i, j, at, k: (_U(i), _U(j[at + _U(k)])))
    return bare(forceinline=True)(lambda i, j, at, k: (_U(i), _U(at) + _U(k)))


def _near_in_words(form):
    """What `_near_any` computes, lane by lane on arrays: for builds that check every access."""
    ends = _ends(form)

    @bare
    def near(axes, poly, coarse, radii, i, j, at, reach):
        stride, mask = stride_of(axes), _U(0)
        for k in range(4):
            a, b = ends(i, j, at, k)
            squared, bound = np.float32(0.0), np.float32(reach)
            for lane in range(4 if len(axes) <= 4 else 8):
                x, y = coarse[a * stride + _U(lane)], coarse[b * stride + _U(lane)]
                delta = np.float32(np.int32(x - y))
                squared += delta * delta
            if poly:
                bound += radii[a] + radii[b]
            if squared < bound * bound:
                mask |= _U(1) << _U(k)
        return mask

    return near


def _near_any(form):
    """near(axes, poly, coarse, radii, i, j, at, reach) for any dimension, equal spheres or not: see below."""
    if WATCHED:
        return _near_in_words(form)
    near_4, near_8 = _near(4, form, False), _near(8, form, False)
    near_4_poly, near_8_poly = _near(4, form, True), _near(8, form, True)

    @bare(forceinline=True)
    def near(axes, poly, coarse, radii, i, j, at, reach):
        if len(axes) <= 4:
            if poly:
                return near_4_poly(coarse, radii, i, j, at, reach)
            return near_4(coarse, radii, i, j, at, reach)
        if poly:
            return near_8_poly(coarse, radii, i, j, at, reach)
        return near_8(coarse, radii, i, j, at, reach)

    return near


# near_*(axes, poly, coarse, radii, i, j, at, reach) -> 4-bit mask: which of four pairs may be
# closer than reach (plus their radii, if poly), k = 0 ... 3:
near_pairs = _near_any("pairs")  # i[at + k] and j[at + k]
near_row = _near_any("row")  # slot i and the slots j[at + k]
near_run = _near_any("run")  # slot i and the slots at + k; j is not used


@intrinsic
def _fetch(typingctx, array, at):
    """Have array[at] brought into the first-level cache, without waiting; any place, inside the array or not."""
    signature = types.void(array, at)

    def codegen(context, builder, sig, arguments):
        data = data_of(context, builder, sig.args[0], arguments[0])
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        shape = ir.FunctionType(ir.VoidType(), [pointer.type, _I32, _I32, _I32])
        call_it = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], shape)
        builder.call(call_it, [pointer, *(ir.Constant(_I32, k) for k in (0, 3, 1))])
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _transpose(typingctx, source, a, b, c, d, out, e, f, g, h):
    signature = types.void(source, a, b, c, d, out, e, f, g, h)

    def codegen(context, builder, sig, arguments):
        emit = _Emitter(context, builder, sig, arguments)
        data, target = emit.data[0], emit.data[5]
        rows = [emit.load4(data, at, _V4D) for at in emit.data[1:5]]
        columns = emit.columns(rows)
        for column, at in zip(columns, emit.data[6:]):
            pointer = builder.bitcast(builder.gep(target, [at]), _V4D.as_pointer())
            builder.store(column, pointer, align=8)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _parted(typingctx, x, y, z, turns, coarse, other, planes, at, unit):
    signature = types.boolean(
        types.int32, types.int32, types.int32, types.int32, coarse, other, planes, at, types.float32
    )

    def codegen(context, builder, sig, arguments):
        emit = _Emitter(context, builder, sig, arguments)
        *here, turned, data, second, noted, place, length = emit.data
        here.append(builder.neg(turned))
        four = ir.Constant(_I64, 4)
        there = emit.load4(data, builder.mul(second, four))
        plane = emit.load4(noted, builder.mul(place, four), _V4F)
        delta = builder.sitofp(builder.sub(emit.vector(_V4I, here), there), _V4F)
        last = ir.Constant(_I32, 3)
        terms = builder.fmul(delta, builder.insert_element(plane, length, last))
        halves = builder.fadd(terms, builder.shuffle_vector(terms, terms, _constant4(2, 3, 2, 3)))
        ends = [builder.extract_element(halves, ir.Constant(_I32, k)) for k in range(2)]
        beyond = builder.fadd(*ends)
        return builder.fcmp_ordered(">", beyond, builder.extract_element(plane, last))

    return signature, codegen


if WATCHED:

    @bare
    def fetch(array, at):
        """Nothing: there is no cache to fill."""

    @bare
    def parted(x, y, z, turns, coarse, other, planes, at, unit):
        """Whether a plane parts a body here from another: planes[4 at:] is its normal, and how far it is at least.

        Of both bodies there are three 32-bit coordinates, and how far they have turned, in units of
        `unit`; those of the other one are coarse[4 other:].
        """
        there, plane = _U(4) * other, _U(4) * at
        first = np.float32(np.int32(x - coarse[there])) * planes[plane]
        second = np.float32(np.int32(y - coarse[there + _U(1)])) * planes[plane + _U(1)]
        first += np.float32(np.int32(z - coarse[there + _U(2)])) * planes[plane + _U(2)]
        second += np.float32(np.int32(-turns - coarse[there + _U(3)])) * unit
        return first + second > planes[plane + _U(3)]

    @bare
    def transpose(source, a, b, c, d, out, e, f, g, h):
        """Copy four times four numbers from source[a:], [b:], ...; the first of each to out[e:], and so on."""
        for to, k in ((e, 0), (f, 1), (g, 2), (h, 3)):
            for at, lane in ((a, 0), (b, 1), (c, 2), (d, 3)):
                out[to + _U(lane)] = source[at + _U(k)]
else:
    fetch, parted, transpose = _fetch, _parted, _transpose


_gate_lock = threading.Lock()  # of plain Python, where there are no atomic instructions


@intrinsic
def _fetch_add(typingctx, array, index, value):
    signature = types.int64(array, index, value)

    def codegen(context, builder, sig, arguments):
        data = data_of(context, builder, sig.args[0], arguments[0])
        pointer = builder.gep(data, [arguments[1]])
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    return signature, codegen


@intrinsic
def _load_acquire(typingctx, array, index):
    signature = types.int64(array, index)

    def codegen(context, builder, sig, arguments):
        data = data_of(context, builder, sig.args[0], arguments[0])
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "acquire", 8)

    return signature, codegen


@intrinsic
def _give_way(typingctx):
    """Let another thread run: without this, waiting on a busy machine would burn the time the other thread needs."""
    signature = types.void()

    def codegen(context, builder, sig, arguments):
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
        return call(context, builder, name)

    return signature, codegen


if INTERPRETED:

    def _fetch_add(array, index, value):
        with _gate_lock:
            array[index] += value
            return array[index] - value

    def _load_acquire(array, index):
        return array[index]

    def _give_way():
        time.sleep(0)


if WATCHED:

    @bare
    def _wait(gate):
        if gate[FAILED] != 0:
            raise RuntimeError("another thread has failed")
        _give_way()
else:

    @bare(forceinline=True)
    def _wait(gate):
        _give_way()


@bare
def barrier(gate, threads):
    """Wait until all `threads` threads are here. gate: int64 (16,), zeros at first, shared by them and nothing else."""
    if threads == 1:
        return
    generation = _load_acquire(gate, 8)
    if _fetch_add(gate, 0, 1) == threads - 1:
        _fetch_add(gate, 0, -threads)
        _fetch_add(gate, 8, 1)
        return
    spins = 0
    while _load_acquire(gate, 8) == generation:
        spins += 1
        if spins > 2000:
            _wait(gate)
