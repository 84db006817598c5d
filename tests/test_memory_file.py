"""The file of a memory: other files and versions, damage, full disks, graphs, and deletion down to the bytes."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_up_cases import GRAPH_CASES, IDENTITY, WIDTH, files_hold, made_up_cases, vectors

import redheart_core.memory.sqlite_cases
from redheart_core.contract.errors import CaseMemoryError
from redheart_core.memory.case import Case, make_case
from redheart_core.memory.cases import Retention
from redheart_core.memory.filters import EVERY, Filter, LabelCondition
from redheart_core.memory.opening import find_cases, open_cases
from redheart_core.memory.sqlite_cases import SqliteCases


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "cases.db"


@pytest.fixture
def cases(file: Path) -> Iterator[SqliteCases]:
    with SqliteCases(file, IDENTITY, GRAPH_CASES) as opened:
        yield opened


def graphs(file: Path) -> list[tuple[int, int]]:
    """Each graph with the number of its cases; first those in none, with 0."""
    with sqlite3.connect(file) as rows:
        found = rows.execute("SELECT ifnull(graph, 0), count(*) FROM cases GROUP BY graph ORDER BY 1").fetchall()
    rows.close()
    return found


def change(file: Path, *statements: str) -> None:
    with sqlite3.connect(file) as rows:
        for statement in statements:
            rows.execute(statement)
    rows.close()


def test_only_its_owner_may_read_the_file_and_its_log(cases: SqliteCases, file: Path) -> None:
    cases.add(made_up_cases(2))
    assert len(list(file.parent.iterdir())) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}


def test_graphs_are_made_of_full_sets_and_a_deletion_dissolves_its_own_alone(cases: SqliteCases, file: Path) -> None:
    cases.add(made_up_cases(600))
    assert graphs(file) == [(0, 88), (1, 256), (2, 256)]
    cases.delete(Filter(ids=("0-3",)))
    assert graphs(file) == [(0, 87), (2, 256), (3, 256)]
    cases.delete(Filter(ids=("0-400",)))
    assert graphs(file) == [(0, 86), (3, 256), (4, 256)]
    cases.delete(EVERY)
    assert graphs(file) == []
    assert cases.nearest(vectors(1)[0]) == []


@pytest.mark.parametrize("few", [-1, 10**9], ids=["graphs are followed", "chosen cases are compared"])
def test_filters_find_the_nearest_chosen_cases(cases: SqliteCases, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(redheart_core.memory.sqlite_cases, "_FEW", few)
    cases.add(made_up_cases(1000))
    wrong = "_compare" if few < 0 else "_follow"
    monkeypatch.setattr(cases, wrong, lambda *_: pytest.fail("the other way was taken"))
    for chosen in (
        Filter(languages=("ko",)),
        Filter(sources=("diary",), labels=(LabelCondition.parse("votes.right>=2"),)),
        Filter(labels=(LabelCondition.parse("votes"), LabelCondition.parse("votes.right>=1"))),
        Filter(ids=("0-17", "0-900")),
        Filter(sources=("nowhere",)),
    ):
        for query in vectors(5, 8):
            wanted = [(one.case.id, one.distance) for one in cases.nearest(query, 5, chosen, exact=True)]
            assert [(one.case.id, one.distance) for one in cases.nearest(query, 5, chosen)] == wanted


@pytest.mark.parametrize("place", ["graph", "rest"])
@pytest.mark.parametrize("kept", [True, False], ids=["text", "no text"])
def test_a_deleted_case_leaves_no_bytes(cases: SqliteCases, file: Path, place: str, kept: bool) -> None:
    cases.add(made_up_cases(300, text=kept))
    gone = f"0-{7 if place == 'graph' else 299}"
    vector = next(cases.cases(Filter(ids=(gone,)))).vector
    traces = [vector.tobytes(), vector.astype("<f2").tobytes()[:32] if place == "graph" else vector.tobytes()]
    traces += [f"<{gone}>".encode()] if kept else []
    traces += [b"0-299"] if place == "rest" else []  # the beginning of no other id
    stays = next(cases.cases(Filter(ids=("0-8",)))).vector.tobytes()
    assert all(files_hold(file.parent, trace) for trace in traces)
    assert cases.delete(Filter(ids=(gone,))) == 1
    assert not any(files_hold(file.parent, trace) for trace in traces)
    assert files_hold(file.parent, stays)
    assert cases.verify() == 299
    cases.close()
    assert not any(files_hold(file.parent, trace) for trace in traces)


def test_retention_leaves_no_bytes(cases: SqliteCases, file: Path) -> None:
    cases.add(made_up_cases(20))
    vector = next(cases.cases(Filter(ids=("0-3",)))).vector.tobytes()
    cases.retain(Retention(cases=5))
    assert not files_hold(file.parent, b"<0-3>")
    assert not files_hold(file.parent, vector)
    assert files_hold(file.parent, b"<0-19>")


def test_no_text_is_stored_unless_asked(cases: SqliteCases, file: Path) -> None:
    cases.add(made_up_cases(5, text=False))
    assert not files_hold(file.parent, b"the text of")
    assert [case.text for case in cases.cases()] == [None] * 5


def test_deletion_that_a_reader_holds_up_says_so_and_is_finished_later(
    cases: SqliteCases, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redheart_core.memory.sqlite_file.WAIT_S", 0.1)
    cases.add(made_up_cases(20))
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM cases").fetchall()
    with SqliteCases(file, None) as other, pytest.raises(CaseMemoryError, match="their bytes stay in its log while"):
        other.delete(Filter(ids=("0-3",)))
    assert files_hold(file.parent, b"<0-3>")
    with pytest.raises(CaseMemoryError, match="their bytes stay"):
        SqliteCases(file, None)
    reader.close()
    with SqliteCases(file, None) as again:
        assert len(again) == again.verify() == 19
        assert not files_hold(file.parent, b"<0-3>")


def test_other_files_are_refused(tmp_path: Path) -> None:
    text, other, empty = tmp_path / "text.db", tmp_path / "other.db", tmp_path / "empty.db"
    text.write_text("id,text\n" * 200)
    change(other, "CREATE TABLE t (a)")
    empty.touch()
    for identity in (None, IDENTITY):
        with pytest.raises(CaseMemoryError, match=r"text\.db: it is no SQLite database"):
            open_cases(text, identity)
        with pytest.raises(CaseMemoryError, match=r"other\.db is an SQLite database of another program"):
            open_cases(other, identity)
    assert text.read_text() == "id,text\n" * 200
    assert find_cases(empty) is None
    assert find_cases(tmp_path / "none.db") is None
    assert not (tmp_path / "none.db").exists()
    with open_cases(empty, IDENTITY) as made:
        assert len(made) == 0


def test_who_reads_waits_for_nobody_who_writes(cases: SqliteCases, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redheart_core.memory.sqlite_file.WAIT_S", 0.1)
    cases.add(made_up_cases(20))
    cases.retain(Retention(days=36_500.0))
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with SqliteCases(file, IDENTITY, GRAPH_CASES) as other:
        assert len(other.nearest(vectors(1)[0], 5)) == 5
        with pytest.raises(CaseMemoryError, match=r"another process has been writing for .* wait for it"):
            other.add(made_up_cases(1, seed=1))
    writer.close()


def test_another_version_is_refused(cases: SqliteCases, file: Path) -> None:
    cases.close()
    change(file, "PRAGMA user_version = 2")
    with pytest.raises(CaseMemoryError, match=r"is a memory of format 2, expected is format 1.*export it"):
        open_cases(file)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE labels SET number = 7 WHERE key = 2",
        "DELETE FROM labels WHERE key = 2",
        "UPDATE cases SET text = 'another' WHERE key = 2",
        "UPDATE cases SET source = NULL WHERE key = 2",
        f"UPDATE vectors SET vector = zeroblob({4 * WIDTH}) WHERE key = 2",
    ],
)
def test_a_changed_vector_label_or_text_is_found(cases: SqliteCases, file: Path, damage: str) -> None:
    cases.add(made_up_cases(3))
    change(file, damage)
    with pytest.raises(CaseMemoryError, match="is damaged: the case '0-1' and its seal disagree; restore it"):
        cases.verify()
    with pytest.raises(CaseMemoryError, match="seal disagree"):
        cases.nearest(vectors(1)[0], 3, exact=True)


def test_every_damaged_page_is_found_or_harmless(cases: SqliteCases, file: Path) -> None:
    cases.add(made_up_cases(300))
    wanted = [case.to_json() for case in cases.cases()]
    cases.close()
    whole = file.read_bytes()
    found = 0
    for page in range(0, len(whole), 16_384):
        damaged = bytearray(whole)
        damaged[page + 100 : page + 1100] = bytes(byte ^ 0xA5 for byte in whole[page + 100 : page + 1100])
        file.write_bytes(damaged)
        try:
            with SqliteCases(file, IDENTITY, GRAPH_CASES) as opened:
                opened.verify()
                assert [case.to_json() for case in opened.cases()] == wanted
        except CaseMemoryError:
            found += 1
        for log in ("-wal", "-shm"):
            file.with_name(file.name + log).unlink(missing_ok=True)
    assert found > len(whole) // 16_384 // 2


def test_a_damaged_graph_is_found(cases: SqliteCases, file: Path) -> None:
    cases.add(made_up_cases(300))
    change(file, "UPDATE graphs SET content = zeroblob(1000)", "UPDATE meta SET value = '99' WHERE name = 'changes'")
    with pytest.raises(CaseMemoryError, match="graph 1 and its seal disagree"):
        cases.verify()
    with pytest.raises(CaseMemoryError, match="graph 1 and its seal disagree"):
        cases.nearest(vectors(1)[0])


@pytest.fixture
def limited_files() -> Iterator[None]:
    """No file may grow beyond 2,000,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("limited_files")
def test_a_file_that_may_not_grow_loses_nothing(cases: SqliteCases) -> None:
    cases.add(made_up_cases(20))
    with pytest.raises(CaseMemoryError, match=r"the disk (is full|cannot be written).*try again"):
        cases.add(made_up_cases(8000, seed=1))
    assert len(cases) == cases.verify() == 20
    cases.add(made_up_cases(1, seed=2))
    assert len(cases) == 21


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "redheart-test", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own can be mounted by root alone")
    try:
        with SqliteCases(folder / "cases.db", IDENTITY) as cases:
            cases.add(made_up_cases(100))
            with pytest.raises(CaseMemoryError, match="the disk is full; free some space and try again"):
                cases.add(made_up_cases(8000, seed=1))
            assert len(cases) == cases.verify() == 100
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"cannot write .*file"):
        open_cases(tmp_path / "file" / "cases.db", IDENTITY)


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redheart_core.memory.opening.find_spec", lambda name: None)
    with pytest.raises(CaseMemoryError, match=r"a memory in a file needs usearch; pip install 'redheart\[memory\]'"):
        open_cases(tmp_path / "cases.db", IDENTITY)
    with pytest.raises(CaseMemoryError, match=r"needs psycopg; pip install 'redheart\[postgres\]'"):
        open_cases("postgresql://localhost/cases", IDENTITY)


def test_equal_vectors_make_an_equal_graph() -> None:
    from redheart_core.memory.graphs import build_graph

    given = np.stack([case.vector for case in made_up_cases(100)])
    assert build_graph(np.arange(100), given) == build_graph(np.arange(100), given)


def test_a_case_is_sealed_as_a_whole() -> None:
    def seal(**values: object) -> bytes:
        case: Case = make_case("a", vectors(1)[0], WIDTH, **{"labels": {"x": 1.0}, "time": None, **values})  # type: ignore[arg-type]
        return case.seal()

    seals = [seal(text=None), seal(text=""), seal(text="x"), seal(labels={}), seal(labels={"x": 2.0}), seal(source="x")]
    assert len(set(seals)) == 6
