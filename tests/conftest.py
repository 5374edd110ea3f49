"""Shared by all tests: `pytest --seed N` moves every statistical test to other noise."""

import pytest

pytest.register_assert_rewrite("chapterruns")


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=1, help="seed of every statistical test (default 1)")


@pytest.fixture
def seed(request):
    """The integer that statistical tests derive their noise from."""
    return request.config.getoption("--seed")
