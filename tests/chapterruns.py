"""Chapters that are run small through papermill, once for all tests of a module, or read as the book executed them."""

import ast
import os

import pytest

from book import reading
from book._tools import places


def near(entry, target, allowance=0.0, sigmas=5.0):
    """Whether a record or a claim lies within so many of its standard errors of a target, and an allowance."""
    return abs(entry["value"] - target) <= sigmas * (entry["error"] or 0.0) + allowance


class Chapter:
    """A chapter that has been run: its recorded numbers and its claims."""

    def __init__(self, name, folder, **parameters):
        papermill = pytest.importorskip("papermill")
        source, out = places.ROOT / f"notebooks/{name}.ipynb", folder / f"{name}.ipynb"
        papermill.execute_notebook(
            source,
            out,
            parameters,
            cwd=places.ROOT,
            progress_bar=False,
            log_output=False,
            execution_timeout=600,
        )
        self._read(out)

    def _read(self, path):
        self.records = reading.records(path)
        self.claims = {claim["id"]: claim for claim in reading.claims(path)}

    def near(self, name, target, allowance=0.0, sigmas=5.0):
        return near(self.records.get(name) or self.claims[name], target, allowance, sigmas)

    def check_verdicts(self, slack=(), failed=(), weak=()):
        """No claim differs but those that are known to, which do; every control differs, and there is one.

        Parameters
        ----------
        slack : collection of str
            Beginnings of claims that may differ where systems are small.
        failed : collection of str
            Claims that differ, and are told so in the book: one that begins to agree is noticed.
        weak : collection of str
            Beginnings of controls that few small runs may leave undecided; none may agree.
        """
        verdicts = {id_: claim["verdict"] for id_, claim in self.claims.items()}
        controls = {id_ for id_, claim in self.claims.items() if claim["control"]}
        assert controls
        told = {id_ for id_ in controls if verdicts[id_] == "differs"}
        assert told
        assert [id_ for id_ in controls - told if not id_.startswith(tuple(weak))] == []
        assert not [id_ for id_ in controls if verdicts[id_] == "agrees"]
        firm = [id_ for id_ in set(verdicts) - controls if not id_.startswith(tuple(slack))]
        assert {id_ for id_ in firm if verdicts[id_] == "differs"} == set(failed)


class Executed(Chapter):
    """A chapter as the book on the disk recorded it: for numbers of the archive, which no seed changes."""

    def __init__(self, name):
        path = places.EXECUTED / f"notebooks/{name}.ipynb"
        if not path.exists():
            sentence = "the chapter has not been executed: run `make book`"
            pytest.fail(sentence) if os.environ.get("MPACK_REQUIRE_BOOK") else pytest.skip(sentence)
        self._read(path)


def small(parameters):
    """A fixture: a function that runs a chapter once, with its parameters in {name: parameters}, and returns it."""

    @pytest.fixture(scope="module")
    def run(tmp_path_factory):
        folder, done = tmp_path_factory.mktemp("chapters"), {}

        def once(name):
            if name not in done:
                done[name] = Chapter(name, folder, **parameters[name])
            return done[name]

        return once

    return run


def refusal(name, **parameters):
    """What a chapter says to bad parameters before any work: its cells up to the check, run here as papermill would.

    A kernel of its own for each would cost seconds; tests/test_notebooks.py sees once that
    papermill stops there too.
    """
    iorw, parameterize = (
        pytest.importorskip("papermill.iorw"),
        pytest.importorskip("papermill.parameterize"),
    )
    notebook = iorw.load_notebook_node(str(places.ROOT / f"notebooks/{name}.ipynb"))
    notebook = parameterize.parameterize_notebook(notebook, parameters)
    names = {"In": []}
    for source in (cell.source for cell in notebook.cells if cell.cell_type == "code"):
        names["In"].append(source)
        if "chapters.check(" in source:
            with pytest.raises((ValueError, TypeError)) as caught:
                exec(source, names)
            return f"{caught.typename}: {caught.value}"
        assert _only_sets(source), "work before the check"
        exec(source, names)


def _only_sets(source):
    """Whether a cell does nothing but set parameters."""
    return all(isinstance(node, ast.Assign) for node in ast.parse(source).body)
