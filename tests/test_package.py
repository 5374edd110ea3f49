"""The package as those meet it who import it: its names, its layers and what it depends on."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import mpack

PACKAGE = Path(mpack.__file__).parent  # of the tree, or as it was installed
# Distributions of what is imported by another name, or comes along with another package.
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "freud": "freud-analysis",
    "IPython": "ipykernel",
    "traitlets": "ipywidgets",
    "llvmlite": "numba",
}
FILES = sorted(PACKAGE.rglob("*.py"))


def modules():
    """Dotted names of the public modules, found in the files."""
    files = [path.relative_to(PACKAGE) for path in FILES]
    parts = [path.parts[:-1] if path.name == "__init__.py" else path.parts for path in files]
    return sorted({names[0].removesuffix(".py") for names in parts if names and names[0][0] != "_"})


def test_every_public_module_is_an_attribute_of_the_package():
    assert "structure" in modules() and "network" in modules()
    for name in modules():
        assert getattr(mpack, name) is importlib.import_module(f"mpack.{name}")
    assert set(modules()) <= set(dir(mpack))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mpack.nonsense


@pytest.mark.slow
def test_every_name_of_the_package_is_there_in_a_copy_without_the_checkout(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "site" / "mpack")
    (tmp_path / "empty").mkdir()
    names = [*modules(), *mpack.__all__]
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import mpack;"
        f"assert mpack.__file__.startswith({str(tmp_path)!r});"
        f"[getattr(mpack, name) for name in {names!r}]; print(*sorted(dir(mpack)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(names) <= set(done.stdout.split())


def test_importing_the_package_imports_no_module_of_it():
    code = "import sys, mpack; print(*[name for name in sys.modules if name.startswith('mpack.')])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and not done.stdout.split(), done.stderr


def private_uses(path):
    """Names with an underscore that a module takes from another one."""
    tree = ast.parse(path.read_text(encoding="utf8"))
    taken = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mpack"):
            for one in node.names:
                taken[one.asname or one.name] = f"{node.module}.{one.name}"
    imported = {name for name in taken.values() if re.search(r"\.[a-z]\w*\._[a-z]\w*$", name)}
    used = {
        f"{taken[node.value.id]}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in taken
        and re.fullmatch(r"_[a-z]\w*", node.attr)
    }
    return imported | used


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_takes_what_is_private_to_another(path):
    """What several modules share has a module of its own, with an underscore in front of its name."""
    own = ".".join(
        path.parent.relative_to(PACKAGE.parent).parts
    )  # the package shares its own inner modules
    found = {
        name
        for name in private_uses(path)
        if not re.match(r"mpack\.(_kernels|widgets)\b", name)
        and not re.fullmatch(rf"(mpack|{re.escape(own)})\._\w+", name)
    }
    assert not found, f"{path.name} uses {', '.join(sorted(found))}"


def imported_packages():
    """The top-level names of other packages that the library imports, wherever in a module."""
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Import):
                found |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"mpack"}


def declared():
    """Names of the distributions that every installation brings, and of those that some extra brings."""
    required = [re.match(r"([\w.-]+)(.*)", one).groups() for one in metadata.requires("mpack-sgd")]
    needed = {name.lower() for name, rest in required if "extra ==" not in rest}
    return needed, {name.lower() for name, rest in required if "extra ==" in rest}


def test_what_the_library_imports_is_declared():
    needed, extras = declared()
    names = {DISTRIBUTIONS.get(name, name) for name in imported_packages()}
    missing = names - needed
    assert "numba" in needed and "numba" in names
    assert missing <= extras, f"imported and declared nowhere: {sorted(missing - extras)}"


def test_what_is_needed_at_once_is_no_extra():
    """Modules import at their top only what every installation has; what draws or learns comes later."""
    own = declared()[0] | {"mpack"} | set(sys.stdlib_module_names)
    for path in FILES:
        if path.parent.name == "widgets":
            continue
        for node in ast.parse(path.read_text(encoding="utf8")).body:
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            tops = {name.partition(".")[0] for name in names}
            assert {DISTRIBUTIONS.get(name, name) for name in tops} <= own, path


def test_the_version_is_that_of_the_distribution():
    assert metadata.version("mpack-sgd") == mpack.__version__
