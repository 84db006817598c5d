"""The SQLite file of a memory: opened or made, changed in transactions, and cleaned of what was deleted."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
from redheart_core.storage.files import make_folder, sync, writing

APPLICATION = 0x52484D43
"""Marks the file as a memory of cases ("RHMC")."""
WAIT_S = 60.0
"""For another process that writes."""
_PAGE_BYTES = 16_384
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE graphs (graph INTEGER PRIMARY KEY AUTOINCREMENT, content BLOB NOT NULL, seal BLOB NOT NULL);
CREATE TABLE cases (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    language TEXT,
    source TEXT,
    licence TEXT,
    time INTEGER NOT NULL,
    text TEXT,
    seal BLOB NOT NULL,
    graph INTEGER REFERENCES graphs (graph)
);
CREATE INDEX cases_by_graph ON cases (graph, key);
CREATE INDEX cases_by_time ON cases (time, key);
CREATE INDEX cases_by_source ON cases (source);
CREATE INDEX cases_by_language ON cases (language);
CREATE TABLE vectors (key INTEGER PRIMARY KEY REFERENCES cases (key) ON DELETE CASCADE, vector BLOB NOT NULL);
CREATE TABLE labels (
    key INTEGER NOT NULL REFERENCES cases (key) ON DELETE CASCADE,
    name TEXT NOT NULL,
    number REAL NOT NULL,
    PRIMARY KEY (key, name)
) WITHOUT ROWID;
CREATE INDEX labels_by_name ON labels (name, number);
"""


class SqliteFile:
    """An open memory file. Threads take turns."""

    def __init__(self, path: Path, identity: EncoderIdentity | None) -> None:
        """Open the file.

        Args:
            path: Of the file.
            identity: Of the encoder that the caller uses; makes the file if there is none. None opens any memory.

        Raises:
            CaseMemoryError: There is none, it is damaged, of another version or of another encoder.
            FileError: It cannot be made.
        """
        self.where = str(path)
        self._lock = threading.RLock()
        if identity is not None:
            _make_private(path)
        elif not path.is_file() or not path.stat().st_size:
            raise MissingMemoryError(self.where)
        with self._speaking():
            self._rows = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        self._rows.row_factory = sqlite3.Row
        try:
            self.identity = self._begin(identity)
            if self.meta("unclean"):
                self.clean()
        except BaseException:
            self._rows.close()
            raise

    def _begin(self, identity: EncoderIdentity | None) -> EncoderIdentity:
        """Settings of the connection, and the tables."""
        with self._speaking():
            application = self._pragma("application_id")
            if application == 0 and not self._rows.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                if identity is None:
                    raise MissingMemoryError(self.where)
                self._rows.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            elif application != APPLICATION:
                raise CaseMemoryError(f"{self.where} is an SQLite database of another program; choose another file")
            self._rows.execute("PRAGMA journal_mode = WAL")
            self._rows.execute("PRAGMA synchronous = FULL")
            self._rows.execute("PRAGMA foreign_keys = ON")
            self._rows.execute("PRAGMA trusted_schema = OFF")
            if self._rows.execute("PRAGMA secure_delete = ON").fetchone()[0] != 1:
                raise CaseMemoryError("this SQLite cannot overwrite what is deleted (secure_delete); use another build")
        if application == 0:
            assert identity is not None
            self._make(identity)
        found = self._pragma("user_version")
        if found != FORMAT:
            raise other_format(self.where, found)
        own = identity_from(self.meta("encoder"), self.where)
        if identity is not None:
            require_identity(own, identity, self.where)
        return own

    def _make(self, identity: EncoderIdentity) -> None:
        """Make the tables, unless another process has made them in the meantime."""
        with self.writing():
            if self._pragma("application_id") == APPLICATION:
                return
            for statement in _TABLES.split(";"):
                self._rows.execute(statement)
            self.set_meta(encoder=to_text(identity), retention=to_text(Retention()), changes="0", unclean="")
            self._rows.execute(f"PRAGMA application_id = {APPLICATION}")
            self._rows.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """What is read inside is one state of the file."""
        with self._lock, self._speaking():
            self._rows.execute("BEGIN")
            try:
                yield self._rows
            finally:
                self._rows.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """What is written inside is there as a whole, durably, or not at all."""
        with self._lock, self._speaking():
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield self._rows
                self._rows.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    self._rows.execute("ROLLBACK")
                raise

    def meta(self, name: str) -> str:
        """A value of the memory itself."""
        with self._lock, self._speaking():
            row = self._rows.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise damaged(self.where, f"it does not say its '{name}'")
        return str(row[0])

    def set_meta(self, **values: str) -> None:
        """Change some; inside of writing."""
        self._rows.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def clean(self) -> None:
        """Remove the bytes of what was deleted from the file and its log; the mark "unclean" falls when that is done.

        secure_delete overwrites deleted rows, but moving rows between pages leaves copies, which VACUUM drops; the old
        pages in the write-ahead log go when it is cut to nothing. Whoever deletes in the meantime makes another mark.

        Raises:
            CaseMemoryError: Another process still reads the old state, or the disk is full.
        """
        mark = self.meta("unclean")
        with self._lock, self._speaking():
            self._cut_log()
            self._rows.execute("VACUUM")
            self._cut_log()
        with self.writing():
            if self.meta("unclean") == mark:
                self.set_meta(unclean="")

    def _cut_log(self) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while self._rows.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:  # returns at once if another cuts it
            if time.monotonic() > deadline_s:
                raise CaseMemoryError(
                    f"{self.where}: the cases are deleted, but their bytes stay in its log while another process "
                    "reads; open the memory again when that has ended"
                )
            time.sleep(0.01)

    def check(self) -> None:
        """Compare the structure of the file with itself.

        Raises:
            CaseMemoryError: It is damaged.
        """
        with self._lock, self._speaking():
            found = [str(row[0]) for row in self._rows.execute("PRAGMA integrity_check(3)")]
            lost = self._rows.execute("PRAGMA foreign_key_check").fetchall()
        if found != ["ok"]:
            raise damaged(self.where, "; ".join(" ".join(one.split()) for one in found))
        if lost:
            raise damaged(self.where, f"{len(lost)} rows of {lost[0][0]} belong to no case")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._rows.close()

    def _pragma(self, name: str) -> int:
        return int(self._rows.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """What SQLite says, with what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise _in_words(self.where, error) from error


_REMEDIES = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and try again (what was there before is untouched)",
    sqlite3.SQLITE_IOERR: "the disk cannot be written or read; check its space, limits and health, and try again",
    sqlite3.SQLITE_BUSY: f"another process has been writing for {WAIT_S:.0f} s; wait for it",
    sqlite3.SQLITE_LOCKED: f"another process has been writing for {WAIT_S:.0f} s; wait for it",
    sqlite3.SQLITE_READONLY: "it may not be written; change its permissions or choose another file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and that you may write there",
    sqlite3.SQLITE_PERM: "it may not be opened; change its permissions or choose another file",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database, or its beginning is damaged; choose another file",
}


def _in_words(where: str, error: sqlite3.Error) -> Exception:
    """A message with a remedy for what the outside did; anything else is a bug and stays what it is."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT:
        return damaged(where, str(error))
    if code in _REMEDIES:
        return CaseMemoryError(f"{where}: {_REMEDIES[code]} (SQLite: {error})")
    return error


def _make_private(path: Path) -> None:
    """Make an empty file that its owner alone may read, unless it is there; the log beside it has the same rights."""
    make_folder(path.parent)
    with writing(path):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
        sync(path.parent)
