"""Where a chapter's runs come from: the archive, or all of it done again in a store that survives, and compared."""

import nbformat
import pandas as pd
import pytest
from chapterruns import refusal

import mpack
from book import RESULTS, archives, campaigns, reruns
from book._tools import places
from mpack import ensemble

CHAPTERS = {  # of the part on the transition, with the campaigns that each reads
    "absorbing_or_active": ["absorbing"],
    "locating_phi_c": ["phi-c", "phi-c-longer", "phi-c-sizes"],
    "where_manna_ends": [
        *("ladder", "manna", "ladder-sizes", "ladder-large", "ladder-controls"),
        "ladder-aged",
    ],
    "manna_collapse": ["manna", "manna-longer", "manna-crystals"],
    "hidden_order": ["hidden-order", "hidden-distances", "tuned-starts"],
    "correlated_noise": ["correlated-noise"],
    "beyond_three_dimensions": ["dimensions", "ladder-4", "ladder-5"],
    "beyond_spheres": [
        *("ellipsoids", "ellipsoids-turning", "ellipsoids-decay", "ladder", "ellipsoids-flat"),
    ],
}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder of runs that were done again, a fresh one."""
    monkeypatch.setattr(reruns, "kept_in", lambda: tmp_path)
    return tmp_path


def same(table, other):
    """Equal in everything but what tells when and where a run was done."""
    bare = [
        one.drop(columns=["wall", "finished", "commit", "cpu", "version", "series", "arrays"])
        for one in (table, other)
    ]
    pd.testing.assert_frame_equal(*bare, check_exact=True)
    return True


def test_live_is_the_archive():
    assert same(reruns.Source().campaign("example"), archives.load("example"))


def test_paper_does_a_campaign_again_and_finds_the_digests_of_the_archive(
    kept, monkeypatch, capsys
):
    """Here three of its runs, really done; a second call finds them in the store and does none."""
    monkeypatch.setattr(campaigns, "everything", lambda: {"example": campaigns.example()[:3]})
    source, book = reruns.Source("paper"), archives.load("example")
    found = source.campaign("example")
    assert "3 runs done again; 3 are in the book's archive" in capsys.readouterr().out
    assert same(found, book[book.key.isin(found.key)].reset_index(drop=True))
    monkeypatch.setattr(
        ensemble, "produce", lambda *_, **__: pytest.fail("a finished run was done again")
    )
    assert same(source.campaign("example"), found)


def test_paper_goes_on_from_what_is_there(kept, monkeypatch):
    ensemble.import_archive(RESULTS / "example", kept / "example.sqlite")
    monkeypatch.setattr(
        ensemble, "produce", lambda *_, **__: pytest.fail("a finished run was done again")
    )
    assert same(reruns.Source("paper").campaign("example"), archives.load("example"))


def test_a_run_that_ends_elsewhere_is_an_error(kept, monkeypatch):
    book = archives.load("example")
    book.loc[2, "digest"] = book.digest[1]
    ensemble.import_archive(RESULTS / "example", kept / "example.sqlite")
    monkeypatch.setattr(archives, "load", lambda _: book)
    with pytest.raises(ensemble.DigestMismatch, match="1 of 16 runs of example ended elsewhere"):
        reruns.Source("paper").campaign("example")


def test_an_audit_comes_with_the_table(capsys, monkeypatch):
    source = reruns.Source()
    source.campaign("example", audit=0)
    found = source.audits["example"]
    assert found.ok and found.replays
    assert capsys.readouterr().out.startswith(f"example: {len(found.replays)} of 16 archived runs")
    wrong = type("Wrong", (), {"ok": False, "__str__": lambda _: "row 3 differs"})()
    monkeypatch.setattr(ensemble, "audit", lambda *_, **__: wrong)
    with pytest.raises(RuntimeError, match="do not agree: row 3 differs"):
        source.campaign("example", audit=0)


def test_sweeps_are_in_memory_or_kept(kept):
    specs = mpack.specs(
        mpack.SGD(alpha=0.05, batch_fraction=0.5), n=60, phi=0.3, steps=20, dim=2, seed=range(2)
    )
    assert same(reruns.Source().sweep(specs, "small"), reruns.Source("paper").sweep(specs, "small"))
    assert [path.name for path in kept.iterdir()] == ["small.sqlite"]


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (("huge",), ValueError, ["size", "'live', 'paper'", "'huge'"]),
        (("live", "tcp://127.0.0.1:8786"), ValueError, ["dask", '"paper"', "tcp://127.0.0.1:8786"]),
        (("paper", 8786), TypeError, ["dask", "int"]),
        (("paper", "nonsense"), ConnectionError, ["dask", "tcp://host:8786", "'nonsense'"]),
        (("paper", "tcp://127.0.0.1:1"), ConnectionError, ["dask", "127.0.0.1:1"]),
    ],
)
def test_refusals(arguments, error, words):
    with pytest.raises(error) as refused:
        reruns.Source(*arguments)
    assert all(word in str(refused.value) for word in words), refused.value


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapters_take_a_size_and_a_cluster(name):
    """They say no in time, and read no archive but through their source, which "paper" does again."""
    assert "'live', 'paper'" in refusal(name, size="huge")
    assert "dask" in refusal(name, dask="tcp://127.0.0.1:8786")
    cells = nbformat.read(places.ROOT / f"notebooks/{name}.ipynb", 4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert "load_archive" not in code
    assert all(f'source.campaign("{archive}"' in code for archive in CHAPTERS[name])
