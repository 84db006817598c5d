"""Find the needles of the rules' patterns: python -m redheart_core.safety.needling, after a pattern has changed.

Needles of a pattern are strings of which every match holds at least one, so that a sentence without them need not be
searched (as the prefilter of RE2 does, Cox 2012). They are found in the syntax tree: what follows one another is
multiplied out as far as it stays small, of what a match has to pass the longest strings are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import attrs

from redheart_core.safety.needles import LANGUAGES, NeedleFile, write_needles
from redheart_core.safety.rules import core_patterns

parser = import_module("re._parser")  # the one that re itself uses; no public one exists
MOST = 48
"""Strings that are multiplied out."""
MOST_CHARS = 12
"""Characters of a class that stand for themselves."""


@attrs.frozen
class _Strings:
    """What is known of the matches of a part of a pattern."""

    whole: frozenset[str] | None
    """Each match is one of these, of a part that reads no more; None if they are too many."""
    within: frozenset[str] | None
    """Each match holds one of these; None if nothing is known."""

    @property
    def needed(self) -> frozenset[str] | None:
        return _useful(self.whole) if self.whole is not None else self.within


_UNKNOWN = _Strings(None, None)
_EMPTY = _Strings(frozenset({""}), None)


def needles_of(pattern: str) -> tuple[str, ...]:
    """Strings of which each match holds one, none of them within another, sorted.

    Raises:
        ValueError: None are known.
    """
    found = _sequence(parser.parse(pattern, re.MULTILINE)).needed
    if found is None:
        raise ValueError(f"a match of this pattern need not hold any of a few strings; state one in it: {pattern}")
    kept: list[str] = []
    for one in sorted(found, key=lambda one: (len(one), one)):
        if not any(other in one for other in kept):
            kept.append(one)
    return tuple(sorted(kept))


def _sequence(items: Iterable[tuple[Any, Any]]) -> _Strings:
    so_far, candidates, whole = frozenset({""}), list[frozenset[str] | None](), True
    for operation, argument in items:
        part = _part(str(operation), argument)
        joined = None if part.whole is None else _product(so_far, part.whole)
        if joined is not None:
            so_far = joined
            continue
        whole = False
        candidates += [so_far, part.within]
        so_far = frozenset({""}) if part.whole is None else part.whole
    return _Strings(so_far, None) if whole else _Strings(None, _best([*candidates, so_far]))


def _part(operation: str, argument: Any) -> _Strings:
    match operation:
        case "LITERAL":
            return _Strings(frozenset({chr(argument)}), None)
        case "IN":
            return _class(argument)
        case "SUBPATTERN":
            return _sequence(argument[3])
        case "BRANCH":
            return _branch([_sequence(one) for one in argument[1]])
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, items = argument
            once = _sequence(items)
            if least == 0:
                return _Strings(once.whole | {""}, None) if most == 1 and once.whole is not None else _UNKNOWN
            return once if most == 1 else _Strings(None, once.needed)
        case "AT" | "ASSERT" | "ASSERT_NOT":  # these take no characters, and what they exclude is left out
            return _EMPTY
    return _UNKNOWN


def _class(items: Sequence[tuple[Any, Any]]) -> _Strings:
    """Of a class of characters."""
    chars = set[str]()
    for operation, argument in items:
        if str(operation) == "LITERAL":
            chars.add(chr(argument))
        elif str(operation) == "RANGE" and argument[1] - argument[0] < MOST_CHARS:
            chars.update(map(chr, range(argument[0], argument[1] + 1)))
        else:
            return _UNKNOWN
    return _Strings(frozenset(chars), None) if len(chars) <= MOST_CHARS else _UNKNOWN


def _branch(parts: Sequence[_Strings]) -> _Strings:
    wholes = [part.whole for part in parts if part.whole is not None]
    if len(wholes) == len(parts):
        return _Strings(frozenset().union(*wholes), None)
    needed = [part.needed for part in parts]
    known = [one for one in needed if one is not None]
    return _Strings(None, frozenset().union(*known)) if len(known) == len(needed) else _UNKNOWN


def _product(first: frozenset[str], second: frozenset[str]) -> frozenset[str] | None:
    """All of the first before all of the second; None if they are too many."""
    joined = frozenset(one + other for one in first for other in second)
    return joined if len(joined) <= max(MOST, len(first), len(second)) else None


def _useful(strings: frozenset[str] | None) -> frozenset[str] | None:
    return None if strings is None or "" in strings else strings


def _best(candidates: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    """Those whose shortest string is longest; of equal ones the fewest."""
    useful = [one for one in map(_useful, candidates) if one is not None]
    return max(useful, key=lambda one: (min(map(len, one)), -len(one)), default=None)


def make() -> dict[str, NeedleFile]:
    """Of all rules of both languages."""
    found = {}
    for language in LANGUAGES:
        patterns = core_patterns(language)
        found[language] = NeedleFile.of(patterns, [needles_of(pattern) for pattern in patterns])
    return found


if __name__ == "__main__":
    write_needles(make())
