"""Which backend keeps a memory: what looks like an address of PostgreSQL, or a file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from redheart_core.contract.errors import CaseMemoryError
from redheart_core.data.identity import EncoderIdentity
from redheart_core.memory.cases import Cases, MissingMemoryError
from redheart_core.memory.places import is_postgres
from redheart_core.storage.paths import find_path


def open_cases(where: str | Path, identity: EncoderIdentity | None = None) -> Cases:
    """Open a memory of cases.

    Args:
        where: A file, or the address of a PostgreSQL database, postgresql://USER@HOST/DATABASE.
        identity: Of the encoder whose vectors are added or searched for; with it a memory is made where there is none.
            None opens a memory of any encoder.

    Raises:
        CaseMemoryError: There is none, it is damaged, of another version or of another encoder, or what keeps it is
            not installed.
        FileError: The file cannot be made.
    """
    if is_postgres(where):
        _require("psycopg", "postgres", "a memory in PostgreSQL")
        from redheart_core.memory.postgres_cases import PostgresCases

        return PostgresCases(str(where), identity)
    _require("usearch", "memory", "a memory in a file")
    from redheart_core.memory.sqlite_cases import SqliteCases

    return SqliteCases(find_path(where), identity)


def find_cases(where: str | Path) -> Cases | None:
    """A memory of any encoder; None if there is none.

    Raises:
        CaseMemoryError: As open_cases.
    """
    try:
        return open_cases(where)
    except MissingMemoryError:
        return None


def _require(package: str, extra: str, what: str) -> None:
    if find_spec(package) is None:
        raise CaseMemoryError(f"{what} needs {package}; pip install 'redheart[{extra}]'")
