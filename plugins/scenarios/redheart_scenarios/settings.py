"""The [plugins.scenarios] table and the fields that the data set holds."""

from __future__ import annotations

from pathlib import Path

import attrs
from attrs.validators import ge, optional

from redheart_core import CATALOGUE


@attrs.frozen
class ScenariosSettings:
    """Where the files are and how their text is put together."""

    path: Path | None = None
    """Folder with train.jsonl.gz and dev.jsonl.gz, or the same unpacked; required for reading."""
    with_title: bool = True
    """Put the title in front of the text, as a paragraph of its own."""
    first_chars: int | None = attrs.field(default=None, validator=optional(ge(1)))
    """Cut the text, title included, after so many characters; all of it if left out. The language model that gave
    the labels read the first 1,500 characters."""


FIELDS = (
    CATALOGUE["emotion"],
    CATALOGUE["regret"],
    CATALOGUE["bentham"].with_labels("intensity", "duration", "certainty", "propinquity"),
    CATALOGUE["choice_factors"],
    CATALOGUE["votes"],
)
