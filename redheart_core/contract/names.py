"""Names of columns, labels, fields and settings are compared in Unicode's composed form (NFC)."""

from __future__ import annotations

import unicodedata


def composed(name: str) -> str:
    """The name in NFC, so that Korean or accented letters typed on any system are the same."""
    return unicodedata.normalize("NFC", name)
