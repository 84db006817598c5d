"""Where a memory is: a file, or the address of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(where: str | Path) -> bool:
    """Whether it is an address of PostgreSQL."""
    return str(where).startswith(_POSTGRES)


def shown(where: str | Path) -> str:
    """The place for messages, without user, password and options."""
    if not is_postgres(where):
        return str(where)
    parts = urlsplit(str(where))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
