"""Files that users name, found under any Unicode form of their names."""

from __future__ import annotations

import unicodedata
from pathlib import Path


def find_path(path: Path) -> Path:
    """The path as it is on disk: as given, or with parts in composed (NFC) or decomposed (NFD) form.

    File systems differ: most keep the bytes of a name, HFS+ decomposes them, and copies travel between them.

    Returns:
        An existing path if there is one, else the path as given.
    """
    if path.exists():
        return path
    found = Path(path.anchor)
    for part in path.parts[1 if path.anchor else 0 :]:
        forms = (part, unicodedata.normalize("NFC", part), unicodedata.normalize("NFD", part))
        existing = next((found / form for form in forms if (found / form).exists()), None)
        if existing is None:
            return path
        found = existing
    return found
