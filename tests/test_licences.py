"""One version, one date, one licence for each file: pyproject, CITATION.cff, codemeta.json, REUSE.toml, the book."""

import datetime
import fnmatch
import json
import re
import subprocess
import tomllib
from pathlib import Path

import bookpages
import pytest
import yaml

import mpack
from book._tools import citing

ROOT = Path(__file__).resolve().parents[1]


def text(name):
    return (ROOT / name).read_text(encoding="utf8")


PROJECT = tomllib.loads(text("pyproject.toml"))["project"]
CITATION = yaml.safe_load(text("CITATION.cff"))
CODEMETA = json.loads(text("codemeta.json"))
REUSE = tomllib.loads(text("REUSE.toml"))
LICENCES = {"MIT", "CC-BY-4.0", "CC0-1.0"}


def test_there_is_one_version_and_one_date():
    assert {PROJECT["version"], CITATION["version"], CODEMETA["version"]} == {mpack.__version__}
    assert CITATION["date-released"] == datetime.date.fromisoformat(CODEMETA["dateModified"])


def test_name_description_authors_and_keywords_are_the_project_s():
    assert CODEMETA["name"] == PROJECT["name"]
    assert CITATION["abstract"] == CODEMETA["description"] == PROJECT["description"]
    assert CITATION["keywords"] == CODEMETA["keywords"] == PROJECT["keywords"]
    authors = [one["name"] for one in PROJECT["authors"]]
    assert [one["name"] for one in CITATION["authors"]] == authors
    assert [one["name"] for one in CODEMETA["author"]] == authors
    assert CODEMETA["softwareRequirements"] == PROJECT["dependencies"]
    assert CODEMETA["programmingLanguage"]["version"] == PROJECT["requires-python"]


def test_the_paper_that_is_reproduced_is_one_in_both():
    (reference,) = CITATION["references"]
    (other,) = reference["identifiers"]
    assert CODEMETA["referencePublication"]["identifier"] == other["value"]
    assert CODEMETA["referencePublication"]["name"] == reference["title"]


def test_a_doi_stands_in_both_or_in_neither():
    assert CITATION.get("doi") == CODEMETA.get("identifier")
    assert "doi" in CITATION or re.search(r"^# doi: 10\.", text("CITATION.cff"), re.MULTILINE)


def test_the_licences_are_those_whose_texts_are_here():
    assert {path.stem for path in (ROOT / "LICENSES").iterdir()} == LICENCES
    assert {one.rpartition("/")[2] for one in CODEMETA["license"]} == LICENCES
    assert CITATION["license"] == PROJECT["license"] == "MIT"
    assert text("LICENSE") == text("LICENSES/MIT.txt")
    assert text("book/results/LICENSE").endswith("Identifier: CC0-1.0\n")


def licence(name):
    """The licence of a file: that of the last annotation which matches, as REUSE 3.3 has it."""
    found = None
    for one in REUSE["annotations"]:
        patterns = [one["path"]] if isinstance(one["path"], str) else one["path"]
        if any(_matches(name, pattern) for pattern in patterns):
            found = one["SPDX-License-Identifier"]
    return found


def _matches(name, pattern):
    """`*` is all but a slash, `**` all."""
    parts = re.split(r"(\*\*|\*)", pattern)
    wild = {"**": ".*", "*": "[^/]*"}
    return re.fullmatch("".join(wild.get(part, re.escape(part)) for part in parts), name)


def test_each_kind_of_file_is_under_its_licence():
    assert licence("mpack/packing.py") == licence("Makefile") == "MIT"
    assert licence("mpack/widgets/sweep.js") == licence("book/_static/book.css") == "MIT"
    assert licence("README.md") == licence("book/api/packing.md") == "CC-BY-4.0"
    assert licence("book/_static/logo.svg") == licence("book/licences.md") == "CC-BY-4.0"
    assert licence("notebooks/mixtures.ipynb") == "CC-BY-4.0 AND MIT"
    assert licence("book/results/manna/manifest.json") == licence("tests/golden.json") == "CC0-1.0"


def test_each_file_of_the_tree_has_a_licence_and_each_pattern_a_file():
    try:
        command = ["git", "ls-files"]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the list of files comes from git")
    names = told.splitlines()
    for name in names:
        assert set(re.split(r" AND ", licence(name))) <= LICENCES, name
    for one in REUSE["annotations"]:
        for pattern in [one["path"]] if isinstance(one["path"], str) else one["path"]:
            assert any(fnmatch.fnmatch(name, pattern) for name in names), pattern


def test_readme_page_and_footer_say_the_same():
    readme = text("README.md").partition("## Citing")[2]
    page, config = text("book/licences.md"), yaml.safe_load(text("_config.yml"))
    for where in (readme, page):
        assert {one for one in LICENCES if one in where} == LICENCES
    footer = config["html"]["extra_footer"]
    assert "CC BY 4.0" in footer and "CC0" in footer and "MIT" in footer
    assert "book/licences" in text("_toc.yml")


# ------------------------------------------------------------------------------------------------
# how to cite


def entries(cff):
    """The entries of BibTeX as another program reads them: {key: (type, authors, fields)}."""
    database = pytest.importorskip("pybtex.database")
    found = database.parse_string(citing.bibtex(cff), "bibtex").entries
    return {
        key: (
            one.type,
            [str(person) for person in one.persons["author"]],
            {name: value.strip("{}") for name, value in one.fields.items()},
        )
        for key, one in found.items()
    }


def test_bibtex_is_what_the_citation_file_says():
    software, paper = entries(CITATION).values()
    day, (work,) = CITATION["date-released"], CITATION["references"]
    assert software[:2] == ("software", [f"{{{one['name']}}}" for one in CITATION["authors"]])
    assert software[2] == {
        "title": CITATION["title"],
        "version": mpack.__version__,
        "year": str(day.year),
        "month": str(day.month),
    } | ({"doi": CITATION["doi"]} if "doi" in CITATION else {})
    people = [f"{one['family-names']}, {one['given-names']}" for one in work["authors"]]
    assert paper[:2] == ("misc", people)
    assert paper[2] == {
        "title": work["title"],
        "year": str(work["year"]),
        "eprint": "2411.11834",
        "archiveprefix": "arXiv",
    }


def test_a_doi_and_persons_would_stand_in_both():
    persons = [{"family-names": "Noether & Sons", "given-names": "E."}]
    cff = CITATION | {"doi": "10.5281/zenodo.1_2", "authors": persons}
    year = CITATION["date-released"].year
    kind, authors, fields = entries(cff)[f"mpack{year}"]
    assert authors == [r"Noether \& Sons, E."] and fields["doi"] == cff["doi"]
    assert citing.sentence(cff).startswith(f"Noether & Sons, E. ({year}). *mpack: ")
    assert citing.sentence(cff).endswith(" <https://doi.org/10.5281/zenodo.1_2>")
    without = {name: told for name, told in CITATION.items() if name != "doi"}
    assert citing.sentence(without).endswith(f"version {mpack.__version__}.")
    other = {"title": "50 % ~ x^2", "authors": persons, "year": 2000, "type": "article"}
    assert r"50 \% \textasciitilde{} x\textasciicircum{}2" in citing.bibtex(
        cff | {"references": [other]}
    )


def test_the_page_shows_both_and_says_that_there_is_no_doi():
    page = text("book/licences.md")
    assert "```{mpack-cite}\n```" in page and "{download}`CITATION.cff </CITATION.cff>`" in page
    bookpages.require_book()
    soup = pytest.importorskip("bs4").BeautifulSoup(
        (bookpages.HTML / "book/licences.html").read_text("utf8"), "html.parser"
    )
    part = soup.find(id="how-to-cite")
    assert part.pre.text.strip() == citing.bibtex(CITATION)
    assert part.blockquote.text.strip() == re.sub("[*<>]", "", citing.sentence(CITATION))
    assert ("There is no DOI yet." in part.text) == ("doi" not in CITATION)
    (link,) = part.select("a.download")
    assert link.text.strip() == "CITATION.cff"
    copied = bookpages.HTML / "book" / link["href"]
    assert copied.read_text(encoding="utf8") == text("CITATION.cff")


# ------------------------------------------------------------------------------------------------
# pins


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=lambda path: path.name)
def test_every_pin_has_the_hashes_of_its_files(path):
    from book._tools import pins

    found = pins.entries(path.read_text(encoding="utf8"))
    assert found and "".join(found.values()) in path.read_text(encoding="utf8")
    for first, entry in found.items():
        assert re.match(r"[\w.-]+==[\w.]+( ; .+)?$", first)
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry)
        assert hashes and len(hashes) == entry.count("--hash") == len(set(hashes)), first


def test_the_pins_are_made_from_the_lists_of_direct_packages():
    from book._tools import pins

    for path in sorted(pins.LISTS.glob("requirements*.in")):
        pinned = pins.entries(text(f"{path.stem}.txt"))
        asked = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
        assert set(asked) <= {first.partition(" ; ")[0] for first in pinned}


def test_other_systems_find_their_wheels_among_the_hashes():
    """numba and NumPy have a wheel for each Python on Linux (x86-64, ARM), macOS (one or two) and Windows."""
    from book._tools import pins

    entries = pins.entries(text("requirements.txt"))
    for name in ("numba", "numpy"):
        (entry,) = (one for first, one in entries.items() if first.startswith(f"{name}=="))
        assert entry.count("--hash") >= 4 * len(("3.11", "3.12", "3.13"))
