"""Rules: patterns of how people write about a danger, and what makes the same words harmless."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from redheart_core.safety.needles import Needles, read_needles
from redheart_core.storage.toml_text import parse_toml

_FOLDER = Path(__file__).parent / "patterns"
_FILES = {"en": "english", "ko": "korean"}
_PARTS = ("now", "self", "veiled", "abuse", "danger", "other")
_HARMLESS = ("DENY", "LONG_OVER", "STORY", "GAME", "NEWS", "WORK")
_NAME = re.compile(r"<([A-Z0-9_]+)>")


@attrs.frozen(eq=False)
class Rule:
    """Patterns of one kind of sign, over normalized sentences."""

    kind: str
    acute: bool
    """Whether it is happening now."""
    certain: bool
    """Whether the classifier cannot take the sign back."""
    patterns: tuple[str, ...]
    """Compiled when they are first searched for, as are those below: compiling all takes half a second."""
    harmless: str
    """What takes the sign back where it is found in the same sentence; empty if nothing does."""
    harmless_nearby: str
    """The same in the sentence, the one before or the one behind."""

    def finds(self, sentence: str, nearby: Callable[[], str], patterns: Iterable[str]) -> bool:
        """Whether a sentence has the sign.

        Args:
            sentence: Normalized.
            nearby: Gives the sentence with its neighbours, normalized; asked for where a pattern is found.
            patterns: Those of its patterns that the sentence can match.
        """
        return (
            any(_compiled(pattern).search(sentence) is not None for pattern in patterns)
            and (not self.harmless or _compiled(self.harmless).search(sentence) is None)
            and (not self.harmless_nearby or _compiled(self.harmless_nearby).search(nearby()) is None)
        )


@attrs.frozen
class Rules:
    """Those of core for a language."""

    rules: tuple[Rule, ...]
    needles: Needles
    """Of all their patterns, one rule after another."""
    _owners: tuple[tuple[int, str], ...]
    """Of each pattern its rule and itself."""

    def possible(self, sentence: str) -> dict[Rule, list[str]]:
        """The rules that can find something in a normalized sentence, in order, with their patterns that can match."""
        found: dict[int, list[str]] = {}
        for place in sorted(self.needles.possible(sentence)):
            rule, pattern = self._owners[place]
            found.setdefault(rule, []).append(pattern)
        return {self.rules[rule]: patterns for rule, patterns in found.items()}


@cache
def core_rules(language: str) -> Rules:
    """The rules of core for "en" or "ko", from the files in patterns/."""
    rules = _rules(language)
    owners = tuple((number, pattern) for number, rule in enumerate(rules) for pattern in rule.patterns)
    return Rules(rules, read_needles(language, [pattern for _, pattern in owners]), owners)


def core_patterns(language: str) -> tuple[str, ...]:
    """The patterns of these rules, one rule after another."""
    return tuple(pattern for rule in _rules(language) for pattern in rule.patterns)


def _rules(language: str) -> tuple[Rule, ...]:
    name = _FILES[language]
    words = {word: _unwrap(text) for word, text in _read(f"{name}_words").items()}
    return tuple(_rule(table, words) for part in _PARTS for table in _read(f"{name}_{part}")["rules"])


@cache
def harmless_words(language: str) -> re.Pattern[str]:
    """What takes back what the classifier alone finds: denials, what is long over, stories, games, news, work."""
    words = {word: _unwrap(text) for word, text in _read(f"{_FILES[language]}_words").items()}
    return _compiled(_join([f"<{name}>" for name in _HARMLESS], words))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


def _read(name: str) -> dict[str, Any]:
    return parse_toml((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _rule(table: Mapping[str, Any], words: Mapping[str, str]) -> Rule:
    patterns = tuple(_join([pattern], words) for pattern in table["patterns"])
    harmless, nearby = (_join(table.get(name, ()), words) for name in ("harmless", "harmless_nearby"))
    return Rule(table["kind"], table.get("acute", False), table.get("certain", False), patterns, harmless, nearby)


def _join(patterns: Iterable[str], words: Mapping[str, str]) -> str:
    """One pattern out of several; empty of none. Names in angle brackets are replaced by what they stand for."""
    joined = "|".join(f"(?:{_unwrap(pattern)})" for pattern in patterns)
    while _NAME.search(joined):
        joined = _NAME.sub(lambda found: f"(?:{words[found[1]]})", joined)
    return joined


def _unwrap(pattern: str) -> str:
    return pattern.replace("\n", "")
