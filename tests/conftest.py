"""Shared by all tests: `pytest --seed N` moves every statistical test to other noise."""

import pytest
from hypothesis import settings

try:
    from book._tools.versions import library_tests
except ImportError:  # beside an installed library, where all tests are its own
    library_tests = None

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of what is tested
settings.load_profile("untimed")
pytest.register_assert_rewrite("chapterruns")


def pytest_addoption(parser):
    parser.addoption(
        "--seed", type=int, default=1, help="seed of every statistical test (default 1)"
    )


@pytest.fixture
def seed(request):
    """The integer that statistical tests derive their noise from."""
    return request.config.getoption("--seed")


@pytest.fixture(autouse=True, scope="session")
def all_hands():
    """Small runs of several threads begin with all of them, where one would be faster: they are what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mpack._crew.WORTH", 0)
        yield


def pytest_configure(config):
    """The markers, here and not in pyproject.toml: the tests also run beside an installed library."""
    for marker in (
        "library: needs the library alone",
        "book: needs the book's machinery, or a built book",
        "browser: opens pages in a browser",
        "slow: takes seconds; left out by `make quick`",
    ):
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(items):
    """Mark what each test needs and what stays together, and put long modules first.

    library: nothing but the library itself; book: the book's machinery, or a built book; browser:
    pages in a browser. Workers of `--dist loadgroup` take whole modules, since a chapter run small
    takes ten seconds and more and would otherwise run in each of them; but the pages one by one,
    which take half of all the time and share nothing. Long modules go first and pages last, so that
    the workers end together.
    """
    library = {item.path for item in items} if library_tests is None else set(library_tests())
    for item in items:
        browser = item.path.parent.name == "browser"
        item.add_marker("browser" if browser else "library" if item.path in library else "book")
        alone = item.nodeid if item.path.name == "test_pages.py" else item.nodeid.split("::")[0]
        item.add_marker(pytest.mark.xdist_group(alone))
    items.sort(key=_place)


def _place(item):
    """Chapters and figures in a browser first, pages of the book last."""
    if item.path.name == "test_pages.py":
        return 2
    return "chapter" not in item.path.name and item.path.parent.name != "browser"
