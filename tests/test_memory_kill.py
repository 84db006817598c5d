"""Processes that die while they add or delete cases, and several at once: no case is lost or half there."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_up_cases import GRAPH_CASES, IDENTITY, files_hold, made_up_cases

from redheart_core.memory.filters import Filter
from redheart_core.memory.sqlite_cases import SqliteCases

TOGETHER = 40
"""Cases that the adding process adds in one transaction."""
ADDING = f"""
import sys
from pathlib import Path
from made_up_cases import GRAPH_CASES, IDENTITY, made_up_cases
from redheart_core.memory.sqlite_cases import SqliteCases

with SqliteCases(Path(sys.argv[1]), IDENTITY, GRAPH_CASES) as cases:
    for seed in range(int(sys.argv[2]), int(sys.argv[3])):
        cases.add(made_up_cases({TOGETHER}, seed))
        print(seed, flush=True)
"""


@contextmanager
def adding(file: Path, first: int, last: int) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that adds sets of cases, and prints the number of each that is there for good."""
    tests = str(Path(__file__).parent)
    command = [sys.executable, "-c", ADDING, str(file), str(first), str(last)]
    environment = {**os.environ, "PYTHONPATH": tests}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_cases_are_there_whole_or_not_at_all_when_the_adding_process_is_killed(tmp_path: Path) -> None:
    file, chance = tmp_path / "cases.db", random.Random(0)
    finished: list[int] = []
    begun = 0
    for first in range(0, 7000, 1000):  # seven times
        with adding(file, first, first + 1000) as process:
            assert process.stdout is not None
            finished.append(int(process.stdout.readline()))
            time.sleep(chance.uniform(0.0, 0.15))
            process.send_signal(signal.SIGKILL)
            finished += map(int, process.stdout.read().split())
        assert process.returncode == -signal.SIGKILL
        with SqliteCases(file, None, GRAPH_CASES) as cases:
            there = cases.verify()
            assert there % TOGETHER == 0
            sets = {case.id.partition("-")[0] for case in cases.cases()}
            assert len(sets) * TOGETHER == there
            assert {str(one) for one in finished} <= sets
            assert len(sets) <= len(finished) + first // 1000 + 1  # at most one more for each kill
            begun = max(begun, there)
        assert labels_without_a_case(file) == 0
    with SqliteCases(file, None, GRAPH_CASES) as cases:
        wanted = {case.id: case for one in finished for case in made_up_cases(TOGETHER, one)}
        for case in cases.cases():
            if case.id in wanted:
                assert case.to_json() == wanted[case.id].to_json()
    assert begun > 7 * TOGETHER


def labels_without_a_case(file: Path) -> int:
    with sqlite3.connect(file) as rows:
        found = rows.execute("SELECT count(*) FROM labels WHERE key NOT IN (SELECT key FROM cases)").fetchone()[0]
    rows.close()
    return int(found)


class Died(BaseException):
    """Stands for a kill between two steps."""


def test_a_deletion_that_is_cut_off_before_its_bytes_are_gone_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redheart_core.memory.sqlite_file import SqliteFile

    file = tmp_path / "cases.db"
    with SqliteCases(file, IDENTITY, GRAPH_CASES) as cases:
        cases.add(made_up_cases(30))

        def die(_: object) -> None:
            raise Died

        with monkeypatch.context() as patch:
            patch.setattr(SqliteFile, "clean", die)
            with pytest.raises(Died):
                cases.delete(Filter(ids=("0-7",)))
        assert files_hold(tmp_path, b"<0-7>")
    with SqliteCases(file, None, GRAPH_CASES) as cases:
        assert len(cases) == 29
        assert not files_hold(tmp_path, b"<0-7>")


def test_a_deletion_during_another_one_keeps_its_own_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from redheart_core.memory.sqlite_file import SqliteFile

    file, clean = tmp_path / "cases.db", SqliteFile._cut_log
    with SqliteCases(file, IDENTITY, GRAPH_CASES) as one, SqliteCases(file, IDENTITY, GRAPH_CASES) as other:
        one.add(made_up_cases(30))

        def die(_: object) -> None:
            raise Died

        def in_between(self: SqliteFile) -> None:
            with monkeypatch.context() as patch:
                patch.setattr(SqliteFile, "clean", die)
                if other.known(["0-8"]):
                    with pytest.raises(Died):
                        other.delete(Filter(ids=("0-8",)))
            clean(self)

        with monkeypatch.context() as patch:
            patch.setattr(SqliteFile, "_cut_log", in_between)
            one.delete(Filter(ids=("0-7",)))
        assert one._file.meta("unclean") != ""
    with SqliteCases(file, None, GRAPH_CASES) as cases:
        assert cases._file.meta("unclean") == ""
        assert not files_hold(tmp_path, b"<0-8>")


@pytest.mark.slow
def test_two_processes_add_at_once(tmp_path: Path) -> None:
    file = tmp_path / "cases.db"
    with adding(file, 0, 15) as one, adding(file, 15, 30) as other:
        found = [process.communicate(timeout=120)[0] for process in (one, other)]
        assert (one.returncode, other.returncode) == (0, 0)
    assert found == ["".join(f"{seed}\n" for seed in range(first, first + 15)) for first in (0, 15)]
    with SqliteCases(file, None, GRAPH_CASES) as cases:
        assert cases.verify() == 30 * TOGETHER
        wanted = {case.id: case.to_json() for seed in range(30) for case in made_up_cases(TOGETHER, seed)}
        assert {case.id: case.to_json() for case in cases.cases()} == wanted
        query = made_up_cases(1)[0].vector
        near = [one.case.id for one in cases.nearest(query, 10)]
        assert near == [one.case.id for one in cases.nearest(query, 10, exact=True)]


@pytest.mark.slow
def test_one_process_reads_and_deletes_while_another_adds(tmp_path: Path) -> None:
    file = tmp_path / "cases.db"
    with SqliteCases(file, IDENTITY, GRAPH_CASES) as cases:
        cases.add(made_up_cases(TOGETHER, 1000))
        query = made_up_cases(1, 1000)[0].vector
        with adding(file, 0, 20) as process:
            for number in range(TOGETHER - 5):
                near = cases.nearest(query, 5)
                assert len(near) == 5
                assert cases.delete(Filter(ids=(f"1000-{number}",))) == 1
            process.communicate(timeout=120)
            assert process.returncode == 0
        assert cases.verify() == 20 * TOGETHER + 5
        assert not files_hold(tmp_path, b"<1000-3>")
