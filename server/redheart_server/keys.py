"""API keys: a file that holds a digest of each token, never the token.

A token has 256 random bits, so that there is nothing to guess, and a slow digest such as scrypt would only cost every
request its time; SHA-256 is enough (NIST SP 800-63B asks for a slow one where people choose the secret).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import attrs
from attrs.validators import and_, ge, in_, instance_of, le, matches_re

from redheart_core.contract.errors import SettingsError
from redheart_core.storage.files import read_json, to_json, write_atomically
from redheart_core.storage.locks import updating
from redheart_core.storage.structuring import structure, unstructure

SCOPES = ("analyze", "decide", "memory", "metrics", "read")
"""What a key may ask for; read is models and plugins."""
FORMAT = 1
_PREFIX = "rh"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@attrs.frozen
class Key:
    """What is known of a token."""

    id: str
    """Stands in the token, so that the owner of one that turns up somewhere is known."""
    name: str = attrs.field(validator=matches_re(_NAME))
    scopes: tuple[str, ...] = attrs.field(validator=lambda _, __, given: _check_scopes(given))
    per_minute: int = attrs.field(validator=and_(instance_of(int), ge(1), le(1_000_000)))
    """Requests, evenly; those of ten seconds may come at once."""
    sha256: str = attrs.field(validator=matches_re("[0-9a-f]{64}"))
    made: str
    """When, in UTC."""
    revoked: str | None = None
    """Likewise; None of a key that is good."""


@attrs.frozen
class _File:
    format: int = attrs.field(validator=in_([FORMAT]))
    keys: tuple[Key, ...] = ()


def _check_scopes(given: Sequence[str]) -> None:
    unknown = sorted(set(given) - set(SCOPES))
    if unknown or not given or len(set(given)) < len(given):
        said = f"there is no scope {', '.join(unknown)}" if unknown else "a key needs scopes, each once"
        raise ValueError(f"{said} (scopes: {', '.join(SCOPES)})")


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        SettingsError: It is missing or damaged, or others may write to it.
    """
    value = read_json(path, SettingsError)
    if os.name == "posix" and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsError(f"{path}: others may write to it, so that anybody could add a key; chmod 600 {path}")
    return structure(value, _File, str(path), SettingsError).keys


def add_key(path: Path, name: str, scopes: Iterable[str], per_minute: int) -> str:
    """Add a key to a file, which is made if there is none; returns its token, which nothing holds afterwards.

    Raises:
        SettingsError: The name is taken, or a value is wrong.
        FileError: The file cannot be written.
    """
    id_, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = f"{_PREFIX}_{id_}_{secret}"
    try:
        key = Key(id_, name, tuple(scopes), per_minute, digest(token), _now())
    except (TypeError, ValueError) as error:
        said = "a name has 1 to 64 letters, digits, '.', '_' and '-'" if not _NAME.fullmatch(name) else error.args[0]
        raise SettingsError(f"key {name!r:.80}: {said}") from error
    with updating(path.absolute().parent):
        known = read_keys(path) if path.exists() else ()
        if any(one.name == name and one.revoked is None for one in known):
            raise SettingsError(f"{path}: there is a key {name} already; revoke it first, or choose another name")
        _write(path, (*known, key))
    return token


def revoke_key(path: Path, name: str) -> Key:
    """Revoke the key of a name; a server that runs has to read the file again (SIGHUP).

    Raises:
        SettingsError: There is no good key of that name.
        FileError: The file cannot be written.
    """
    with updating(path.absolute().parent):
        known = read_keys(path)
        good = [one for one in known if one.name == name and one.revoked is None]
        if not good:
            names = ", ".join(sorted(one.name for one in known if one.revoked is None)) or "none"
            raise SettingsError(f"{path}: there is no key {name!r:.80} to revoke (keys: {names})")
        revoked = attrs.evolve(good[0], revoked=_now())
        _write(path, tuple(revoked if one is good[0] else one for one in known))
    return revoked


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def find_key(keys: Sequence[Key], token: str) -> Key | None:
    """The good key of a token, in a time that says nothing of the digests."""
    given, found = digest(token), None
    for key in keys:
        if hmac.compare_digest(key.sha256, given) and key.revoked is None:
            found = key
    return found


def _write(path: Path, keys: tuple[Key, ...]) -> None:
    content = to_json(unstructure(_File(FORMAT, keys)))

    def write(file: BinaryIO) -> None:
        if os.name == "posix":
            os.fchmod(file.fileno(), 0o600)  # before there is something to read
        file.write(content)

    write_atomically(path, write)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
