"""The [plugins.village] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt, in_, le

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


@attrs.frozen
class LifeSettings:
    """The [plugins.village_life] table: who lives through what, for how long."""

    seed: int = 2026
    """Of the persons and the events; the seed of an episode decides what happens in it."""
    persons: int = attrs.field(default=3, validator=in_((2, 3)))
    """2 or 3; of more, the exact optimum would take too long."""
    events: int = attrs.field(default=8, validator=[ge(1), le(64)])
    """Different events; every step brings one of them, each equally likely."""
    steps: int = attrs.field(default=10, validator=[ge(1), le(1000)])
    """Events of an episode."""
    lasting: bool = True
    """Acts change ties and means, and so the future; without, these stay as they were at the start of the episode."""
    regret_weight: float = attrs.field(default=1.0, validator=[ge(0.0), le(10.0)])
    """Of the regret that is taken off the utility."""
    lead: float = attrs.field(default=0.5, validator=[gt(0.0), le(1.0)])
    """By how much an act has to lead all others in an action to be done for sure; below that, chance decides."""
    team: bool = False
    """Everybody is rewarded with the mean over all persons."""
