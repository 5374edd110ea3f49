"""What is handed out: the same bytes each time, whole when installed, under a name of its own."""

import hashlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from book._tools import dist

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(sdist, wheel), built twice with equal bytes, and a third time from the sdist."""
    return dist.twice(tmp_path_factory.mktemp("dist"))


def python(site, code, *options):
    """Run code in an empty folder with nothing of the tree on the path but the packages it needs."""
    (site / "empty").mkdir(exist_ok=True)
    start = f"import sys; sys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}]; "
    start += f"sys.path.insert(0, {str(site)!r}); "
    return subprocess.run(
        [sys.executable, "-I", *options, "-c", start + code],
        cwd=site / "empty",
        capture_output=True,
        text=True,
        check=False,
    )


def test_sdist_and_wheel_have_the_same_bytes_wherever_and_whenever_they_are_built(built):
    sdist, wheel = built
    assert re.fullmatch(r"mpack_sgd-[\d.]+\.tar\.gz", sdist.name)
    assert re.fullmatch(r"mpack_sgd-[\d.]+-py3-none-any\.whl", wheel.name)


def test_the_wheel_holds_each_file_of_the_library_and_no_other(built):
    tracked = dist.source(built[0].parent / "source")
    ours = {path.relative_to(tracked).as_posix() for path in (tracked / "mpack").rglob("*.*")}
    with zipfile.ZipFile(built[1]) as wheel:
        carried = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert carried == ours
    assert {Path(name).suffix for name in ours} >= {".py", ".js", ".json", ".wasm", ".css"}


def test_the_sdist_holds_what_a_packager_needs(built):
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names >= {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"}
    assert not [name for name in names if name.startswith(("book/", "notebooks/", "_build"))]


def test_a_build_that_differs_is_refused(tmp_path, monkeypatch):
    dates = iter(("1700000000", "1800000000", "1700000000"))
    monkeypatch.setattr(dist, "date", lambda: next(dates))
    with pytest.raises(ValueError, match="other bytes"):
        dist.twice(tmp_path)


def test_the_metadata_are_those_of_the_project(built):
    about = dist.checked(*built)
    assert about.name == PROJECT["name"] == "mpack-sgd"
    assert str(about.version) == PROJECT["version"] and about.license_expression == "MIT"
    assert about.description_content_type == "text/markdown"
    required = {str(one) for one in about.requires_dist if one.marker is None}
    assert {re.sub(r"\s", "", one) for one in PROJECT["dependencies"]} == {
        re.sub(r"<0.69,>=0.61", ">=0.61,<0.69", one) for one in required
    }


def test_what_is_installed_is_found_in_an_empty_folder(built, tmp_path):
    """`make dist` also runs it, in an environment of its own: kernels compiled anew take half a minute."""
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(tmp_path)
    code = (
        "import mpack; from importlib import metadata; from mpack.__main__ import main;"
        "print(mpack.__file__, mpack.PairwiseBRO(eps=0.01), metadata.version('mpack-sgd'));"
        "print(*metadata.entry_points(name='mpack')); sys.argv[1:] = ['--version']; main()"
    )
    done = python(tmp_path, code)
    assert done.returncode == 0, done.stderr
    where, entry, version = done.stdout.splitlines()
    assert where.startswith(str(tmp_path)) and where.endswith(PROJECT["version"])
    assert "mpack.__main__:main" in entry and version == f"mpack {PROJECT['version']}"


def test_the_sums_are_those_that_sha256sum_reads(built):
    for line, path in zip(dist.sums(built).splitlines(), built, strict=True):
        assert line == f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"


# ------------------------------------------------------------------------------------------------
# the other distribution that is imported as mpack


@pytest.fixture
def both(built, tmp_path):
    """A folder with ours installed, and what the other one brings beside it."""
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(tmp_path)
    (tmp_path / "mpack" / "asyncio.py").write_text("")
    (tmp_path / "mpack" / "_mpack.py").write_text("def pack(thing):\n    return b'packed'\n")
    return tmp_path


def test_who_has_both_is_told_where_ours_came_last(both):
    done = python(both, "import mpack; print(mpack.PairwiseBRO(eps=0.01).eps)")
    assert done.stdout.strip() == "0.01" and done.stderr.count("imported as mpack") == 1
    assert "pip uninstall mpack" in done.stderr


def test_who_has_both_is_told_where_the_other_came_last_and_it_works_as_before(both):
    (both / "mpack" / "__init__.py").write_text("from ._mpack import *\n")
    done = python(both, "import mpack; print(mpack.pack(1), mpack._mpack.__file__)")
    assert done.stdout.split()[0] == "b'packed'" and done.stdout.strip().endswith("_mpack.py")
    assert done.stderr.count("imported as mpack") == 1
    done = python(both, "from mpack.__main__ import main; print(main())", "-W", "ignore")
    assert done.stdout.strip() == "2" and done.stderr.startswith("mpack: two distributions")


def test_the_command_says_so_where_the_other_was_removed_and_took_a_file_along(both):
    for name in ("__init__.py", "asyncio.py", "_mpack.py"):
        (both / "mpack" / name).unlink()
    done = python(both, "from mpack.__main__ import main; print(main())")
    assert done.stdout.strip() == "2" and "--force-reinstall" in done.stderr


def test_who_has_ours_alone_hears_nothing(built, tmp_path):
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(tmp_path)
    done = python(tmp_path, "import mpack; print(mpack.__version__)", "-W", "error")
    assert done.stdout.strip() == PROJECT["version"] and not done.stderr
    done = python(tmp_path, "import mpack._mpack")
    assert "ImportError: mpack._mpack belongs to another distribution" in done.stderr


def test_extras_are_named_by_the_distribution_everywhere():
    for path in (ROOT / "README.md", ROOT / "pyproject.toml", *(ROOT / "mpack").rglob("*.py")):
        assert not re.search(r"\bmpack\[\w+\]", path.read_text(encoding="utf8")), path


# ------------------------------------------------------------------------------------------------
# conda


def test_the_conda_recipe_is_the_project_s():
    recipe = yaml.safe_load((ROOT / "conda-recipe" / "recipe.yaml").read_text(encoding="utf8"))
    assert recipe["context"]["version"] == PROJECT["version"]
    assert recipe["package"]["name"] == PROJECT["name"]
    needed = {one.replace(" ", "") for one in recipe["requirements"]["run"]}
    assert needed == {*PROJECT["dependencies"], f"python{PROJECT['requires-python']}"}
    (entry,) = recipe["build"]["python"]["entry_points"]
    assert entry == f"mpack = {PROJECT['scripts']['mpack']}"
    assert recipe["about"]["summary"] == PROJECT["description"]
    assert recipe["about"]["license"] == PROJECT["license"]


def test_constraints_are_the_pins_without_hashes():
    lines = [line.strip() for line in dist.constraints()]
    assert f"numba=={_pin('numba')}" in lines and not any("--hash" in line for line in lines)


def _pin(name):
    text = (ROOT / "requirements.txt").read_text(encoding="utf8")
    return re.search(rf"^{name}==(\S+)", text, re.MULTILINE)[1]
