"""Nobody's code runs outside a browser either: requests, parameters, specifications.

book/hostile.yaml counts the ways.
"""

import ast
import http.client
import os
import re
import socket
import sys
import threading
from pathlib import Path

import pytest
import yaml
from chapterruns import refusal

import mpack
from book._tools import places, serve
from mpack.widgets import _sources

ROOT = places.ROOT
WAYS = yaml.safe_load((ROOT / "book/hostile.yaml").read_text(encoding="utf8"))

# ------------------------------------------------------------------------------------------------
# the list


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["way"])
def test_each_way_is_tried_by_a_test_that_exists(way):
    assert list(way) == ["way", "where", "count", "result", "tests"]
    assert way["count"] > 0 and way["result"].strip() and way["where"].strip()
    for named in way["tests"]:
        path, _, name = named.partition("::")
        functions = [
            node.name
            for node in ast.parse((ROOT / path).read_text(encoding="utf8")).body
            if isinstance(node, ast.FunctionDef)
        ]
        assert name in functions, named


def test_the_list_counts_these_ways():
    for test, count in {
        "test_the_server_gives_what_is_in_its_folder_and_runs_nothing": len(CLIMBS)
        + len(RUNS)
        + len(METHODS),
        "test_a_parameter_is_a_value_and_no_code": 2 * 4 * len(ORDERS),
        "test_a_standalone_figure_s_state_is_no_code": sum(
            len(MARKUP) * (1 + len(_sources.schema(name)["state"])) for name in _sources.names()
        ),
        "test_reading_a_specification_imports_and_runs_nothing": 1 + 3 * len(ORDERS),
    }.items():
        (way,) = [one for one in WAYS if f"tests/test_hostile.py::{test}" in one["tests"]]
        assert way["count"] == count, (test, count)


# ------------------------------------------------------------------------------------------------
# make serve

CLIMBS = [
    f"{start}{step * times}{end}"
    for step in (
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%5c",
        "..\\",
        ".%00./",
        "..;/",
        "..%252f",
    )
    for times in (1, 3, 9)
    for start in ("/", "//", "/notebooks/", "/_static/%00")
    for end in ("outside.txt", "etc/passwd")
]
RUNS = ["/cgi-bin/run.py", "/run.py", "/cgi-bin/run.py?x=`touch+ran`", "/run.py%3Btouch%20ran"]
METHODS = ["POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "OPTIONS", "PROPFIND", "X" * 300]


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder behind `make serve`, and the port; beside it what nobody may read, in it what nobody may run."""
    folder = tmp_path / "html"
    (folder / "cgi-bin").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "index.html").write_text("inside")
    for path in (folder / "run.py", folder / "cgi-bin/run.py"):
        path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
        path.chmod(0o755)

    class Quiet(serve.http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Requests are not news."""

    monkeypatch.chdir(tmp_path)
    with serve.server(folder, Quiet) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield tmp_path, serving.server_address
        serving.shutdown()


def answer(address, method, path):
    """(status, body), the path being sent as it stands."""
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection._validate_path = lambda url: None
        connection.putrequest(method, path, skip_host=True)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (http.client.HTTPException, OSError):
        return 400, b""
    finally:
        connection.close()


def test_the_server_gives_what_is_in_its_folder_and_runs_nothing(served):
    folder, address = served
    assert answer(address, "GET", "/") == (200, b"inside")
    for path in CLIMBS:
        status, body = answer(address, "GET", path)
        assert status >= 300 and b"secret" not in body and b"root:" not in body, path
    for path in RUNS:
        status, body = answer(address, "GET", path)
        assert status in (200, 404) and (status == 404 or body.startswith(b"open(")), path
    for method in METHODS:
        assert answer(address, method, "/run.py")[0] in (400, 405, 501), method
    assert answer(address, "GET", "/") == (200, b"inside")  # it still serves
    assert sorted(path.name for path in folder.iterdir()) == ["html", "outside.txt"]


def test_the_server_answers_this_machine_alone(served):
    _, (host, port) = served
    assert host == "127.0.0.1"
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", port)) != 0


# ------------------------------------------------------------------------------------------------
# parameters, specifications

ORDERS = [
    "__import__('os').system('touch ran')",
    "'); open('ran', 'w'); ('",
    '"""); open("ran", "w"); ("""',
    "0\nopen('ran', 'w')",
    "0\\\nopen('ran', 'w')",
    "{__import__('os').system('touch ran')}",
    "%run ran.py",
    "!touch ran",
    "# \r\nopen('ran', 'w')",
    "\u2028open('ran', 'w')",
]

MARKUP = [
    "<script>hacked = 1</script>",
    "</script><script>hacked = 1</script>",
    "\"><img src=x onerror='hacked = 1'>",
    "' onload='hacked = 1",
    "javascript:hacked = 1",
]


@pytest.mark.parametrize("name", ["limiting_dynamics", "manna_collapse"])
@pytest.mark.parametrize("order", range(len(ORDERS)))
def test_a_parameter_is_a_value_and_no_code(tmp_path, monkeypatch, name, order):
    """As text, in lists and as keys, by papermill's own writing: refused by name, and nothing was done."""
    monkeypatch.chdir(tmp_path)
    text = ORDERS[order]
    for value in (text, [text], {text: text}, [[text, {"a": text}]]):
        said = refusal(name, seed=value)
        assert re.match(r"(ValueError|TypeError): seed must be an integer", said), said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", _sources.names())
def test_a_standalone_figure_s_state_is_no_code(name):
    """A value of another kind is refused, so that no text but the figure's own words gets into its page."""
    for key in _sources.schema(name)["state"]:
        for text in MARKUP:
            with pytest.raises((ValueError, TypeError), match=key):
                _sources.standalone(name, {key: text})
    for text in MARKUP:
        with pytest.raises((ValueError, TypeError)):
            _sources.standalone(name, {text: 1})


def test_reading_a_specification_imports_and_runs_nothing(tmp_path, monkeypatch):
    """Its functions are names until it is run; text that is none is refused."""
    (tmp_path / "brought_along.py").write_text(
        "open('ran', 'w')\n\ndef f(packing):\n    return 1.0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    rule = mpack.PairwiseBRO(eps=0.1)
    spec = mpack.Spec(rule, n=9, phi=0.1, steps=2, dim=2, watch={"f": "brought_along:f"})
    again = mpack.ensemble.from_text(spec.text)
    assert again == spec and "brought_along" not in sys.modules and not Path("ran").exists()
    for order in ORDERS:
        for text in (order, spec.text.replace('"PairwiseBRO"', repr(order)), spec.text + order):
            with pytest.raises(ValueError, match="text is no specification"):
                mpack.ensemble.from_text(text)
    assert "brought_along" not in sys.modules and not os.path.exists("ran")
