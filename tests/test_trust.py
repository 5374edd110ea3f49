"""What a stranger relies on: the report, the provenance, the check, the history of the tolerances."""

import itertools
import json
import re
import socket
from pathlib import Path

import pytest
import yaml
from bookpages import HTML, ROOT, require_book
from bs4 import BeautifulSoup

from benchmarks import aims
from book._tools import (
    history,
    labels,
    origins,
    places,
    provenance,
    replication,
    scoreboard,
    speed,
    trustpages,
    verdicts,
)

PAGES = ("replication", "provenance", "certificate", "speed", "build_or_contribute")

# The history of the rules
# ------------------------------------------------------------------------------------------------


def version(**claims):
    """A version of the file of verdicts: name = (rule, verdict)."""
    return json.dumps({"chapter": {name: list(entry) for name, entry in claims.items()}})


def kind(*entries):
    """Of which kind a claim is that these commits left so; None where a commit does not have it."""
    texts = ["{}", *(version(a=entry) if entry else "{}" for entry in entries)]
    steps = [(f"c{n}", *pair) for n, pair in enumerate(zip(texts, texts[1:]))]
    return history.kind(history.walk(steps)["a"])


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("r", "agrees")], "together"),
        ([None, ("r", "agrees"), ("r", "agrees")], "together"),
        ([("r", verdicts.AWAITED), ("r", "agrees")], "first"),
        ([("r", "undecided"), ("r", "agrees")], "first"),
        ([("r", verdicts.AWAITED)], "new"),
        ([("r", "agrees"), ("wider", "agrees")], "moved"),
        ([("r", "differs"), ("wider", "differs"), ("wider", "agrees")], "moved"),
        ([("r", verdicts.AWAITED), ("wider", verdicts.AWAITED), ("wider", "agrees")], "first"),
    ],
)
def test_the_history_of_a_claim_says_which_was_first(entries, expected):
    assert kind(*entries) == expected


def test_a_moved_rule_is_told_with_all_that_it_was():
    steps = [
        ("c0", "{}", version(a=("r", "agrees"))),
        ("c1", version(a=("r", "agrees")), version(a=("s", "agrees"))),
    ]
    row = history.claim(history.walk(steps)["a"])
    assert row == ["moved", "c1", "c0", [["c0", "r", "agrees"], ["c1", "s", "agrees"]]]


def test_the_record_of_the_history_is_what_the_history_says():
    """Up to the commit that it names; what came later is new to it."""
    if not history.whole():
        pytest.skip("the history is not all here")
    kept = history.load()
    assert history.record(kept["through"]) == kept
    assert set(history.kinds(["no-such-claim"], kept).values()) == {"new"}


# The report
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "outcome", "obstacles"),
    [
        ([], "out of reach", []),
        (["agrees"], "full", []),
        (["agrees", "agrees"], "full", []),
        (["agrees", "undecided"], "partial", ["coarse"]),
        (["undecided"], "partial", ["coarse"]),
        (["agrees", "differs"], "partial", ["conditions"]),
        (["agrees", "differs", "undecided"], "partial", ["coarse", "conditions"]),
        (["differs"], "not replicated", ["contradicted"]),
        (["differs", "undecided"], "not replicated", ["coarse", "contradicted"]),
    ],
)
def test_the_outcome_follows_from_the_votes(votes, outcome, obstacles):
    for order in itertools.permutations(votes):
        assert replication.outcome(list(order)) == outcome
        assert replication.obstacles(list(order)) == obstacles
    assert replication.obstacles(votes, ["ageing"]) == [*obstacles, "ageing"]


def test_an_outcome_never_gets_better_by_a_worse_vote():
    rank = {"full": 0, "partial": 1, "not replicated": 2}
    worse = {"agrees": ("undecided", "differs"), "undecided": ("differs",), "differs": ()}
    for votes in itertools.product(worse, repeat=3):
        for place, vote in enumerate(votes):
            for other in worse[vote]:
                lower = [*votes[:place], other, *votes[place + 1 :]]
                assert rank[replication.outcome(lower)] >= rank[replication.outcome(list(votes))]


def test_full_is_where_the_scoreboard_agrees():
    """The two tables of the same claims cannot contradict each other."""
    for votes in itertools.product(("agrees", "undecided", "differs"), repeat=3):
        agrees = scoreboard.together(list(votes)) == "agrees"
        assert agrees == (replication.outcome(list(votes)) == "full")


@pytest.fixture(scope="module")
def claims():
    require_book()
    return json.loads(places.CLAIMS.read_text(encoding="utf8"))["claims"]


@pytest.fixture(scope="module")
def soups():
    require_book()
    return {
        name: BeautifulSoup((HTML / f"book/{name}.html").read_text(encoding="utf8"), "html.parser")
        for name in PAGES
    }


def test_every_row_of_the_scoreboard_stands_in_the_report_once(claims, soups):
    rows = replication.report(claims)
    stated = [
        row["id"]
        for paper in scoreboard.papers()
        for part in paper["parts"]
        for row in part["statements"]
    ]
    assert [row.statement.id for row in rows] == stated and len(set(stated)) == len(stated)
    shown = soups["replication"].select("table.mpack-replication tr[id]")
    assert [row["id"] for row in shown] == [f"result-{id_}" for id_ in stated]
    for row, tag in zip(rows, shown):
        assert tag.select_one(".mpack-outcome").text == row.outcome
        assert tag.a["href"] == f"claims.html#statement-{row.statement.id}"
    counted = soups["replication"].select_one(".mpack-score-counts").text
    assert sum(map(int, re.findall(r"\d+(?= [fpno])", counted))) == len(stated)


def test_what_stood_in_the_way_is_known_and_of_what_is_not_full(claims):
    kinds, own = replication.known()
    rows = {row.statement.id: row for row in replication.report(claims)}
    assert set(own) <= set(rows)
    for id_, row in rows.items():
        assert set(row.obstacles) <= set(kinds)
        full = row.outcome == "full"
        assert not (full and row.obstacles), (
            f"{id_} is replicated: take it out of {replication.OBSTACLES.name}"
        )
        assert full or row.obstacles, f"{id_}: what stands in the way?"


def test_the_report_says_of_every_claim_which_was_first(claims, soups):
    many = [
        int(row.find_all("td")[-1].text)
        for row in soups["replication"].select("#which-tolerances-were-there-first table tbody tr")[
            :4
        ]
    ]
    assert sum(many) == len(claims)


# The check
# ------------------------------------------------------------------------------------------------


def test_codecheck_has_what_its_form_asks_of_authors():
    text = trustpages.CHECK.read_text(encoding="utf8")
    assert text.startswith("%YAML 1.1\n---\n"), "an explicit document"
    found = trustpages.check()
    assert found["version"] == "https://codecheck.org.uk/spec/config/1.0/"
    assert (
        found["paper"]["title"]
        and found["paper"]["authors"][0]["name"]
        and found["paper"]["reference"]
    )
    title = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["title"]
    assert found["paper"]["title"] == title
    for one in found["manifest"]:
        assert one["comment"] and not Path(one["file"]).is_absolute() and ".." not in one["file"]
    assert not {"codechecker", "report", "certificate"} & set(found), "these are for whoever checks"


def test_the_commands_of_the_check_are_commands_of_this_tree():
    known = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf8"), re.M)
    form = (ROOT / "book/certificate.txt").read_text(encoding="utf8")
    for step in trustpages.check()["mpack"]["steps"]:
        program, target = step["command"].split()
        assert program == "make" and target in known and step["does"] and step["takes"]
    for target in re.findall(r"^ *make ([a-z-]+)", form, re.M):
        assert target in known


def test_the_outputs_of_the_check_are_made():
    require_book()
    for one in trustpages.check()["manifest"]:
        path = ROOT / one["file"]
        assert path.is_file() and path.stat().st_size > 100, one["file"]


# The provenance
# ------------------------------------------------------------------------------------------------

CODE = """
from book import archives, chapters, waves
from book.demos import hidden_order as demo
table = source.campaign("first", audit=1)
other = source.campaign("second_one")
plain = [1, 2]
chapters.show(demo.f(table), "a")
found = {"x": other.mean()}
rows = []
for row in found:
    rows.append(row)
chapters.show(g(rows), "b")
table = plain
chapters.show(g(table), "c")
known = archives.load("third")
chapters.show(h(known, waves.N), "d")
chapters.show(h(waves.archived("active")), "e")
names = ["rest"]
some = [source.campaign(name) for name in names]
chapters.show(h(some), "f")
"""


def test_the_archives_of_a_figure_are_found_by_following_its_data():
    read = {"first", "second-one", "third", "waves", "rest", "more"}
    assert origins.archives_of([CODE], read) == {
        "a": {"first"},
        "b": {"second-one"},
        "c": set(),
        "d": {"third"},
        "e": {"waves"},
        "f": {"rest", "more"},  # what is not named where it is read may be any that no line names
    }


def test_every_figure_of_the_book_has_an_origin(soups):
    found = origins.origins()
    names = [one.name for one in found]
    assert len(set(names)) == len(names) > 100
    assert {f"fig-{one}" for one in names} >= {
        key for key in labels.numbers() if key.startswith("fig-")
    }
    for one in found:
        assert one.live != (one.cell is not None), one
        assert set(one.archives) <= origins.read_by(one.page), one
    links = soups["provenance"].select('#figures a[href*="#fig-"]')
    shown = [link["href"].partition("#fig-")[2] for link in links]
    assert sorted(shown) == sorted(names)
    printed = [
        name
        for page in places.pages()
        for name in re.findall(
            r'<figure\b[^>]*\bid="fig-([\w-]+)"', (HTML / f"{page}.html").read_text(encoding="utf8")
        )
    ]
    assert sorted(printed) == sorted(names)


def test_every_data_file_of_a_figure_is_linked(soups):
    links = soups["provenance"].select("#figures a.download")
    assert len(links) == sum(one.data for one in origins.origins()) > 80
    assert all((HTML / "book" / link["href"]).resolve().is_file() for link in links)


def test_every_chapter_says_how_it_was_run(soups):
    rows = soups["provenance"].select("#chapters tbody tr")
    assert [row.a["href"] for row in rows] == [
        f"../{one.removesuffix('.ipynb')}.html" for one in places.chapters()
    ]
    for row in rows:
        _, day, seconds, seed, _ = (cell.text for cell in row.find_all("td"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", day) and int(seconds) > 0 and seed.isdigit()


def test_the_archives_are_all_there(soups):
    names = [row.code.text for row in soups["provenance"].select("#archives tbody tr")]
    assert names == sorted(path.parent.name for path in provenance.RESULTS.glob("*/manifest.json"))


def test_what_is_not_as_it_is_pinned_is_named(tmp_path, monkeypatch):
    assert len(provenance.pins()) > 100
    numpy, scipy = provenance.installed("numpy"), provenance.installed("scipy")
    (tmp_path / "pins.txt").write_text(f"numpy==0.0.1\nscipy=={scipy}\nno-such-package==1\n")
    monkeypatch.setattr(provenance, "PINS", tmp_path / "pins.txt")
    assert provenance.unpinned() == [("numpy", numpy, "0.0.1"), ("no-such-package", "", "1")]


def test_what_the_book_was_made_with_is_renewed_without_writing_the_page(tmp_path):
    page = tmp_path / "book/provenance.html"
    page.parent.mkdir()
    page.write_text("before <!-- mpack-made -->old<!-- /mpack-made --> after", encoding="utf8")

    class App:
        outdir = str(tmp_path)

        class builder:
            format = "html"

    trustpages.restamp(App, None)
    text = page.read_text(encoding="utf8")
    assert text.startswith("before <!-- mpack-made -->") and text.endswith(
        "<!-- /mpack-made --> after"
    )
    assert "old" not in text and "processor" in text
    trustpages.restamp(App, None)
    assert page.read_text(encoding="utf8") == text


def test_attempts_to_run_code_come_from_a_file_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "HOSTILE", tmp_path / "hostile.yaml")
    assert provenance.hostile() == []
    entry = {"way": "a", "where": "b", "count": 3, "result": "c", "tests": ["t.py::x", "t.py::y"]}
    (tmp_path / "hostile.yaml").write_text(yaml.safe_dump([entry]), encoding="utf8")
    assert provenance.hostile() == [entry]
    assert trustpages.tests(entry["tests"]) == "`t.py`"


# The speed
# ------------------------------------------------------------------------------------------------


def test_the_page_of_speed_says_what_was_measured(soups):
    page = soups["speed"]
    words = " ".join(page.article.text.split())
    assert speed.measured()["about"]["processor"] in words
    found = speed.judged()
    table = page.select("#aims table tbody tr")
    assert len(table) == len(found) == len(aims.AIMS)
    assert [row.find_all("td")[-1].text for row in table] == [said for *_, said in found]
    drawn = page.select(".mpack-speed g")
    assert len(drawn) == sum(one is not None for _, one, _ in found)
    assert page.select_one(".mpack-speed svg")["aria-label"].count(";") == len(drawn) - 1


@pytest.mark.parametrize("most", [True, False])
def test_better_than_asked_is_above_one(most):
    aim = aims.Aim("x", "g", "r", 2.0, most=most)
    good, bad = ((1.0,) * 3, (4.0,) * 3) if most else ((4.0,) * 3, (1.0,) * 3)
    assert speed.better(aim, good)[0] == 2 and speed.better(aim, bad)[0] == 0.5
    middle, low, high = speed.better(aim, (2.0, 1.6, 2.5))
    assert middle == 1 and low < 1 < high
    assert speed.x(0.001) == speed.x(speed.LEAST) < speed.x(1) < speed.x(speed.MOST) == speed.x(99)


# All of them
# ------------------------------------------------------------------------------------------------


def test_no_page_names_a_machine_or_a_place_on_it(soups):
    host = socket.gethostname()
    names = [str(ROOT), *([host] if re.search(r"\d", host) else [])]  # others may be plain words
    for name, soup in soups.items():
        text = soup.article.get_text(" ")
        assert [one for one in names if one in text] == [], name
        assert not re.search(r"(?<![\w.])/(tmp|home|root|work|usr|mnt|Users)/", text), name


def test_no_directive_is_left_and_no_number_is_lacking(soups):
    for name, soup in soups.items():
        text = soup.article.get_text(" ")
        assert "{mpack-" not in text and "nan" not in text.split(), name
        assert soup.article.h1, name
