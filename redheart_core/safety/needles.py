"""Which patterns a sentence can match at all: those of which it holds a needle (see needling.py).

Hundreds of long patterns are searched for in every sentence, and nearly no sentence has what one of them needs. So the
short beginnings of all needles are looked up in the sentence, and what is left is searched.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from zlib import crc32

import attrs

LANGUAGES = ("en", "ko")
FILE = Path(__file__).parent / "patterns" / "needles.json"
BEGINNING = 3
"""Characters of a needle by which it is looked up; shorter ones are looked up as they are."""


@attrs.frozen(slots=False)
class Needles:
    """The needles of some patterns."""

    needles: tuple[tuple[str, ...], ...]
    """Of each pattern: a match holds at least one."""

    def possible(self, sentence: str) -> Collection[int]:
        """Places of the patterns that may match in a sentence."""
        found: set[int] = set()
        for length, beginnings in self._beginnings.items():
            parts = [sentence[start : start + length] for start in range(len(sentence) - length + 1)]
            for part in self._known[length].intersection(parts):
                for needle, places in beginnings[part]:
                    if needle in sentence:
                        found.update(places)
        return found

    @cached_property
    def _known(self) -> Mapping[int, frozenset[str]]:
        """Length to beginnings of needles; a set is compared with a list in half the time of the keys of a table."""
        return {length: frozenset(beginnings) for length, beginnings in self._beginnings.items()}

    @cached_property
    def _beginnings(self) -> Mapping[int, Mapping[str, Sequence[tuple[str, Sequence[int]]]]]:
        """Length to beginnings of needles to these and the places of their patterns."""
        places: dict[str, list[int]] = {}
        for place, own in enumerate(self.needles):
            for needle in own:
                places.setdefault(needle, []).append(place)
        found: dict[int, dict[str, list[tuple[str, Sequence[int]]]]] = {}
        for needle, own_places in places.items():
            beginning = needle[:BEGINNING]
            found.setdefault(len(beginning), {}).setdefault(beginning, []).append((needle, own_places))
        return found


@attrs.frozen
class NeedleFile:
    """Of a language in patterns/needles.json."""

    crc32: int
    """Of the patterns that they are of."""
    needles: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, patterns: Sequence[str], needles: Sequence[Sequence[str]]) -> NeedleFile:
        """Those of these patterns."""
        return cls(crc32("\n".join(patterns).encode()), tuple(map(tuple, needles)))


def write_needles(found: Mapping[str, NeedleFile]) -> None:
    """Write the file that is shipped."""
    tables = {language: attrs.asdict(one) for language, one in found.items()}
    FILE.write_text(json.dumps(tables, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def read_needles(language: str, patterns: Sequence[str]) -> Needles:
    """The shipped ones of a language.

    Args:
        language: Of LANGUAGES.
        patterns: Of its rules; the file has to be made from them.
    """
    table = json.loads(FILE.read_text(encoding="utf-8"))[language]
    made_from = crc32("\n".join(patterns).encode())
    assert table["crc32"] == made_from, f"{FILE} is of other patterns; run python -m redheart_core.safety.needling"
    return Needles(tuple(map(tuple, table["needles"])))
