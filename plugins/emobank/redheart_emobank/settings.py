"""The [plugins.emobank] table and the field that the data set holds."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core import CATALOGUE


@attrs.frozen
class EmobankSettings:
    """Where the file is."""

    path: Path | None = None
    """Folder with emobank.csv; required for reading."""


FIELDS = (CATALOGUE["vad"],)
