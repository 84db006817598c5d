"""Cases in an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.errors import DataError
from redheart_core.data.identity import EncoderIdentity
from redheart_core.memory.case import Case, Neighbour, micros
from redheart_core.memory.cases import (
    Retention,
    check_k,
    check_new,
    damaged,
    nearest_places,
    older_than,
    read_case,
    retention_from,
    to_text,
)
from redheart_core.memory.filters import EVERY, SQLITE, Filter
from redheart_core.memory.graphs import GRAPH_CASES, Loaded, Near, build_graph, largest, seal_of
from redheart_core.memory.sqlite_file import SqliteFile
from redheart_core.memory.vectors import Vector, spare, unit

_BLOCK = 4096
"""Vectors that are read together."""
_FEW = 4096
"""About so many chosen cases are compared one by one; for more it takes less time to follow graphs."""
_SAMPLE = 500
"""Cases by which it is estimated how many are chosen."""
_AMONG = SQLITE.among


class SqliteCases:
    """See redheart_core.memory.cases.Cases."""

    def __init__(
        self, path: Path, identity: EncoderIdentity | None, graph_cases: int = GRAPH_CASES, seed: int = 0
    ) -> None:
        """Open or make a file; see SqliteFile.

        Args:
            path: The file.
            identity: Of the encoder.
            graph_cases: So many cases have a graph together.
            seed: Of the sample by which each search estimates how many cases are chosen; equal searches draw the same.
        """
        self._file, self._seed = SqliteFile(path, identity), seed
        self._graph_cases = graph_cases
        self._loaded = Loaded(self._file.identity.width)
        self._expire()

    @property
    def where(self) -> str:
        return self._file.where

    @property
    def identity(self) -> EncoderIdentity:
        return self._file.identity

    @property
    def retention(self) -> Retention:
        return retention_from(self._file.meta("retention"), self.where)

    def __len__(self) -> int:
        with self._file.reading() as rows:
            return int(rows.execute("SELECT count(*) FROM cases").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def add(self, cases: Sequence[Case]) -> None:
        check_new(cases, self.identity.width)
        with self._file.writing() as rows:
            for case in cases:
                _insert(rows, case)
            self._file.set_meta(changes=str(int(self._file.meta("changes")) + 1))
        self._expire()
        self._build_graphs()

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        with self._file.reading() as rows:
            found = rows.execute(f"SELECT id FROM cases WHERE id {_AMONG}", (SQLITE.pack(ids),))
            return frozenset(row["id"] for row in found)

    def nearest(self, vector: Vector, k: int = 10, chosen: Filter = EVERY, *, exact: bool = False) -> list[Neighbour]:
        check_k(k)
        query = unit(vector, self.identity.width, "the vector to search for")
        with self._file.reading() as rows:
            if exact:
                keys = self._scan(rows, query, spare(k), chosen)
            elif chosen and self._few(rows, chosen, np.random.default_rng(self._seed)):
                keys = self._compare(rows, query, spare(k), chosen)
            else:
                keys = self._follow(rows, query, k, chosen)
            candidates, vectors = self._vectors(rows, keys)
            places = nearest_places(query, candidates, vectors, k)
            found = dict(self._read(rows, [key for key, _ in places]))
            return [Neighbour(found[key], distance) for key, distance in places]

    def cases(self, chosen: Filter = EVERY) -> Iterator[Case]:
        condition, values = chosen.sql(SQLITE)
        last = 0
        while True:
            with self._file.reading() as rows:
                found = rows.execute(
                    f"SELECT key FROM cases WHERE key > ? AND {condition} ORDER BY key LIMIT 1000", (last, *values)
                )
                keys = [int(row["key"]) for row in found]
                read = [case for _, case in self._read(rows, keys)]
            if not keys:
                return
            yield from read
            last = keys[-1]

    def delete(self, chosen: Filter) -> int:
        condition, values = chosen.sql(SQLITE)
        deleted = self._delete(condition, values)
        if deleted:
            self._build_graphs()
        return deleted

    def retain(self, retention: Retention) -> int:
        with self._file.writing():
            self._file.set_meta(retention=to_text(retention))
        deleted = self._expire()
        self._build_graphs()
        return deleted

    def verify(self) -> int:
        self._file.check()
        count = sum(1 for _ in self.cases())
        with self._file.reading() as rows:
            for row in rows.execute("SELECT graph, content, seal FROM graphs"):
                if seal_of(row["content"]) != row["seal"]:
                    raise damaged(self.where, f"graph {row['graph']} and its seal disagree")
        return count

    def _expire(self) -> int:
        """Delete what is beyond the retention."""
        retention, deleted = self.retention, 0
        if retention.days is not None:
            condition, values = older_than(retention, datetime.now(UTC)).sql(SQLITE)
            deleted += self._delete(condition, values)
        if retention.cases is not None and (excess := len(self) - retention.cases) > 0:
            oldest = "cases.key IN (SELECT key FROM cases ORDER BY time, key LIMIT ?)"
            deleted += self._delete(oldest, [excess])
        return deleted

    def _delete(self, condition: str, values: list[Any]) -> int:
        """Delete cases and the graphs that hold them, then their bytes."""
        with self._file.reading() as rows:  # which waits for nobody
            if not rows.execute(f"SELECT 1 FROM cases WHERE {condition} LIMIT 1", values).fetchone():
                return 0
        with self._file.writing() as rows:
            graphs = [
                row["graph"]
                for row in rows.execute(
                    f"SELECT DISTINCT graph FROM cases WHERE graph IS NOT NULL AND {condition}", values
                )
            ]
            deleted = rows.execute(f"DELETE FROM cases WHERE {condition}", values).rowcount
            for graph in graphs:
                rows.execute("UPDATE cases SET graph = NULL WHERE graph = ?", (graph,))
                rows.execute("DELETE FROM graphs WHERE graph = ?", (graph,))
            changes = str(int(self._file.meta("changes")) + 1)
            self._file.set_meta(changes=changes, unclean=changes)
        self._file.clean()
        return deleted

    def _build_graphs(self) -> None:
        """Make graphs as long as enough cases are in none; nobody waits for that but the caller."""
        while True:
            with self._file.reading() as rows:
                found = rows.execute(
                    "SELECT key FROM cases WHERE graph IS NULL ORDER BY key LIMIT ?", (self._graph_cases,)
                )
                keys = [int(row["key"]) for row in found]
                if len(keys) < self._graph_cases:
                    return
                _, vectors = self._vectors(rows, keys)
            content, packed = build_graph(np.asarray(keys), vectors), SQLITE.pack(keys)
            with self._file.writing() as rows:
                free = rows.execute(
                    f"SELECT count(*) FROM cases WHERE graph IS NULL AND key {_AMONG}", (packed,)
                ).fetchone()[0]
                if free < len(keys):
                    continue  # another process has deleted one of them, or built the graph
                graph = rows.execute(
                    "INSERT INTO graphs (content, seal) VALUES (?, ?)", (content, seal_of(content))
                ).lastrowid
                rows.execute(f"UPDATE cases SET graph = ? WHERE key {_AMONG}", (graph, packed))
                self._file.set_meta(changes=str(int(self._file.meta("changes")) + 1))

    def _few(self, rows: sqlite3.Connection, chosen: Filter, draw: np.random.Generator) -> bool:
        """Whether so few cases seem to be chosen that each can be compared; counting them all may take longer."""
        last = int(rows.execute("SELECT coalesce(max(key), 0) FROM cases").fetchone()[0])
        sample = np.unique(draw.integers(1, last + 1, _SAMPLE) if last > _SAMPLE else [])
        condition, values = chosen.sql_of_few(SQLITE)
        seen, passed = rows.execute(
            f"SELECT count(*), coalesce(sum({condition}), 0) FROM cases WHERE key {_AMONG}",
            (*values, SQLITE.pack(sample.tolist())),
        ).fetchone()
        return int(passed) * self._load(rows).count <= _FEW * int(seen)

    def _compare(self, rows: sqlite3.Connection, query: NDArray[np.float32], most: int, chosen: Filter) -> list[int]:
        """Keys of the nearest of all chosen cases, by the vectors that are loaded."""
        condition, values = chosen.sql(SQLITE)
        keys = [row[0] for row in rows.execute(f"SELECT cases.key FROM cases WHERE {condition}", values)]
        return self._load(rows).among(np.array(keys, np.int64), query).best(most)

    def _scan(self, rows: sqlite3.Connection, query: NDArray[np.float32], most: int, chosen: Filter) -> list[int]:
        """Keys of the nearest of all chosen cases, from the file."""
        condition, values = chosen.sql(SQLITE)
        source = f"cases CROSS JOIN vectors USING (key) WHERE {condition}" if chosen else "vectors"  # in this order
        cursor = rows.execute(f"SELECT vectors.key, vector FROM {source}", values)
        keys, products = np.empty(0, np.int64), np.empty(0, np.float32)
        while block := cursor.fetchmany(_BLOCK):
            vectors = _matrix([row["vector"] for row in block], self.identity.width)
            keys = np.concatenate([keys, np.array([row["key"] for row in block], np.int64)])
            products = np.concatenate([products, vectors @ query])
            best = largest(products, most)
            keys, products = keys[best], products[best]
        return [int(key) for key in keys]

    def _follow(self, rows: sqlite3.Connection, query: NDArray[np.float32], k: int, chosen: Filter) -> list[int]:
        """Keys of cases near a vector, the best of those near it in each graph and among the cases in none.

        Each part gives its nearest cases, at first as many as are needed without a filter. A part whose last one is
        farther than the k-th chosen one of all holds no nearer one; the others are asked for more.
        """
        loaded, most = self._load(rows), spare(k)
        condition, values = chosen.sql_of_few(SQLITE)
        sql = f"SELECT key FROM cases WHERE key {_AMONG} AND {condition}"
        parts, found = list(enumerate(loaded.parts)), dict[int, Near]()
        while parts:
            near = {place: loaded.near(part, query, most) for place, part in parts}
            if chosen:
                packed = SQLITE.pack(Near.joined(list(near.values())).keys.tolist())
                passed = [int(row["key"]) for row in rows.execute(sql, (packed, *values))]
                found |= {place: one.only(passed) for place, one in near.items()}
            else:
                found |= near
            enough = Near.joined(list(found.values())).product_of(k)
            parts = [
                (place, part)
                for place, part in parts
                if len(near[place].keys) == most and near[place].products.min() > enough
            ]
            most *= 4
        return Near.joined(list(found.values())).best(spare(k))

    def _load(self, rows: sqlite3.Connection) -> Loaded:
        """Graphs and single vectors as the file has them now."""
        loaded, changes = self._loaded, self._file.meta("changes")
        if loaded.changes != changes:
            graphs = [int(row["graph"]) for row in rows.execute("SELECT graph FROM graphs")]
            single = [int(row["key"]) for row in rows.execute("SELECT key FROM cases WHERE graph IS NULL")]
            new_graphs, new_keys = loaded.keep(graphs, single)
            for number in new_graphs:
                row = rows.execute("SELECT content, seal FROM graphs WHERE graph = ?", (number,)).fetchone()
                if seal_of(row["content"]) != row["seal"]:
                    raise damaged(self.where, f"graph {number} and its seal disagree")
                loaded.add_graph(number, row["content"])
            loaded.add_vectors(*self._vectors(rows, new_keys))
            loaded.changes = changes
        return loaded

    def _vectors(self, rows: sqlite3.Connection, keys: Sequence[int]) -> tuple[list[int], NDArray[np.float32]]:
        """Keys in ascending order with their vectors (N, D)."""
        found = rows.execute(
            f"SELECT key, vector FROM vectors WHERE key {_AMONG} ORDER BY key", (SQLITE.pack(keys),)
        ).fetchall()
        return [int(row["key"]) for row in found], _matrix([row["vector"] for row in found], self.identity.width)

    def _read(self, rows: sqlite3.Connection, keys: Sequence[int]) -> list[tuple[int, Case]]:
        """Whole cases, in the order of their keys."""
        packed = (SQLITE.pack(keys),)
        labels: dict[int, dict[str, float]] = {key: {} for key in keys}
        for row in rows.execute(f"SELECT key, name, number FROM labels WHERE key {_AMONG}", packed):
            labels[row["key"]][row["name"]] = row["number"]
        found = rows.execute(
            f"SELECT * FROM cases JOIN vectors USING (key) WHERE cases.key {_AMONG} ORDER BY cases.key", packed
        ).fetchall()
        if len(found) != len(keys):
            raise damaged(self.where, f"{len(keys) - len(found)} cases have no vector")
        return [(int(row["key"]), read_case(row, labels[row["key"]], self.where)) for row in found]


def _insert(rows: sqlite3.Connection, case: Case) -> None:
    try:
        key = rows.execute(
            "INSERT INTO cases (id, language, source, licence, time, text, seal) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (case.id, case.language, case.source, case.licence, micros(case.time), case.text, case.seal()),
        ).lastrowid
    except sqlite3.IntegrityError as error:
        raise DataError(f"the memory has a case '{case.id}' already; choose another id, or delete that one") from error
    rows.execute("INSERT INTO vectors VALUES (?, ?)", (key, case.vector.astype("<f4").tobytes()))
    rows.executemany("INSERT INTO labels VALUES (?, ?, ?)", [(key, *item) for item in case.labels.items()])


def _matrix(vectors: Sequence[bytes], width: int) -> NDArray[np.float32]:
    return np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), width)
