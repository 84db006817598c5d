"""The tables [plugins.goemotions] and [plugins.goemotions_ko], and the fields that they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from redheart_core import CATALOGUE, Field


@attrs.frozen
class GoemotionsSettings:
    """Where the files are and which labels are read."""

    path: Path | None = None
    """Folder with train.tsv, dev.tsv and, of the English set, emotions.txt; required for reading."""
    labels: Literal["both", "all", "ekman"] = "both"
    """Fields: "all" 28 labels as the field goemotions, "ekman" the basic emotions as the field ekman, or both."""


def fields(settings: GoemotionsSettings) -> tuple[Field, ...]:
    """The fields that the settings ask for."""
    names = {"both": ("goemotions", "ekman"), "all": ("goemotions",), "ekman": ("ekman",)}[settings.labels]
    return tuple(CATALOGUE[name] for name in names)
