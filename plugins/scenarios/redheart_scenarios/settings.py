"""The [plugins.scenarios] table and the fields that the data set holds."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core import CATALOGUE


@attrs.frozen
class ScenariosSettings:
    """Where the files are and how their text is put together."""

    path: Path | None = None
    """Folder with train.jsonl.gz and dev.jsonl.gz, or the same unpacked; required for reading."""
    with_title: bool = True
    """Put the title in front of the text, as a paragraph of its own."""


FIELDS = (
    CATALOGUE["emotion"],
    CATALOGUE["regret"],
    CATALOGUE["bentham"].with_labels("intensity", "duration", "certainty", "propinquity"),
    CATALOGUE["choice_factors"],
    CATALOGUE["votes"],
)
