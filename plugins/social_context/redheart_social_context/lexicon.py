"""Names of persons and matters in a text: forms of a lexicon at word boundaries, with endings and particles."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import attrs

GROUPS: tuple[str, ...] = ("person", "vulnerable", "matter", "culture")
"""Tables of lexicon.toml."""
LANGUAGES: tuple[str, ...] = ("en", "ko")
_PARTICLES = (
    *(
        "이",
        "가",
        "은",
        "는",
        "을",
        "를",
        "의",
        "에",
        "에서",
        "에게",
        "에게서",
        "한테",
        "한테서",
        "께",
        "께서",
        "와",
        "과",
        "랑",
    ),
    *(
        "이랑",
        "하고",
        "도",
        "만",
        "까지",
        "부터",
        "조차",
        "마저",
        "밖에",
        "처럼",
        "보다",
        "으로",
        "로",
        "라도",
        "이라도",
        "이나",
    ),
    *(
        "나",
        "야",
        "아",
        "이야",
        "인",
        "인데",
        "이고",
        "이다",
        "다",
        "입니다",
        "이에요",
        "예요",
        "였다",
        "이었다",
        "이라",
        "라",
        "이란",
    ),
)
_PLURALS = ("들", "님", "네", "씨", "쪽")


_START = re.compile(r"(?<!\w)\w")


@attrs.frozen
class Form:
    """A form of a name."""

    group: str
    name: str
    language: str
    beginning: str
    """What every match of the pattern begins with."""
    pattern: str
    """Compiled when it is first tried: compiling all takes a quarter of a second."""


def find(text: str, language: str = "en") -> dict[str, tuple[str, ...]]:
    """By group the names of what a text names, in the order in which it does.

    Args:
        text: Any.
        language: ISO 639 code. English forms count in English texts alone, as "die" is a word of German too, and where
            the language is not known; Korean ones are Korean anywhere.
    """
    plain = _without_ignored(unicodedata.normalize("NFC", text).casefold().replace("’", "'"))
    found: dict[str, dict[str, None]] = {group: {} for group in GROUPS}
    forms, english = _forms(), language in ("en", "und")
    for start in map(re.Match.start, _START.finditer(plain)):
        for form in forms.get(_key(plain[start : start + 2]), ()):
            if (
                plain.startswith(form.beginning, start)
                and (english or form.language == "ko")
                and form.name not in found[form.group]
                and _compiled(form.pattern).match(plain, start)
            ):
                found[form.group][form.name] = None
    return {group: tuple(names) for group, names in found.items()}


def _without_ignored(text: str) -> str:
    """A text without the phrases in which a form means something else."""
    for phrase, pattern in _ignored():
        if phrase in text:
            text = _compiled(pattern).sub(" " * len(phrase), text)
    return text


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _ignored() -> tuple[tuple[str, str], ...]:
    """Each phrase with its pattern, the longest first; English ones stand between word boundaries."""
    ends = {"en": r"\b", "ko": ""}
    phrases = [(one, ends[code]) for code in LANGUAGES for one in _tables()["ignored"][code]]
    ordered = sorted(phrases, key=lambda pair: -len(pair[0]))
    return tuple((one, f"{end}{re.escape(one)}{end}") for one, end in ordered)


@cache
def _forms() -> Mapping[str, tuple[Form, ...]]:
    """All forms by how they begin, so that few are tried at each word; the longest first."""
    found: dict[str, list[tuple[int, Form]]] = {}
    for group in GROUPS:
        for name, forms in _tables()[group].items():
            for code, pattern in (("en", _english), ("ko", _korean)):
                for form in forms[code]:
                    entry = (-len(form), Form(group, name, code, form.removesuffix("*"), pattern(form)))
                    found.setdefault(_key(form), []).append(entry)
    return {key: tuple(form for _, form in sorted(forms, key=lambda one: one[0])) for key, forms in found.items()}


def _key(beginning: str) -> str:
    """The first two letters; the first one in Korean, where words may have one."""
    return beginning[:1] if beginning[:1] >= "가" else beginning[:2]


def _english(form: str) -> str:
    """A form with a plural or possessive ending, between characters that are neither letters nor hyphens."""
    open_end = form.endswith("*")
    end = r"\w*" if open_end else r"(?:s|es)?(?:'s|')?"
    return rf"(?<![\w-]){re.escape(form.removesuffix('*'))}{end}(?![\w-])"


def _korean(form: str) -> str:
    """A form with particles, between characters that are no letters."""
    end = r"\w*" if form.endswith("*") else rf"(?:{'|'.join(_PLURALS)})*(?:{'|'.join(_PARTICLES)}){{0,2}}"
    return rf"(?<!\w){re.escape(form.removesuffix('*'))}{end}(?!\w)"


@cache
def _tables() -> Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]:
    given = files("redheart_social_context").joinpath("lexicon.toml").read_text(encoding="utf-8")
    tables: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = tomllib.loads(given)
    return tables
