"""The words of the pages in each language, and which language a reader gets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import attrs

from redheart_core.storage.toml_text import parse_toml

LANGUAGES = ("en", "ko")
"""The first one where a reader wants none of them."""
_FOLDER = Path(__file__).parent / "words"
_TABLES = ("say", "tasks", "meanings", "labels", "languages", "reasons")


@attrs.frozen
class Words:
    """All words in one language."""

    code: str
    say: Mapping[str, str]
    """Sentences of the pages, with places for values in braces."""
    tasks: Mapping[str, str]
    """Field to what people call it."""
    meanings: Mapping[str, str]
    """Field to what it means; a field that is not here has its own meaning, in English."""
    labels: Mapping[str, str]
    """Label to its name in this language."""
    languages: Mapping[str, str]
    """Code to the name of a language."""
    reasons: Mapping[str, str]
    """What the library gives as a reason or heading, in English, to the same in this language."""

    def __call__(self, key: str, **values: object) -> str:
        """A sentence with its values."""
        return self.say[key].format(**values)

    def task(self, field: str) -> str:
        """What people call a field; its own name with spaces if it has no other."""
        return self.tasks.get(field, field.replace("_", " "))

    def label(self, name: str) -> str:
        """The name of a label, which is its own where this language has no other."""
        return self.labels.get(name, name)

    def reason(self, said: str) -> str:
        """What the library says in English, in this language where it has words for it."""
        return self.reasons.get(said, said)


@cache
def words(code: str) -> Words:
    """Those of one of LANGUAGES."""
    table = parse_toml((_FOLDER / f"{code}.toml").read_text(encoding="utf-8"))
    return Words(code, **{name: table.get(name, {}) for name in _TABLES})


def chosen_language(wanted: str | None, accepted: str) -> str:
    """The language that a reader chose, else the first of those that the browser names (RFC 9110, 12.5.4).

    Args:
        wanted: From the address; None if it says none.
        accepted: The header Accept-Language.
    """
    if wanted in LANGUAGES:
        return wanted
    weighed = []
    for place, part in enumerate(accepted.split(",")):
        tag, _, more = part.strip().partition(";")
        quality = more.strip().removeprefix("q=") if more else "1"
        weight = float(quality) if quality.replace(".", "", 1).isdecimal() else 0.0
        weighed.append((-weight, place, tag.strip().partition("-")[0].lower()))
    return next((tag for weight, _, tag in sorted(weighed) if weight and tag in LANGUAGES), LANGUAGES[0])
