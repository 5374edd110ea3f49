"""What a page weighs, and the book: a reader with a slow connection, and one who carries it on a stick."""

import re

from bookpages import HTML, pages, require_book

TAG = re.compile(r'<(img|script)\b([^>]*\ssrc="[^>]*)>')
SOURCE = re.compile(r'\ssrc="([^"]*)"')
HEAVIEST_PAGE, HEAVIEST_BOOK = 1.5e6, 40e6  # bytes
SHARED = ("mpack-figures/shared.js", "mpack-program/")  # the kernel's module, and Python's
OTHER_THEME = {"light": "mpack-dark", "dark": "mpack-light"}


def own_files(home, page, theme):
    """What a page loads beyond theme, MathJax and the kernel's module, in one of the two themes.

    A browser does not fetch the pictures of the other theme: they are lazy, and not displayed.
    """
    path = home / page
    tags = TAG.findall(path.read_text(encoding="utf8"))
    sources = {
        source.partition("?")[0]
        for kind, rest, source in ((tag[0], tag[1], SOURCE.search(tag[1])[1]) for tag in tags)
        if (OTHER_THEME[theme] not in rest if kind == "img" else "mpack-" in source)
    }
    names = {path, *((path.parent / one).resolve() for one in sources if "://" not in one)}
    return [one for one in names if not any(part in one.as_posix() for part in SHARED)]


def weight(home, page, theme):
    """Bytes of these files."""
    return sum(path.stat().st_size for path in own_files(home, page, theme))


def test_no_page_is_heavy():
    require_book()
    heavy = {}
    for page in pages():
        weighed = max(weight(HTML, page, theme) for theme in OTHER_THEME)
        heavy |= {page: weighed} if weighed > HEAVIEST_PAGE else {}
    assert not heavy


def test_the_book_is_light():
    """All files, without Python for the pages, which `make pyodide` adds if one asks for it."""
    require_book()
    files = [path for path in HTML.rglob("*") if path.is_file() and "pyodide" not in path.parts]
    assert 5e6 < sum(path.stat().st_size for path in files) < HEAVIEST_BOOK


def test_pictures_of_one_theme_and_own_scripts_are_counted(tmp_path):
    page = (
        '<img class="mpack-light" src="../a.png?v=1"><img class="mpack-dark" src="../b.png">'
        '<img src="../c.png"><script src="../_static/mpack-figures/own.js?v=2"></script>'
        '<script src="../_static/mpack-figures/shared.js"></script><script src="../_static/t.js">'
        "</script><script>inside()</script>"
    )
    sizes = {"a.png": 10, "b.png": 200, "c.png": 3000, "_static/mpack-figures/own.js": 40_000,
             "_static/mpack-figures/shared.js": 500_000, "_static/t.js": 6_000_000}  # fmt: skip
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "book").mkdir()
    (tmp_path / "book/page.html").write_text(page)
    assert weight(tmp_path, "book/page.html", "light") == len(page) + 10 + 3000 + 40_000
    assert weight(tmp_path, "book/page.html", "dark") == len(page) + 200 + 3000 + 40_000
