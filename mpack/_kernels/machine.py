"""What numba lacks for the step kernel: arrays behind addresses, candidates tested four at a time, a barrier.

Each is a few lines of LLVM IR behind a numba intrinsic. The vector types are LLVM's own, so the
same text compiles to SSE, AVX or NEON; nothing here rounds differently from the scalar code, and
nothing is contracted.
"""

import sys

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from mpack._kernels._jit import bare

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_V4I, _V4F = ir.VectorType(_I32, 4), ir.VectorType(ir.FloatType(), 4)


def _constant4(*lanes):
    return ir.Constant(_V4I, list(lanes))


class _Emitter:
    """Vector code for the squared separations of four pairs, in the units of the 32-bit coordinates."""

    def __init__(self, context, builder, signature, arguments):
        self.b = builder
        self.data = [
            context.make_array(kind)(context, builder, value).data
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(signature.args, arguments)
        ]

    def load4(self, pointer, index, element=_V4I):
        vector = self.b.load(self.b.bitcast(self.b.gep(pointer, [index]), element.as_pointer()))
        vector.align = 4
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


def _view(dtype):
    """An intrinsic: the one-dimensional array of `dtype` at an address. Bounds are the caller's business."""
    kind = types.Array(dtype, 1, "C")

    @intrinsic
    def view(typingctx, address):
        signature = kind(address)

        def codegen(context, builder, sig, arguments):
            array = context.make_array(kind)(context, builder)
            size = ir.Constant(_I64, context.get_abi_sizeof(context.get_data_type(dtype)))
            data = builder.inttoptr(arguments[0], array.data.type)
            count = ir.Constant(_I64, 2**48)
            populate_array(
                array, data=data, shape=[count], strides=[size], itemsize=size, meminfo=None
            )
            return array._getvalue()

        return signature, codegen

    return view


as_int64, as_uint64 = _view(types.int64), _view(types.uint64)
as_int32, as_uint32 = _view(types.int32), _view(types.uint32)
as_float64, as_float32 = _view(types.float64), _view(types.float32)
as_uint8 = _view(types.uint8)


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


def _near_any(form):
    """near(axes, poly, coarse, radii, i, j, at, reach) for any dimension, equal spheres or not: see below."""
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
def _fetch_add(typingctx, array, index, value):
    signature = types.int64(array, index, value)

    def codegen(context, builder, sig, arguments):
        data = context.make_array(sig.args[0])(context, builder, arguments[0]).data
        pointer = builder.gep(data, [arguments[1]])
        return builder.atomic_rmw("add", pointer, arguments[2], "seq_cst")

    return signature, codegen


@intrinsic
def _load_acquire(typingctx, array, index):
    signature = types.int64(array, index)

    def codegen(context, builder, sig, arguments):
        data = context.make_array(sig.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "acquire", 8)

    return signature, codegen


@intrinsic
def _give_way(typingctx):
    """Let another thread run: without this, waiting on a busy machine would burn the time the other thread needs."""
    signature = types.void()

    def codegen(context, builder, sig, arguments):
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_I32, []), name)
        builder.call(function, [])
        return context.get_dummy_value()

    return signature, codegen


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
            _give_way()
