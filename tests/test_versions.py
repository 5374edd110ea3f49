"""`make versions`: which tests are the library's, what is asked of the resolver, which Pythons are found."""

import re
import sys

from book._tools import versions


def test_the_librarys_tests_import_neither_the_book_nor_an_extra(tmp_path):
    (tmp_path / "helper.py").write_text("from book import campaigns\n")
    for name, text in {
        "test_alone": "import mpack\n",
        "test_book": "import mpack\nfrom book._tools import places\n",
        "test_late": "import mpack\n\ndef test():\n    import matplotlib\n",
        "test_through_a_helper": "import mpack\nimport helper\n",
        "test_widgets": "from mpack.widgets import _driven\n",
        "test_tool": "import json\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    assert [path.stem for path in versions.library_tests(tmp_path)] == ["test_alone"]


def test_the_librarys_tests_are_found_by_what_they_import():
    found = {path.stem for path in versions.library_tests()}
    assert {"test_packing", "test_simulation", "test_noise", "test_jit"} <= found
    assert not {"test_book", "test_driven", "test_versions", "test_notebooks"} & found
    assert "test_foreign" in found and "test_formats" not in found


def test_the_oldest_packages_are_the_stated_floors():
    asked, newest = versions.requirements("newest")
    assert asked == newest
    assert {re.match(r"[\w-]+", line)[0] for line in asked} >= {*versions.TOLD, "pytest"}
    assert all(">=" in line for line in asked)
    for line, pinned in zip(asked, versions.requirements("oldest")[1], strict=True):
        floor = re.search(r">=([\d.]+)", line)[1]
        assert pinned == f"{re.match(r'[^<>=]+', line)[0]}=={floor}"


def test_this_python_is_found_and_no_other_is_invented():
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = versions.interpreters([here, "3.99"])
    assert list(found) in ([here], [])  # [] where this one has no versioned name
    assert not versions._starts(sys.executable, "3.99")
