"""A relocatable WebAssembly object, as LLVM writes it, as a module that can be loaded: what a linker would do to it.

LLVM writes every place that a linker would change with the value that it has in an object linked
alone. So all that is left to do is to list what is exported, and to drop what only a linker reads.
That holds for code; data and tables would have to be laid out, and there are none, nor is anything
imported but the memory and the stack's end: `loadable` makes sure.

Source: the WebAssembly Core Specification 2.0, chapter 5, and "WebAssembly Object File Linking",
https://github.com/WebAssembly/tool-conventions.
"""

CUSTOM, IMPORT, START, ELEMENTS, CODE, DATA, DATA_COUNT = 0, 2, 8, 9, 10, 11, 12
EXPORTS, FUNCTION, MEMORY, GLOBAL = 7, 0, 2, 3
SYMBOL_TABLE, UNDEFINED, NAMED = 8, 0x10, 0x40
IMPORTS = {("env", "__linear_memory"), ("env", "__stack_pointer")}


def to_leb(number):
    """A number >= 0 in seven bits a byte, the lowest first."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 127
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def from_leb(data, at):
    """(the number that begins at data[at], the place after it)."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def to_name(name):
    """A name, its length in front."""
    return to_leb(len(name)) + name.encode()


def from_name(data, at):
    """(the name that begins at data[at], the place after it)."""
    size, at = from_leb(data, at)
    return data[at : at + size].decode(), at + size


def sections(data):
    """[(kind, body)] of a module or an object."""
    found, at = [], 8
    while at < len(data):
        kind = data[at]
        size, start = from_leb(data, at + 1)
        at = start + size
        found.append((kind, data[start:at]))
    return found


def imports(body):
    """{(module, name)} of an import section of memories, globals and functions."""
    count, at = from_leb(body, 0)
    found = set()
    for _ in range(count):
        module, at = from_name(body, at)
        name, at = from_name(body, at)
        found.add((module, name))
        kind, at = body[at], at + 1
        if kind == FUNCTION:
            _, at = from_leb(body, at)
        elif kind == GLOBAL:
            at += 2
        elif kind == MEMORY:
            flags, (_, at) = body[at], from_leb(body, at + 1)
            if flags & 1:
                _, at = from_leb(body, at)
        else:
            raise ValueError(f"the object imports {module}.{name}, of kind {kind}")
    return found


def functions(linking):
    """{name: index} of the functions that an object defines, from its "linking" section."""
    version, at = from_leb(linking, 0)
    if version != 2:
        raise ValueError(f"version of the linking section must be 2; got {version}")
    while linking[at] != SYMBOL_TABLE:
        size, at = from_leb(linking, at + 1)
        at += size
    _, at = from_leb(linking, at + 1)
    count, at = from_leb(linking, at)
    found = {}
    for _ in range(count):
        kind = linking[at]
        if kind not in (FUNCTION, 2):  # 2: a global
            raise ValueError(f"a symbol must be a function or a global; got kind {kind}")
        flags, at = from_leb(linking, at + 1)
        index, at = from_leb(linking, at)
        if not flags & UNDEFINED or flags & NAMED:
            name, at = from_name(linking, at)
            if kind == FUNCTION and not flags & UNDEFINED:
                found[name] = index
    return found


def loadable(data, exports):
    """The module of an object, with these functions exported.

    Raises
    ------
    ValueError
        If there is anything that a linker would have to place: data, tables, other imports.
    """
    parts = sections(data)
    custom = {}
    for kind, body in parts:
        if kind == CUSTOM:
            name, at = from_name(body, 0)
            custom[name] = body[at:]
    for kind, body in parts:
        if kind in (ELEMENTS, DATA):
            raise ValueError("the object has a table or data, which nothing here places")
        if kind == IMPORT and not imports(body) <= IMPORTS:
            raise ValueError(f"the object calls what a page lacks: {imports(body) - IMPORTS}")
    index = functions(custom["linking"])
    listed = to_leb(len(exports)) + b"".join(
        to_name(name) + bytes([FUNCTION]) + to_leb(index[name]) for name in exports
    )
    out = bytearray(data[:8])
    kept = [(kind, body) for kind, body in parts if kind not in (CUSTOM, DATA_COUNT)]
    place = next(at for at, (kind, _) in enumerate(kept) if kind in (START, CODE))
    for kind, body in [*kept[:place], (EXPORTS, listed), *kept[place:]]:
        out += bytes([kind]) + to_leb(len(body)) + body
    return bytes(out)
