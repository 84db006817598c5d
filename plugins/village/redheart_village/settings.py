"""The [plugins.village] table."""

from __future__ import annotations

import attrs

from redheart_core import SettingsError

MOST_RECORDS = 10_000_000
"""Of a language."""


@attrs.frozen
class VillageSettings:
    """How many records of each language, and from which seed."""

    seed: int = 2026
    english: int = 2000
    """English records, >= 0."""
    korean: int = 2000
    """Korean records, >= 0."""

    signals: bool = False
    """Simulated signals as well (eeg, ecg, gsr, image, audio); needs the extra "signals" and 30 kB a record."""

    def __attrs_post_init__(self) -> None:
        for name, count in (("english", self.english), ("korean", self.korean)):
            if not 0 <= count <= MOST_RECORDS:
                raise SettingsError(
                    f"village: {name} expects a number of records >= 0 and at most {MOST_RECORDS:,}, got {count}"
                )
        if self.english == 0 and self.korean == 0:
            raise SettingsError("village: english and korean are both 0; ask for at least one record")
