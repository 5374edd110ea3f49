"""The sources of the chapters and the built pages, looked at as files."""

import ast
import copy
import json
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import pytest
from bookpages import CHAPTERS, HTML, ROOT, pages, require_book
from bs4 import BeautifulSoup

from book import chapters, pictures
from book._tools import artwork, bookkeeping, labels, places, scoreboard, verdicts
from mpack.statistics import with_error


def code_cells(path):
    notebook = json.loads(path.read_text(encoding="utf8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell):
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_keeps_no_outputs(path):
    for cell in code_cells(path):
        assert not cell["outputs"] and cell["execution_count"] is None


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_begins_with_described_and_checked_parameters(path):
    first, second = code_cells(path)[:2]
    assert "parameters" in first["metadata"].get("tags", [])
    text = source(first)
    names = [node.targets[0].id for node in ast.parse(text).body]
    described = re.findall(r"^(\w+) *=.*#\s*\S", text, re.M)
    assert names == described, "one assignment a line, each with a description"
    assert re.search(r"chapters\.check\(\s*globals\(\)", source(second))
    for name in names:
        assert re.search(rf"\b{name}=", source(second)), f"{name} is not checked"


def test_every_notebook_is_in_the_book():
    assert sorted(places.chapters()) == [places.relative(path) for path in CHAPTERS]


def test_the_artwork_is_what_its_code_draws():
    for path, drawing in artwork.drawings().items():
        assert path.read_text(encoding="utf8") == drawing, (
            f"{path.name}: run python -m book._tools.artwork"
        )


# The built pages
# -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def soups():
    """Every built HTML page, parsed: {name from the book's folder: BeautifulSoup}."""
    require_book()
    files = sorted(path for path in HTML.rglob("*.html") if "_static" not in path.parts)
    return {
        path.relative_to(HTML).as_posix(): BeautifulSoup(
            path.read_text(encoding="utf8"), "html.parser"
        )
        for path in files
    }


def anchors(soup):
    return {
        tag.get("id") or tag.get("name")
        for tag in soup.find_all(lambda tag: tag.get("id") or tag.name == "a")
    }


def resolve(page, link):
    """(file name in the book, fragment) of an internal link, or None for one that leaves the book."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    steps = (
        list(PurePosixPath(page).parent.parts) if parts.path else list(PurePosixPath(page).parts)
    )
    for step in PurePosixPath(unquote(parts.path)).parts:
        steps.pop() if step == ".." else steps.append(step)
    return "/".join(step for step in steps if step != "."), unquote(parts.fragment)


def test_all_pages_are_there(soups):
    assert set(pages()) <= set(soups)


def test_internal_links_and_anchors_lead_somewhere(soups):
    known = {name: anchors(soup) for name, soup in soups.items()}
    broken = []
    for page, soup in soups.items():
        for tag in soup.find_all(href=True) + soup.find_all(src=True):
            link = tag.get("href") or tag.get("src")
            if link in ("", "#") or link.startswith(("data:", "javascript:", "mailto:")):
                continue
            target = resolve(page, link)
            if target is None:
                continue
            name, fragment = target
            if not (HTML / name).is_file() or (
                fragment and name in known and fragment not in known[name]
            ):
                broken.append((page, link))
    assert not broken


def test_nothing_is_loaded_from_elsewhere(soups):
    outside = []
    for page, soup in soups.items():
        for tag in soup.find_all(
            ["script", "link", "img", "iframe", "source", "video", "audio", "object", "embed"]
        ):
            link = (
                tag.get("src")
                or tag.get("data")
                or (tag.get("href") if tag.name == "link" else None)
                or ""
            )
            if urlsplit(link).netloc and "canonical" not in tag.get("rel", []):
                outside.append((page, link))
    for path in HTML.rglob("*.css"):
        outside += [
            (path.name, url)
            for url in re.findall(
                r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)",
                path.read_text(encoding="utf8", errors="replace"),
            )
        ]
    assert not outside


def test_every_picture_says_what_it_shows(soups):
    for page, soup in soups.items():
        for image in soup.find_all("img"):
            assert image.has_attr("alt"), (page, image.get("src"))
            if image.find_parent("article"):
                assert len(image["alt"]) > 20, (page, image.get("src"))


def test_every_figure_has_a_numbered_caption_and_both_themes(soups):
    for page, soup in soups.items():
        for figure in soup.find_all("figure"):
            assert figure.find("span", class_="caption-number"), (page, figure.get("id"))
            assert len(figure.figcaption.get_text(strip=True)) > 40, (page, figure.get("id"))
            themes = {name for image in figure.find_all("img") for name in image["class"]}
            assert {"mpack-light", "mpack-dark"} <= themes, (page, figure.get("id"))


def test_pictures_are_light():
    require_book()
    heavy = {
        path.name: path.stat().st_size
        for path in (HTML / "_images").glob("*.png")
        if path.stat().st_size > pictures.HEAVY
    }
    assert not heavy


def test_notebooks_are_shown_with_their_outputs(soups):
    for chapter in places.chapters():
        page = soups[chapter.replace(".ipynb", ".html")]
        assert page.find(class_="cell_output") is not None, chapter
        plain = {
            output.get_text(strip=True).strip("'") for output in page.find_all(class_="output")
        }
        assert not plain & {"agrees", "differs", "undecided"}, (
            chapter
        )  # a verdict is shown with its claim, not bare


# The claims
# ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def claims():
    require_book()
    return json.loads(places.CLAIMS.read_text(encoding="utf8"))


def test_each_verdict_follows_from_its_numbers(claims):
    assert claims["format"] == 1
    for claim in claims["claims"]:
        numbers = {name: claim[name] for name in (*chapters.RULE, "value", "error", "dof")}
        assert claim["verdict"] == chapters.verdict(**numbers) and claim["verdict"] in (
            "agrees",
            "differs",
            "undecided",
        ), claim["id"]
        assert claim["passed"] == (
            claim["verdict"] == ("differs" if claim["control"] else "agrees")
        ), claim["id"]
        assert claim["text"] and claim["n"] >= 1, claim["id"]


KNOWN_TO_DIFFER = {  # told in their chapters; one that begins to agree has to be taken off this list
    *("manna-joint-sgd", "manna-joint-rcd", "manna-joint-gd", "hidden-exponent-sgd"),
    *("hidden-alike-sgd", "hidden-alike-rcd", "hidden-alike-gd", "hidden-alike-non-reciprocal-bro"),
    *("hidden-apart-sgd", "hidden-active-rcd", "hidden-active-individual-bro"),
    *("flat-near-minimum", "flat-selects-sgd"),
    *("ends-delta-05-gd", "ends-delta-02-sgd", "ends-delta-02-rcd", "ends-delta-02-gd"),
    *("ends-delta-03-sgd", "ends-delta-03-gd", "ends-delta-03-bro"),
    *("ends-delta-01-sgd", "ends-delta-01-gd", "ends-delta-01-bro"),
    *("ends-delta-005-sgd", "ends-delta-005-gd", "ends-delta-005-bro"),
    *("ends-delta-02-bro", "ends-delta-01-rcd", "ends-delta-005-rcd", "ends-wide-05-bro"),
    *("ends-mixture-10-sgd", "ends-mixture-02-sgd", "ends-one-05-bro", "ends-nu-05-bro"),
    *("ends-one-03-rcd", "ends-nu-many-10-bro", "ends-joint-many-05-bro", "ends-joint-05-sgd"),
    *("ends-joint-05-gd", "ends-joint-05-bro", "ends-joint-03-sgd", "ends-joint-03-rcd"),
    *("ends-joint-03-gd", "ends-joint-03-bro"),
    *("beyond-loopless-delta", "isostatic-larger", "gap-exponent-half"),
    *("corr-bend-sgd", "corr-ratio-bro", "corr-ratio-sgd", "corr-crossover-bro"),
    "bodies-flat-sgd-70",
}


def test_what_differs_is_known_and_every_control_fails(claims):
    differing = {claim["id"] for claim in claims["claims"] if claim["verdict"] == "differs"}
    controls = {claim["id"] for claim in claims["claims"] if claim["control"]}
    assert differing == controls | KNOWN_TO_DIFFER
    assert set(scoreboard.wrong_theories()) == controls, "each control says which theory it is"


def test_the_kept_verdicts_are_those_of_this_book(claims):
    """`python -m book._tools.verdicts` keeps them, a new rule before what comes of it."""
    kept = json.loads(verdicts.FILE.read_text(encoding="utf8"))
    found = {name: {} for name in kept}
    for claim in claims["claims"]:
        own = found.setdefault(claim["chapter"], {})
        own[claim["id"]] = [verdicts.rule(claim), claim["verdict"]]
    assert found == kept


def test_each_claim_stands_once_in_the_tables_and_once_in_its_chapter(claims, soups):
    page = soups["book/claims.html"]
    own, controls = (
        page.find("table", class_=f"mpack-rows-{kind}") for kind in ("own", "controls")
    )
    for table, wanted in ((own, False), (controls, True)):
        rows = table.find_all("tr", attrs={"data-verdict": True})
        entries = [claim for claim in claims["claims"] if claim["control"] == wanted]
        assert len(rows) == len(entries) == len({claim["id"] for claim in entries})
        for claim, row in zip(entries, rows):
            assert row.find("a")["href"] == f"../{claim['chapter']}.html#claim-{claim['id']}"
            assert row["data-verdict"] == claim["verdict"]
            card = soups[f"{claim['chapter']}.html"].find_all(id=f"claim-{claim['id']}")
            assert len(card) == 1 and card[0].find_parent("details", class_="mpack-claims-fold")


def test_claims_are_one_line_where_they_are_made(soups):
    for chapter in places.chapters():
        for fold in soups[chapter.replace(".ipynb", ".html")].find_all(class_="mpack-claims-fold"):
            assert not fold.has_attr("open") and fold.summary
            many = len(fold.find_all(class_="mpack-claim"))
            said = fold.summary.get_text()
            assert many == 1 or re.search(r"\d+ claims?: |negative controls?[:,] ", said), said


def test_no_role_is_left_as_it_was_typed(soups):
    """Also not in a formula, where a role is no role."""
    for page, soup in soups.items():
        if page.startswith("book/api/"):
            continue
        for article in map(copy.copy, soup.select("article")):
            for code in article.select("pre, code"):
                code.extract()
            assert re.findall(r"\{[a-z][a-z:-]*\}`[^`]*`", article.get_text()) == [], page


# What the prose of the chapters calls undecided, in words. Where one is decided, mend the words.
SAID_UNDECIDED = """
    beyond-end-point-2 beyond-end-point-3 beyond-end-point-4 beyond-end-point-5
    end-point-is-random-close-packing end-point-sgd-02 end-point-sgd-06 end-point-rcd-02 end-point-rcd-06
    end-point-gd end-point-bro end-point-individual-bro end-point-criterion locating-slower-than-manna
    hidden-exponent-rcd known-percolation-nu known-percolation-beta manna-clock-sgd-near manna-clock-sgd-far
    manna-clock-rcd-near manna-clock-rcd-far manna-clock-gd-near manna-clock-gd-far mixtures-nu-unchanged
    mixtures-beta-unchanged other-sgd-harmonic other-sgd-hertzian other-sgd-wca other-sgd-lennard-jones
    hidden-active-bro hidden-active-sgd hidden-active-gd hidden-active-non-reciprocal-bro
    hidden-published-bro hidden-published-sgd hidden-published-rcd hidden-apart-rcd hidden-plateau
    hidden-natural-sgd
"""


def test_what_the_chapters_call_undecided_is(claims):
    verdicts = {claim["id"]: claim["verdict"] for claim in claims["claims"]}
    assert {verdicts[name] for name in SAID_UNDECIDED.split()} == {"undecided"}


def test_no_bookkeeping_is_shown(soups):
    """No page shows a call that checks, records or claims and does nothing else."""
    for chapter in places.chapters():
        page = soups[chapter.replace(".ipynb", ".html")]
        for block in page.select("div.cell_input pre"):
            tree = ast.parse(re.sub(r"^%.*$", "", block.get_text(), flags=re.M))
            for node in ast.walk(tree):
                if isinstance(node, ast.Expr):
                    assert not bookkeeping._is_call(node.value), (chapter, ast.unparse(node))


def test_every_statement_of_the_papers_has_its_verdict_on_the_page(claims, soups):
    known = {claim["id"]: claim for claim in claims["claims"]}
    page = soups["book/claims.html"]
    for part in scoreboard.board(claims["claims"]):
        for one in part.statements:
            row = page.find(id=f"statement-{one.id}")
            assert row is not None, one.id
            if one.claims:
                (verdict,) = row.find_all(class_="mpack-outcome")
                assert verdict.get_text() == one.verdict
                assert verdict["href"].rpartition("#claim-")[2] in known
                assert not re.search(r"[{}]", one.found), one.found
            else:
                assert "not tested here:" in row.get_text()
                line = row.find_parent("tr").find(class_="mpack-outcome")
                assert line.get_text() == "not yet tested"


NUMBER = re.compile(r"(?<![\w.,±/-])(±\s?)?(\d[\d,]*\.\d+)(?![\w.]|\s?±)")


def prose(soup):
    """The paragraphs, list items and captions of a page, without code, formulas and tables."""
    article = soup.find("article")
    for tag in article.find_all(["pre", "code", "table", "script", "style"]):
        tag.decompose()
    for tag in article.find_all(
        class_=["math", "mpack-claims-fold", "cell_output", "mpack-interactive"]
    ):
        tag.decompose()
    return [tag.get_text(" ") for tag in article.find_all(["p", "li", "figcaption"])]


def significant(number):
    return len(number.replace(",", "").replace(".", "").lstrip("0"))


def test_numbers_in_prose_are_rounded_to_what_they_are_worth():
    """At most four significant digits, unless they stand so in the source or have an error."""
    require_book()
    assert significant("0.0405172") == 6 and significant("25.96") == 4
    found = []
    for page in pages():
        if page.startswith("book/api/") or page == "book/bibliography.html":
            continue  # examples of code; numbers of articles
        source_file = next(ROOT.glob(page.replace(".html", ".*")))
        typed = source_file.read_text(encoding="utf8")
        html = (HTML / page).read_text(encoding="utf8")
        for text in prose(BeautifulSoup(html, "html.parser")):
            for has_error, number in NUMBER.findall(text):
                if not has_error and significant(number) > 4 and number not in typed:
                    found.append((page, number, text[:60]))
    assert not found


def test_the_claims_file_beside_the_pages_is_the_one_that_was_written(claims):
    assert json.loads((HTML / "claims.json").read_text(encoding="utf8")) == claims


def test_the_first_screen_quotes_claims_as_they_are(claims, soups):
    """Every verdict and number on the landing page is that of the claim it leads to; what it says in words holds."""
    known = {f"../{claim['chapter']}.html#claim-{claim['id']}": claim for claim in claims["claims"]}
    page = soups["book/landing.html"]
    badges, numbers = page.select("a.mpack-verdict"), page.select("a.mpack-measured")
    assert len(badges) > 10 and len(numbers) > 10
    for badge in badges:
        claim = known[badge["href"]]
        assert not claim["control"] and badge.text == claim["verdict"]
        assert f"mpack-{claim['verdict']}" in badge["class"]
    for number in numbers:
        claim = known[number["href"]]
        text = number.text.replace("\xa0", " ")  # it does not break
        assert text == with_error(claim["value"], claim["error"], claim["unit"])
    verdicts = {}
    for row in page.select("table.mpack-findings tbody tr"):
        said = "part" if "At large kicks only." in row.text else "said"
        verdicts.setdefault(said, []).append(
            {badge.text for badge in row.select("a.mpack-verdict")}
        )
    assert verdicts["part"] == [{"agrees", "differs"}] and all(verdicts["said"])
    assert "The universality class: at the largest kicks, as far as these data tell" in page.text
    agreed = ("moments-sgd", "msd-late-sgd")
    assert {c["verdict"] for c in claims["claims"] if c["id"] in agreed} == {"agrees"}  # "yes"


def test_copies_call_figures_equations_and_exercises_by_the_numbers_of_the_book():
    """`labels` counts without Sphinx what Sphinx numbers: each printed number, chapter by chapter."""
    require_book()
    printed = {}
    for name in places.chapters():
        page = (HTML / name).with_suffix(".html").read_text(encoding="utf8")
        soup = BeautifulSoup(page, "html.parser")
        for kind in soup.select("figure[id], div.exercise[id]"):
            printed[kind["id"]] = kind.select_one(".caption-number").text.strip()
        for equation in soup.select("div.math[id^=equation-]"):
            number = equation.select_one(".eqno").find(string=True)
            printed[equation["id"].removeprefix("equation-")] = number.strip()
    counted = {key: one for key, one in labels.numbers().items() if not key.startswith("sec-")}
    assert len(printed) > 200 and counted == printed
