"""The examples in docstrings, run as doctests."""

import doctest
import importlib
import pkgutil

import pytest

import mpack

MODULES = ["mpack", *(one.name for one in pkgutil.walk_packages(mpack.__path__, "mpack."))]


def examples(name):
    """The doctests of a module."""
    module = importlib.import_module(name)
    for one in getattr(module, "__all__", ()):
        getattr(module, one)  # also what is made when first asked for
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    told = []
    for test in examples(name):
        runner.run(test, out=told.append)
    assert not runner.failures, "".join(told)


def test_examples_are_found():
    """Were they no longer collected, nothing above could fail."""
    found = {
        test.name
        for name in ("mpack", "mpack.structure", "mpack.packing")
        for test in examples(name)
    }
    assert {"mpack", "mpack.structure.exponent", "mpack.packing.Packing.separation"} <= found
    broken = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "broken", None, None)
    assert doctest.DocTestRunner().run(broken, out=lambda text: None).failed == 1
