"""A warning about data."""

from __future__ import annotations

import attrs


@attrs.frozen
class DataWarning:
    """Something about the data that spoils results."""

    field: str
    """Or "text"."""
    what: str
    why: str
    """Why it matters."""
    remedy: str

    def __str__(self) -> str:
        return f"warning: {self.field}: {self.what}\n  why: {self.why}\n  remedy: {self.remedy}"
