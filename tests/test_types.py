"""The library is typed: every public signature is complete, and a user's code checks against it."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import mpack

HERE = Path(__file__).parent


def public_modules():
    """Modules without a leading underscore anywhere in their name; figures of the widgets are made elsewhere."""
    names = ["mpack", *(m.name for m in pkgutil.walk_packages(mpack.__path__, "mpack."))]
    return [name for name in names if not any(part[0] == "_" for part in name.split("."))]


def public_functions(module):
    """(name, function) of what a module defines, or says that it hands out; methods and properties too."""
    own = [name for name, thing in vars(module).items() if _defined_in(thing, module)]
    for name in getattr(module, "__all__", own):
        thing = getattr(module, name)
        if name[0] == "_":
            continue
        if inspect.isclass(thing):
            yield from methods(thing)
        elif callable(thing):
            yield name, inspect.unwrap(thing)


def _defined_in(thing, module):
    return getattr(thing, "__module__", None) == module.__name__


def methods(kind):
    """What a class and those that it is made of define: public, or called by making it."""
    for base in kind.__mro__:
        if not base.__module__.startswith("mpack"):
            continue
        for name, thing in vars(base).items():
            if name[0] == "_" and name != "__init__":
                continue
            if isinstance(thing, property):
                thing = thing.fget
            elif isinstance(thing, functools.cached_property):
                thing = thing.func
            elif isinstance(thing, (classmethod, staticmethod)):
                thing = thing.__func__
            if inspect.isfunction(thing):
                yield f"{base.__name__}.{name}", thing


def untyped(function):
    """Parameters of a function that have no annotation, and "return" if it has none."""
    signature = inspect.signature(function)
    names = list(signature.parameters.values())
    first = names[:1] if names and names[0].name in ("self", "cls") else []
    lacking = [p.name for p in names[len(first) :] if p.annotation is p.empty]
    return lacking + (["return"] if signature.return_annotation is signature.empty else [])


@pytest.mark.parametrize("name", public_modules())
def test_every_public_signature_is_typed(name):
    if name == "mpack.widgets":
        pytest.importorskip("anywidget", reason="an extra")
    module = importlib.import_module(name)
    found = {where: untyped(function) for where, function in public_functions(module)}
    assert {where: lacking for where, lacking in found.items() if lacking} == {}


def test_the_search_sees_what_lacks_a_type():
    class Half:
        __module__ = "mpack.half"

        def done(self, a: int) -> int:
            return a

        def open(self, a, *, b: int = 1, **c):
            return a

        @functools.cached_property
        def lazy(self):
            return 1

    lacking = {where: untyped(function) for where, function in methods(Half)}
    assert lacking == {
        "Half.done": [],
        "Half.open": ["a", "c", "return"],
        "Half.lazy": ["return"],
    }
    assert len(dict(public_functions(importlib.import_module("mpack.packing")))) > 15


def type_checking_block(source):
    """The body of the first `if TYPE_CHECKING` in a module or class."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            return node.body
    raise LookupError("no `if TYPE_CHECKING`")


def test_type_checkers_see_the_names_that_the_package_gives():
    seen = {}
    for node in type_checking_block(Path(mpack.__file__).read_text(encoding="utf8")):
        seen |= {alias.asname: node.module for alias in node.names}
    assert set(seen) == {*mpack.__all__, *mpack._modules()} - {"__version__"}
    for name, module in seen.items():
        there = importlib.import_module(module)
        assert getattr(mpack, name) is getattr(there, name)


def test_type_checkers_see_the_arguments_that_a_network_takes():
    from mpack.network import SmallNetwork

    (init,) = type_checking_block(inspect.getsource(SmallNetwork))
    arguments = [argument.arg for argument in init.args.args][1:]
    assert arguments == list(inspect.signature(SmallNetwork).parameters)
    defaults = [ast.literal_eval(value) for value in init.args.defaults]
    real = inspect.signature(SmallNetwork).parameters.values()
    assert defaults == [p.default for p in real if p.default is not p.empty]


def test_the_package_says_that_it_is_typed():
    assert (Path(mpack.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_the_code_of_a_user_checks_strictly(tmp_path):
    pytest.importorskip("mypy")
    options = ["--strict", "--follow-imports=silent", "--ignore-missing-imports", "--config-file="]
    command = [sys.executable, "-m", "mypy", *options, "--cache-dir", str(tmp_path)]
    where = os.environ | {"MYPYPATH": str(HERE.parent)}
    told = subprocess.run(
        [*command, "typed_use.py"],
        cwd=HERE,
        env=where,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
