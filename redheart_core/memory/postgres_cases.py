"""Cases in a PostgreSQL database with pgvector."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import numpy as np
import psycopg
from numpy.typing import NDArray

from redheart_core.contract.errors import DataError
from redheart_core.data.identity import EncoderIdentity
from redheart_core.memory.case import Case, Neighbour, micros
from redheart_core.memory.cases import (
    Retention,
    check_k,
    check_new,
    nearest_places,
    older_than,
    read_case,
    retention_from,
    to_text,
)
from redheart_core.memory.filters import EVERY, POSTGRES, Filter
from redheart_core.memory.postgres_server import PostgresServer, Rows
from redheart_core.memory.vectors import Vector, spare, unit

_FEW = 4096
"""So many chosen cases are compared one by one."""
_EXPANSION_SEARCH = 64


class PostgresCases:
    """See redheart_core.memory.cases.Cases."""

    def __init__(self, address: str, identity: EncoderIdentity | None) -> None:
        """Open or make a memory; see PostgresServer."""
        self._server = PostgresServer(address, identity)
        self._expire()

    @property
    def where(self) -> str:
        return self._server.where

    @property
    def identity(self) -> EncoderIdentity:
        return self._server.identity

    @property
    def retention(self) -> Retention:
        return retention_from(self._server.meta("retention"), self.where)

    def __len__(self) -> int:
        with self._server.reading() as rows:
            return _number(rows, "SELECT count(*) AS number FROM cases")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._server.close()

    def add(self, cases: Sequence[Case]) -> None:
        check_new(cases, self.identity.width)
        with self._server.writing() as rows:
            for case in cases:
                _insert(rows, case)
        self._expire()

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        with self._server.reading() as rows:
            return frozenset(row["id"] for row in rows.execute("SELECT id FROM cases WHERE id = ANY(%s)", (list(ids),)))

    def nearest(self, vector: Vector, k: int = 10, chosen: Filter = EVERY, *, exact: bool = False) -> list[Neighbour]:
        check_k(k)
        query = unit(vector, self.identity.width, "the vector to search for")
        with self._server.reading() as rows:
            keys, vectors = self._candidates(rows, query, k, chosen, exact or bool(chosen and self._few(rows, chosen)))
            places = nearest_places(query, keys, vectors, k)
            found = dict(self._read(rows, [key for key, _ in places]))
            return [Neighbour(found[key], distance) for key, distance in places]

    def cases(self, chosen: Filter = EVERY) -> Iterator[Case]:
        condition, values = chosen.sql(POSTGRES)
        last = 0
        while True:
            with self._server.reading() as rows:
                sql = f"SELECT key FROM cases WHERE key > %s AND {condition} ORDER BY key LIMIT 1000"
                keys = [int(row["key"]) for row in rows.execute(sql.encode(), (last, *values))]
                read = [case for _, case in self._read(rows, keys)]
            if not keys:
                return
            yield from read
            last = keys[-1]

    def delete(self, chosen: Filter) -> int:
        condition, values = chosen.sql(POSTGRES)
        return self._delete(condition, values)

    def retain(self, retention: Retention) -> int:
        self._server.set_meta(retention=to_text(retention))
        return self._expire()

    def verify(self) -> int:
        return sum(1 for _ in self.cases())

    def _expire(self) -> int:
        """Delete what is beyond the retention."""
        retention, deleted = self.retention, 0
        if retention.days is not None:
            condition, values = older_than(retention, datetime.now(UTC)).sql(POSTGRES)
            deleted += self._delete(condition, values)
        if retention.cases is not None and (excess := len(self) - retention.cases) > 0:
            oldest = "cases.key IN (SELECT key FROM cases ORDER BY time, key LIMIT %s)"
            deleted += self._delete(oldest, [excess])
        return deleted

    def _delete(self, condition: str, values: list[Any]) -> int:
        """Delete cases, then their bytes."""
        with self._server.writing() as rows:
            deleted = rows.execute(f"DELETE FROM cases WHERE {condition}".encode(), values).rowcount
            if deleted:
                self._server.set_meta(unclean=uuid.uuid4().hex)
        if deleted:
            self._server.clean()
        return deleted

    def _few(self, rows: Rows, chosen: Filter) -> bool:
        """Whether so few cases are chosen that each can be compared."""
        condition, values = chosen.sql(POSTGRES)
        sql = f"SELECT count(*) AS number FROM (SELECT 1 FROM cases WHERE {condition} LIMIT %s) AS few"
        return _number(rows, sql, [*values, _FEW + 1]) <= _FEW

    def _candidates(
        self, rows: Rows, query: NDArray[np.float32], k: int, chosen: Filter, exact: bool
    ) -> tuple[list[int], NDArray[np.float32]]:
        """Keys and vectors of cases near a vector, from the index or by comparing each chosen case."""
        condition, values = chosen.sql(POSTGRES)
        width, most = self.identity.width, spare(k)
        distance = "vector <#> %s::vector" if exact else f"(vector::halfvec({width})) <#> %s::halfvec({width})"
        if not exact:
            rows.execute(f"SET LOCAL hnsw.ef_search = {min(1000, max(_EXPANSION_SEARCH, most))}".encode())
            rows.execute("SET LOCAL hnsw.iterative_scan = strict_order")
        sql = f"SELECT key, vector_send(vector) AS vector FROM cases WHERE {condition} ORDER BY {distance} LIMIT %s"
        found = rows.execute(sql.encode(), (*values, _written(query), most)).fetchall()
        return [int(row["key"]) for row in found], _matrix([row["vector"] for row in found], width)

    def _read(self, rows: Rows, keys: Sequence[int]) -> list[tuple[int, Case]]:
        """Whole cases, in the order of their keys."""
        packed = (list(keys),)
        labels: dict[int, dict[str, float]] = {key: {} for key in keys}
        for row in rows.execute("SELECT key, name, number FROM labels WHERE key = ANY(%s)", packed):
            labels[row["key"]][row["name"]] = row["number"]
        found = rows.execute(
            "SELECT key, id, language, source, licence, time, text, seal, vector_send(vector) AS vector FROM cases "
            "WHERE key = ANY(%s) ORDER BY key",
            packed,
        )
        return [
            (
                int(row["key"]),
                read_case(
                    {**row, "vector": _matrix([row["vector"]], self.identity.width).tobytes()},
                    labels[row["key"]],
                    self.where,
                ),
            )
            for row in found
        ]


def _insert(rows: Rows, case: Case) -> None:
    try:
        key = _number(
            rows,
            "INSERT INTO cases (id, language, source, licence, time, text, seal, vector) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s::vector) RETURNING key AS number",
            [
                *(case.id, case.language, case.source, case.licence, micros(case.time), case.text, case.seal()),
                _written(case.vector),
            ],
        )
    except psycopg.errors.UniqueViolation as error:
        raise DataError(f"the memory has a case '{case.id}' already; choose another id, or delete that one") from error
    with rows.cursor() as cursor:
        cursor.executemany("INSERT INTO labels VALUES (%s, %s, %s)", [(key, *item) for item in case.labels.items()])


def _number(rows: Rows, sql: str, values: Sequence[Any] = ()) -> int:
    row = rows.execute(sql.encode(), values).fetchone()
    assert row is not None
    return int(row["number"])


def _written(vector: NDArray[np.float32]) -> str:
    """As pgvector reads it; nine digits give every float32 bit for bit."""
    return "[" + ",".join(f"{number:.9g}" for number in vector.tolist()) + "]"


def _matrix(sent: Sequence[bytes], width: int) -> NDArray[np.float32]:
    """(N, D) of what vector_send gives: two numbers of 16 bits, and the vector's in the byte order of the network."""
    joined = b"".join(bytes(one)[4:] for one in sent)
    return np.frombuffer(joined, ">f4").astype(np.float32).reshape(len(sent), width)
