"""The [plugins.kote] table and the field that the data set holds."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core import CATALOGUE


@attrs.frozen
class KoteSettings:
    """Where the files are."""

    path: Path | None = None
    """Folder with train.tsv and val.tsv, of which val.tsv becomes the test split, or with one of them, which
    redheart then splits; required for reading."""


FIELDS = (CATALOGUE["kote"],)
