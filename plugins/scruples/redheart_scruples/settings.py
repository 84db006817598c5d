"""The [plugins.scruples] table and the field that the data set holds."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core import CATALOGUE


@attrs.frozen
class ScruplesSettings:
    """Where the files are and how their text is put together."""

    path: Path | None = None
    """Folder with train.scruples-anecdotes.jsonl and dev.scruples-anecdotes.jsonl, plain or with .gz at
    their end; required for reading."""
    with_title: bool = True
    """Put the title in front of the text, as a paragraph of its own."""


FIELDS = (CATALOGUE["votes"],)
