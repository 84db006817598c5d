"""Files of runs and models that a test changes, with a seal that fits what they then hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from redheart_core.storage.sealed import sealed_line, write_sealed


def change(file: Path, edit: Callable[[Any], object]) -> None:
    """Change the table of a sealed file and seal it again."""
    table = json.loads(file.read_text(encoding="utf-8"))
    edit(table)
    write_sealed(file, table)


def contents(file: Path) -> dict[str, Any]:
    """What a sealed file holds, without what says which kind of file it is."""
    table = json.loads(file.read_text(encoding="utf-8"))
    return {key: value for key, value in table.items() if key not in ("kind", "format", "seal")}


def write_lines(file: Path, tables: Iterable[Mapping[str, Any]]) -> None:
    """A log of these tables."""
    file.write_bytes(b"".join(map(sealed_line, tables)))
