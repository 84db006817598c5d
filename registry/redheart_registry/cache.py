"""Small JSON files in the user's cache folder, one set for each Python environment."""

from __future__ import annotations

import contextlib
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
    return user_cache_path("redheart", appauthor=False) / f"{name}-{environment}.json"


def read_cache(name: str) -> Any:
    """What was written; None if there is nothing or it is no JSON, since finding out again is always right."""
    try:
        return json.loads(cache_file(name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_cache(name: str, value: Any) -> None:
    """Keep a value; a folder that cannot be written costs time only."""
    path = cache_file(name)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        partial.write_text(json.dumps(value), encoding="utf-8")
        partial.replace(path)
