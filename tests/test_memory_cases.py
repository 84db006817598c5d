"""What every memory of cases promises, in a file and in a PostgreSQL database."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from made_up_cases import (
    IDENTITY,
    OTHER,
    START,
    WIDTH,
    Open,
    files_hold,
    in_database,
    in_file,
    made_up_cases,
    vectors,
)
from postgres_server import Server, running_server

from redheart_core import DataError
from redheart_core.contract.errors import CaseMemoryError
from redheart_core.data.identity import EncoderIdentity, EncoderPart
from redheart_core.memory.case import make_case
from redheart_core.memory.cases import Cases, MissingMemoryError, Retention
from redheart_core.memory.exchange import export_lines, read_cases
from redheart_core.memory.filters import EVERY, Filter, LabelCondition
from redheart_core.storage.jsonlines import parse_json


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as found:
        yield found


@pytest.fixture(params=["file", "postgres"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one memory any number of times."""
    if request.param == "file":
        with in_file(tmp_path) as opened:
            yield opened
    else:
        with in_database(request.getfixturevalue("server")) as opened:
            yield opened


def ids(cases: Cases, chosen: Filter) -> list[str]:
    return [case.id for case in cases.cases(chosen)]


def test_what_was_added_is_read_bit_for_bit(memory: Open) -> None:
    given = made_up_cases(40)
    given[1] = make_case("bare", vectors(1, 9)[0], WIDTH, labels={})
    numbers = {"a": -0.0, "b": 1e308, "c": 5e-324, "d": -1 / 3, "e": 2**53, "f": float(np.float32(0.1))}
    given[2] = make_case("수", vectors(1, 8)[0], WIDTH, labels=numbers, text="글 ✓ 'x' %s \U0001f600")
    first = memory()
    first.add(given)
    for found in (first, memory(None)):
        read = list(found.cases())
        assert [case.to_json() for case in read] == [case.to_json() for case in given]
        assert [case.vector.tobytes() for case in read] == [case.vector.tobytes() for case in given]
        assert len(found) == found.verify() == 40
        assert found.identity == IDENTITY


def test_exact_search_is_brute_force(memory: Open) -> None:
    given = made_up_cases(300)
    cases = memory()
    cases.add(given)
    matrix = np.stack([case.vector for case in given]).astype(np.float64)
    for query in vectors(5, 7):
        direction = query.astype(np.float64) / np.linalg.norm(query.astype(np.float64))
        wanted = np.argsort(1.0 - matrix @ direction, kind="stable")[:7]
        found = cases.nearest(query, 7, exact=True)
        assert [one.case.id for one in found] == [given[place].id for place in wanted]
        np.testing.assert_allclose([one.distance for one in found], 1.0 - matrix[wanted] @ direction, atol=1e-6)


def test_approximate_search_gives_the_distances_of_the_exact_one_and_nearly_all_of_its_cases(memory: Open) -> None:
    cases = memory()
    cases.add(made_up_cases(1000))
    hits = 0
    for query in vectors(30, 5):
        exact, found = cases.nearest(query, 10, exact=True), cases.nearest(query, 10)
        distances = {one.case.id: one.distance for one in exact}
        common = [one for one in found if one.case.id in distances]
        assert all(one.distance == distances[one.case.id] for one in common)
        hits += len(common)
    assert hits >= 0.95 * 300


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("chosen", "holds"),
    [
        (Filter(languages=("ko",)), lambda n: n % 3 == 0),
        (Filter(sources=("diary", "nowhere")), lambda n: n % 5 == 0),
        (Filter(ids=("0-3", "0-4", "none")), lambda n: n in (3, 4)),
        (Filter(since=START + timedelta(days=20)), lambda n: n >= 20),
        (Filter(before=START + timedelta(days=20)), lambda n: n < 20),
        (Filter(labels=(LabelCondition.parse("votes.right"),)), lambda n: n % 3 > 0),
        (Filter(labels=(LabelCondition.parse("votes.right>=2"),)), lambda n: n % 3 == 2),
        (Filter(labels=(LabelCondition.parse("votes"),)), lambda n: True),
        (Filter(labels=(LabelCondition.parse("vote"),)), lambda n: False),
        (Filter(labels=(LabelCondition.parse("regret <= 0.5"),)), lambda n: n <= 150),
        (Filter(languages=("en",), labels=(LabelCondition.parse("regret"),), sources=("diary",)),
         lambda n: n % 3 and n % 5 == 0),
    ],
)  # fmt: skip
def test_filters_choose(memory: Open, chosen: Filter, holds: object, exact: bool) -> None:
    cases = memory()
    cases.add(made_up_cases(300))
    assert callable(holds)
    wanted = {f"0-{number}" for number in range(300) if holds(number)}
    assert set(ids(cases, chosen)) == wanted
    found = cases.nearest(vectors(1, 3)[0], 300, chosen, exact=exact)
    assert {one.case.id for one in found} == wanted
    assert [one.distance for one in found] == sorted(one.distance for one in found)


def test_equal_vectors_come_in_the_order_in_which_they_were_added(memory: Open) -> None:
    cases = memory()
    vector = vectors(1)[0]
    cases.add([make_case(name, vector, WIDTH, labels={}) for name in ("b", "a", "c")])
    assert [one.case.id for one in cases.nearest(vector, 2)] == ["b", "a"]
    assert cases.nearest(-vector, 1)[0].distance == pytest.approx(2.0, abs=1e-6)


def test_nothing_is_added_with_an_id_that_is_there(memory: Open) -> None:
    cases = memory()
    cases.add(made_up_cases(3))
    new = make_case("new", vectors(1, 4)[0], WIDTH, labels={})
    with pytest.raises(DataError, match="has a case '0-1' already; choose another id, or delete that one"):
        cases.add([new, made_up_cases(3)[1]])
    with pytest.raises(DataError, match="the id 'new' stands twice"):
        cases.add([new, new])
    assert ids(cases, EVERY) == ["0-0", "0-1", "0-2"]
    assert cases.known(["0-1", "new"]) == {"0-1"}


def test_vectors_of_another_encoder_are_refused_by_name(memory: Open) -> None:
    memory().add(made_up_cases(3))
    with pytest.raises(CaseMemoryError, match=r"has vectors of the encoder 'made_up', these are of 'another': .*name"):
        memory(OTHER)


def test_a_memory_is_made_only_for_an_encoder(memory: Open) -> None:
    with pytest.raises(MissingMemoryError, match=r"there is no memory of cases in .*redheart memory add or load"):
        memory(None)
    memory()
    assert len(memory(None)) == 0
    assert memory(None).nearest(vectors(1)[0]) == []


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([1.0] * 47, r"the vector has the shape \(47,\), the encoder's have \(48,\)"),
        ([[1.0] * 48], r"the vector has the shape \(1, 48\)"),
        ([1.0] * 47 + [float("nan")], "the vector holds nan at place 47; expects finite numbers"),
        ([float("inf")] + [1.0] * 47, "the vector holds inf at place 0"),
        ([0.0] * 48, "the vector is zero, as of a text of which the encoder knows no part"),
        ("words", "expects 48 numbers as vector, got str"),
    ],
)
def test_wrong_vectors_are_refused(memory: Open, vector: list[float], message: str) -> None:
    cases = memory()
    with pytest.raises(DataError, match=message):
        cases.nearest(vector)
    with pytest.raises(DataError, match=message):
        make_case("a", vector, WIDTH, labels={})


def test_a_number_of_neighbours_out_of_range_is_refused(memory: Open) -> None:
    cases = memory()
    for wrong in (0, -1, 1001, True):
        with pytest.raises(DataError, match=r"has to lie in 1\.\.1000"):
            cases.nearest(vectors(1)[0], wrong)


def test_retention_by_age_and_number_holds_when_cases_are_added(memory: Open) -> None:
    cases = memory()
    cases.add(made_up_cases(30))
    assert cases.retain(Retention(cases=10)) == 20
    assert ids(cases, EVERY) == [f"0-{number}" for number in range(20, 30)]
    now = datetime.now(UTC)
    cases.add([make_case("now", vectors(1, 2)[0], WIDTH, labels={}, time=now)])
    assert ids(cases, EVERY) == [*(f"0-{number}" for number in range(21, 30)), "now"]
    old = (now - (START + timedelta(days=24.5))).total_seconds() / 86_400
    assert cases.retain(Retention(days=old)) == 4  # 21..24
    assert memory(None).retention == Retention(days=old)
    assert cases.retain(Retention()) == 0
    cases.add(made_up_cases(20, seed=1))
    assert len(cases) == 26


def test_cases_that_grew_too_old_go_when_the_memory_is_opened(memory: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    added = datetime.now(UTC) + timedelta(hours=1)
    cases = memory()
    cases.retain(Retention(days=1e-6))
    cases.add(made_up_cases(2, time=added))
    assert len(cases) == 2

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp((added + timedelta(minutes=1)).timestamp(), tz)

    monkeypatch.setattr(sys.modules[type(cases).__module__], "datetime", Later)
    assert len(memory(None)) == 0


def test_exported_cases_are_the_same_in_another_memory(memory: Open, tmp_path: Path) -> None:
    cases = memory()
    cases.add(made_up_cases(20))
    head, *lines = export_lines(cases)
    assert parse_json(head)["encoder"]["parts"][0]["name"] == "made_up"
    given = read_cases(((f"line {number}", parse_json(line)) for number, line in enumerate(lines, 2)), WIDTH)
    (tmp_path / "other").mkdir()
    with in_file(tmp_path / "other") as opened:
        other = opened()
        other.add([case for _, case in given])
        assert list(export_lines(other)) == [head, *lines]


def test_threads_take_turns(memory: Open) -> None:
    cases = memory()
    failed: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for part in range(5):
                cases.add(made_up_cases(10, seed=100 * seed + part + 1))
                assert len(cases.nearest(vectors(1)[0], 5)) == 5
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(cases) == cases.verify() == 150


def test_several_who_have_it_open_see_what_the_others_do(memory: Open) -> None:
    one, other = memory(), memory()
    one.add(made_up_cases(400))
    query = next(iter(one.cases(Filter(ids=("0-7",))))).vector
    assert other.nearest(query, 1)[0].case.id == "0-7"
    one.delete(Filter(ids=("0-7",)))
    assert other.nearest(query, 1)[0].case.id != "0-7"
    other.add([make_case("again", query, WIDTH, labels={})])
    assert one.nearest(query, 1)[0].case.id == "again"


def test_a_deleted_case_leaves_no_bytes_in_the_data_of_a_server(server: Server) -> None:
    """The write-ahead log, which the server's administrator keeps, is left out."""
    if server.folder is None:
        pytest.skip("the files of a server elsewhere are out of reach")
    base = server.folder / "base"
    with in_database(server) as opened:
        cases = opened()
        cases.add(made_up_cases(60))
        gone, stays = cases.cases(Filter(ids=("0-7",))), cases.cases(Filter(ids=("0-8",)))
        vector, other = next(gone).vector.tobytes(), next(stays).vector.tobytes()
        _checkpoint(server)
        assert files_hold(base, b"<0-7>")
        assert files_hold(base, vector)
        assert cases.delete(Filter(ids=("0-7",))) == 1
        _checkpoint(server)
        assert not files_hold(base, b"<0-7>")
        assert not files_hold(base, vector)
        assert files_hold(base, b"<0-8>")
        assert files_hold(base, other)


def test_another_version_and_a_changed_row_of_a_server_are_refused(server: Server) -> None:
    import psycopg

    from redheart_core.memory.postgres_cases import PostgresCases

    with server.database() as address:
        with PostgresCases(address, IDENTITY) as cases:
            cases.add(made_up_cases(3))
            with psycopg.connect(address, autocommit=True) as rows:
                rows.execute("UPDATE redheart_memory.labels SET number = 7 WHERE key = 2")
                with pytest.raises(CaseMemoryError, match="is damaged: the case '0-1' and its seal disagree"):
                    cases.verify()
                rows.execute("UPDATE redheart_memory.meta SET value = '2' WHERE name = 'format'")
        with pytest.raises(CaseMemoryError, match="is a memory of format 2, expected is format 1"):
            PostgresCases(address, IDENTITY)


def test_vectors_that_pgvector_cannot_index_are_refused_before_anything_is_made(server: Server) -> None:
    from redheart_core.memory.postgres_cases import PostgresCases

    wide = EncoderIdentity((EncoderPart("wide", "1", "", 5000),), 200, "float32")
    with server.database() as address:
        with pytest.raises(CaseMemoryError, match="vectors of 5000 numbers are too wide for pgvector"):
            PostgresCases(address, wide)
        with pytest.raises(MissingMemoryError):
            PostgresCases(address, None)


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    from redheart_core.memory.opening import open_cases

    pytest.importorskip("psycopg")
    with pytest.raises(CaseMemoryError, match=r"^postgresql://127\.0\.0\.1:1/cases: there is no connection") as found:
        open_cases("postgresql://me:secret@127.0.0.1:1/cases?connect_timeout=2", IDENTITY)
    assert "secret" not in str(found.value)


def _checkpoint(server: Server) -> None:
    import psycopg

    with psycopg.connect(server.address.format(database="postgres"), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
