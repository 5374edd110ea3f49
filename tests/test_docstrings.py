"""The examples in docstrings, run as doctests."""

import doctest
import importlib
import pkgutil
import re
from importlib import metadata

import pytest

import mpack

MODULES = ["mpack", *(one.name for one in pkgutil.walk_packages(mpack.__path__, "mpack."))]


def examples(name):
    """The doctests of a module."""
    module = importlib.import_module(name)
    for one in getattr(module, "__all__", ()):
        getattr(module, one)  # also what is made when first asked for
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


def without_an_extra(words):
    """Whether what went wrong is that a package is missing which only an extra brings."""
    by_another_name = {"sklearn": "scikit-learn", "traitlets": "ipywidgets", "IPython": "ipykernel"}
    required = [one for one in metadata.requires("mpack-sgd") if "extra ==" in one]
    extras = {re.match(r"[\w.-]+", one)[0] for one in required}
    missing = re.findall(r"No module named '(\w+)", words)
    return missing != [] and {by_another_name.get(one, one) for one in missing} <= extras


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    wrong, left_out = [], 0
    try:
        found = examples(name)
    except ModuleNotFoundError as error:
        assert without_an_extra(str(error))
        pytest.skip(str(error))
    for test in found:
        told = []
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        if runner.run(test, out=told.append).failed:
            words = "".join(told)
            left_out += without_an_extra(words)
            wrong += [] if without_an_extra(words) else [words]
    assert not wrong, "".join(wrong)
    if left_out:
        pytest.skip(f"{left_out} of {len(found)} examples need an extra")


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
