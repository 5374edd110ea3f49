"""Shared by all tests: `pytest --seed N` moves every statistical test to other noise."""

import pytest

pytest.register_assert_rewrite("chapterruns")


def pytest_addoption(parser):
    parser.addoption(
        "--seed", type=int, default=1, help="seed of every statistical test (default 1)"
    )


@pytest.fixture
def seed(request):
    """The integer that statistical tests derive their noise from."""
    return request.config.getoption("--seed")


def pytest_collection_modifyitems(items):
    """Long modules first, so that the workers of `--dist loadscope`, to whom whole modules go, end together.

    Whole modules, since a chapter run small takes ten seconds and more, and would otherwise run in
    each worker.
    """
    items.sort(
        key=lambda item: "chapter" not in item.path.name and item.path.parent.name != "browser"
    )
