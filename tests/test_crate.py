"""The metadata of the archives: by the rules of RO-Crate 1.1, true to the last byte; archives read without us."""

import copy
import hashlib
import json
import re
from datetime import date

import pandas as pd

from book import RESULTS
from book._tools import crate
from book._tools.columns import described
from mpack import _container, ensemble

MADE = json.loads((RESULTS / crate.NAME).read_text(encoding="utf8"))


def broken(made):
    """What of the standard's rules a crate breaks, sentences."""
    wrong, graph = [], made["@graph"]
    if (
        made["@context"] != crate.CONTEXT
        or "https://w3id.org/ro/crate/1.1/context" not in made["@context"]
    ):
        wrong.append("it has not the standard's context")
    by_name = {entity["@id"]: entity for entity in graph}
    wrong += [] if len(by_name) == len(graph) else ["two entities have one @id"]
    wrong += [f"{name} has no type" for name, entity in by_name.items() if not entity.get("@type")]
    metadata, root = by_name.get("ro-crate-metadata.json", {}), by_name.get("./", {})
    right = ("CreativeWork", {"@id": "./"}, {"@id": "https://w3id.org/ro/crate/1.1"})
    if tuple(metadata.get(key) for key in ("@type", "about", "conformsTo")) != right:
        wrong.append("the metadata do not say what they are")
    if root.get("@type") != "Dataset" or not all(
        root.get(key) for key in ("name", "description", "datePublished", "license", "publisher")
    ):
        wrong.append("the root lacks what it must have")
    references = [(entity["@id"], one) for entity in graph for one in referred(entity)]
    wrong += [
        f"{name} refers to {one}, which is none" for name, one in references if one not in by_name
    ]
    wrong += [
        f"{entity['@id']} is not flat"
        for entity in graph
        for value in entity.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, dict) and set(one) != {"@id"}
    ]
    wrong += [
        f"{entity['@id']} has a list of one"
        for entity in graph
        for value in entity.values()
        if isinstance(value, list) and len(value) < 2
    ]
    parts = {"./"}
    while (
        more := {one for part in parts for one in referred(by_name.get(part, {}), "hasPart")}
        - parts
    ):
        parts |= more
    data = {name for name, entity in by_name.items() if entity["@type"] in ("File", "Dataset")}
    wrong += [f"{name} is no part of the root" for name in sorted(data - parts)]
    for name in sorted(data):
        if name != "./" and name.endswith("/") != (by_name[name]["@type"] == "Dataset"):
            wrong.append(f"{name} is named as what it is not")
        if name.startswith("/") or ".." in name or not re.fullmatch(r"[\w./-]+", name):
            wrong.append(f"{name} is no relative address")
    return wrong


def referred(entity, by=None):
    """The @ids that an entity names, `by` one property or any, of what the crate itself describes."""
    keys = [key for key in entity if key in (by or key,) and key != "conformsTo"]
    for value in (entity[key] for key in keys):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and "@id" in one:
                yield one["@id"]


def test_the_crate_in_the_tree_is_that_of_the_archives():
    """`python -m book._tools.crate` makes it anew."""
    assert (RESULTS / crate.NAME).read_text(encoding="utf8") == crate.text(RESULTS)


def test_it_keeps_the_rules():
    assert broken(MADE) == []


def test_each_rule_is_noticed():
    def without(name, key):
        return lambda made: next(e for e in made["@graph"] if e["@id"] == name).pop(key)

    ways = [
        lambda made: made.pop("@context") and made.update({"@context": []}),
        lambda made: made["@graph"].append(made["@graph"][0]),
        lambda made: made["@graph"].pop(1),  # the licence
        without("ro-crate-metadata.json", "about"),
        *(without("./", key) for key in ("name", "license", "datePublished", "hasPart")),
        without("example/", "hasPart"),
        lambda made: made["@graph"][3].update(author={"name": "somebody"}),
        lambda made: made["@graph"].append({"@id": "../x/", "@type": "Dataset"}),
        lambda made: made["@graph"][3].update(keywords=["one"]),
    ]
    for number, change in enumerate(ways):
        made = copy.deepcopy(MADE)
        change(made)
        assert broken(made), number


def test_every_file_is_named_with_its_size_and_checksum():
    files = {entity["@id"]: entity for entity in MADE["@graph"] if entity["@type"] == "File"}
    there = {
        path.relative_to(RESULTS).as_posix()
        for path in RESULTS.rglob("*")
        if path.is_file() and path.name != crate.NAME and path.suffix not in (".new", ".lock")
    }
    assert set(files) == there
    for name, told in files.items():
        data = (RESULTS / name).read_bytes()
        assert told["contentSize"] == str(len(data)), name
        assert told["sha256"] == hashlib.sha256(data).hexdigest(), name


def test_every_campaign_says_what_it_is_for_and_when_and_with_what_it_was_made():
    entities = {entity["@id"]: entity for entity in MADE["@graph"]}
    for folder in ensemble.archives(RESULTS):
        told, made = entities[f"{folder.name}/"], entities[f"#made-{folder.name}"]
        manifest = _container.manifest(folder)
        assert f" {manifest['runs']} runs." in told["description"], folder.name
        assert not told["description"].startswith("Runs."), f"{folder.name} has no campaign"
        assert [made["startTime"], made["endTime"]] == manifest["finished"]
        versions = [entities[one]["version"] for one in referred(made, "instrument")]
        assert versions == manifest["versions"]
        date.fromisoformat(told["dateCreated"])
        for name in manifest["files"]:
            for _, column, words in described(folder / name, manifest):
                assert "watched" not in words or column in ("kept", "f"), column


def test_the_lines_of_the_readme_read_a_campaign_with_pandas_alone(tmp_path, monkeypatch):
    """They are run as they stand, on the example, and find what the library finds."""
    with ensemble.Store(":memory:") as store:
        ensemble.import_archive(RESULTS / "example", store)
        ensemble.export(store, tmp_path / "example")
    words = (RESULTS / "README.md").read_text(encoding="utf8")
    assert len(words.splitlines()) < 45  # a screen
    (code,) = re.findall(r"```python\n(.*?)```", words, re.S)
    assert "mpack" not in code
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(code, found)
    table = ensemble.load_archive(tmp_path / "example")
    own = table.series[3]
    assert found["curve"].index.tolist() == own.times.tolist()
    assert found["curve"].tolist() == own.activity.tolist()
    energies = found["series"][found["series"].run == 3].energy
    assert energies.tolist() == own.energy.tolist()
    steady = table[~table.absorbed].groupby(["rule", "phi"]).f_inf.mean()
    pd.testing.assert_series_equal(found["steady"], steady, check_exact=True)
    state = found["state"]
    kept = table.arrays[state.run][state.kept]["fixed"]
    assert list(map(int, found["places"])) == kept.ravel().tolist()


def test_a_new_export_has_a_new_crate(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(crate, "RESULTS", tmp_path)
    monkeypatch.setattr(crate, "relative", str)
    with ensemble.Store(":memory:") as store:
        ensemble.import_archive(RESULTS / "example", store)
        ensemble.export(store, tmp_path / "example")
    assert crate.main() == 0 and crate.NAME in capsys.readouterr().out
    made = json.loads((tmp_path / crate.NAME).read_text(encoding="utf8"))
    assert broken(made) == [] and not list(tmp_path.glob("*.new"))
    names = [entity["@id"] for entity in made["@graph"]]
    assert "example/runs.csv.xz" in names and "manna/" not in names
