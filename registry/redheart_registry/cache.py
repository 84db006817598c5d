"""Small JSON files in the user's cache folder, one set for each Python environment, each with its SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any


def cache_file(name: str) -> Path:
    """Where the file of that name lies."""
    from platformdirs import user_cache_path  # only listing needs it

    environment = f"{zlib.crc32(sys.prefix.encode()):08x}"
    return user_cache_path("redheart", appauthor=False) / f"{name}-{environment}.cache"


def read_cache(name: str) -> Any:
    """What was written; None if there is nothing or it is damaged, since finding out again is always right."""
    try:
        seal, _, content = cache_file(name).read_bytes().partition(b"\n")
    except OSError:
        return None
    return json.loads(content) if seal == _seal(content) else None


def write_cache(name: str, value: Any) -> None:
    """Keep a value; a folder that cannot be written costs time only."""
    path, content = cache_file(name), json.dumps(value).encode()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        partial.write_bytes(_seal(content) + b"\n" + content)
        partial.replace(path)


def _seal(content: bytes) -> bytes:
    """The first line of a file: the SHA-256 of the rest."""
    return hashlib.sha256(content).hexdigest().encode()
