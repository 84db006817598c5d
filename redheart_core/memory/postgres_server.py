"""The PostgreSQL database of a memory: opened or made, changed in transactions, and cleaned of what was deleted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from redheart_core.contract.errors import CaseMemoryError
from redheart_core.data.identity import EncoderIdentity
from redheart_core.memory.cases import (
    FORMAT,
    MissingMemoryError,
    Retention,
    damaged,
    identity_from,
    other_format,
    require_identity,
    to_text,
)
from redheart_core.memory.places import shown

Rows = psycopg.Connection[dict[str, Any]]

SCHEMA = "redheart_memory"
MOST_WIDTH = 4000
"""That pgvector indexes in half precision."""
LEAST_PGVECTOR = (0, 8)
"""The first one that goes on looking in an index until a filter lets enough cases pass."""
_WAIT_S = 60
_MAKING = 0x52484D43
"""Lock of those who make or open the tables."""


class PostgresServer:
    """An open database. Threads take turns."""

    def __init__(self, address: str, identity: EncoderIdentity | None) -> None:
        """Connect.

        Args:
            address: postgresql://USER@HOST/DATABASE.
            identity: Of the encoder that the caller uses; makes the tables if there are none. None opens any memory.

        Raises:
            CaseMemoryError: No server, no memory, pgvector is missing or too old, or the memory is of another version
                or encoder.
        """
        self.where = shown(address)
        self._lock = threading.RLock()
        with self._speaking():
            self._rows: Rows = psycopg.connect(address, autocommit=True, row_factory=dict_row)
        try:
            with self._speaking():
                self.identity = self._begin(identity)
            if self.meta("unclean"):
                self.clean()
        except BaseException:
            self._rows.close()
            raise

    def _begin(self, identity: EncoderIdentity | None) -> EncoderIdentity:
        """Settings of the connection, and the tables."""
        self._rows.execute(f"SET lock_timeout = '{_WAIT_S}s'")
        with self._rows.transaction():
            self._rows.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            there = self._rows.execute("SELECT to_regclass(%s) AS name", (f"{SCHEMA}.meta",)).fetchone()
            if there is None or there["name"] is None:
                if identity is None:
                    raise MissingMemoryError(self.where)
                self._make(identity)
        self._find_vector()
        found = self.meta("format")
        if found != str(FORMAT):
            raise other_format(self.where, found)
        own = identity_from(self.meta("encoder"), self.where)
        if identity is not None:
            require_identity(own, identity, self.where)
        return own

    def _make(self, identity: EncoderIdentity) -> None:
        if identity.width > MOST_WIDTH:
            raise CaseMemoryError(
                f"{self.where}: vectors of {identity.width} numbers are too wide for pgvector, which indexes up to "
                f"{MOST_WIDTH}; keep the memory in a file"
            )
        self._rows.execute("CREATE EXTENSION IF NOT EXISTS vector")
        self._find_vector()
        self._rows.execute(f"CREATE SCHEMA {SCHEMA}")
        self._rows.execute(f"SET LOCAL search_path = {SCHEMA}, {self._vector_schema()}")
        for statement in _TABLES.format(width=identity.width).split(";"):
            self._rows.execute(statement.encode())
        self.set_meta(format=str(FORMAT), encoder=to_text(identity), retention=to_text(Retention()), unclean="")

    def _find_vector(self) -> None:
        """Refuse a database without pgvector, or with an old one; and find names from now on."""
        row = self._rows.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        version = "none" if row is None else str(row["extversion"])
        if row is None or tuple(map(int, version.split(".")[:2])) < LEAST_PGVECTOR:
            least = ".".join(map(str, LEAST_PGVECTOR))
            raise CaseMemoryError(
                f"{self.where} needs the extension pgvector {least} or newer, has {version}; install it on the server "
                "and run CREATE EXTENSION vector (or ALTER EXTENSION vector UPDATE) there"
            )
        self._rows.execute(f"SET search_path = {SCHEMA}, {self._vector_schema()}")

    def _vector_schema(self) -> str:
        row = self._rows.execute(
            "SELECT quote_ident(nspname) AS name FROM pg_extension "
            "JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"
        ).fetchone()
        assert row is not None
        return str(row["name"])

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """What is read inside is one state of the database."""
        with self._lock, self._speaking(), self._rows.transaction():
            self._rows.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield self._rows

    @contextmanager
    def writing(self) -> Iterator[Rows]:
        """What is written inside is there as a whole, durably, or not at all."""
        with self._lock, self._speaking(), self._rows.transaction():
            yield self._rows

    def meta(self, name: str) -> str:
        """A value of the memory itself."""
        with self._lock, self._speaking():
            row = self._rows.execute(f"SELECT value FROM {SCHEMA}.meta WHERE name = %s", (name,)).fetchone()
        if row is None:
            raise damaged(self.where, f"it does not say its '{name}'")
        return str(row["value"])

    def set_meta(self, **values: str) -> None:
        """Change some."""
        with self._lock, self._speaking():
            for name, value in values.items():
                self._rows.execute(
                    f"INSERT INTO {SCHEMA}.meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = %s",
                    (name, value, value),
                )

    def clean(self) -> None:
        """Write the tables and indexes anew without what was deleted; the mark "unclean" falls when that is done.

        Whoever deletes in the meantime makes another mark.
        The server's write-ahead log, its archives and backups are its administrator's.

        Raises:
            CaseMemoryError: Another process keeps a table, or the disk is full.
        """
        mark = self.meta("unclean")
        with self._lock, self._speaking():
            for table in ("labels", "cases"):
                self._rows.execute(f"VACUUM (FULL, ANALYZE) {SCHEMA}.{table}")
            self._rows.execute(f"UPDATE {SCHEMA}.meta SET value = '' WHERE name = 'unclean' AND value = %s", (mark,))

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._rows.close()

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """What the server says, with what to do."""
        try:
            yield
        except psycopg.Error as error:
            raise _in_words(self.where, error) from error


def _in_words(where: str, error: psycopg.Error) -> Exception:
    """A message with a remedy for what the outside did; anything else is a bug and stays what it is."""
    said = " ".join(str(error).split())
    match error:
        case psycopg.errors.DiskFull():
            remedy = "the server's disk is full; free some space and try again (what was there before is untouched)"
        case psycopg.errors.LockNotAvailable() | psycopg.errors.QueryCanceled():
            remedy = f"another process has kept the tables for {_WAIT_S} s; wait for it"
        case psycopg.errors.InsufficientPrivilege():
            remedy = "this user may not do that; ask the server's administrator"
        case psycopg.errors.UndefinedFile() | psycopg.errors.FeatureNotSupported():
            remedy = "the server has no pgvector; install it there"
        case psycopg.errors.DataCorrupted() | psycopg.errors.IndexCorrupted():
            return damaged(where, said)
        case psycopg.OperationalError() | psycopg.ProgrammingError() if error.sqlstate is None:
            remedy = "there is no connection; check the address and that the server runs"
        case psycopg.OperationalError():
            remedy = "the server cannot do that now; try again"
        case _:
            return error
    return CaseMemoryError(f"{where}: {remedy} (PostgreSQL: {said})")


_TABLES = """
CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE cases (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    language text,
    source text,
    licence text,
    time bigint NOT NULL,
    text text,
    seal bytea NOT NULL,
    vector vector({width}) NOT NULL
);
CREATE INDEX cases_by_time ON cases (time, key);
CREATE INDEX cases_by_source ON cases (source);
CREATE INDEX cases_by_language ON cases (language);
CREATE INDEX cases_by_vector ON cases USING hnsw ((vector::halfvec({width})) halfvec_ip_ops)
    WITH (m = 16, ef_construction = 128);
CREATE TABLE labels (
    key bigint NOT NULL REFERENCES cases (key) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    number double precision NOT NULL,
    PRIMARY KEY (key, name)
);
CREATE INDEX labels_by_name ON labels (name, number)
"""
