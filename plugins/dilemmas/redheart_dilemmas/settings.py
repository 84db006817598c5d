"""The [plugins.dilemmas] table and the fields that the data set holds."""

from __future__ import annotations

from pathlib import Path

import attrs
from attrs.validators import ge, min_len

from redheart_core import CATALOGUE

DEV = "dev.scruples-dilemmas.jsonl"


@attrs.frozen
class DilemmasSettings:
    """Which files are read, and which pairs stay together."""

    path: Path | None = None
    """Folder with the files, plain or with .gz at their end; required for reading."""
    train: tuple[str, ...] = attrs.field(default=(DEV,), validator=min_len(1))
    """Files whose pairs are divided into the splits, without .gz."""
    test: tuple[str, ...] = ()
    """Files whose pairs are the test split, such as the publisher's test part; else it is a tenth of the others."""
    acts_together: int = attrs.field(default=20, validator=ge(0))
    """Acts of a chain of pairs that stay in one split together with their pairs, so that no split knows an act of
    another one; a pair with acts of two such sets is left out. 0 keeps every pair, and splits share acts."""


FIELDS = tuple(CATALOGUE[name] for name in ("first_act", "second_act", "less_ethical", "less_ethical_again"))
