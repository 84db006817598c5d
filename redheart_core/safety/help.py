"""What a person in crisis reads first: who helps, in the language of the text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from redheart_core.contract.signs import SIGN_KINDS, Helpline, SignSpec
from redheart_core.safety.helplines import (
    COUNTRY_OF_LANGUAGE,
    choose,
    core_helplines,
    emergency_number,
    known_countries,
)
from redheart_core.safety.signs import Sign, signs
from redheart_core.storage.toml_text import parse_toml

_FILE = Path(__file__).parent / "words.toml"
_URGENCY = ("danger", "self_harm", "abuse", "worry")
"""The most urgent first; kinds of plugins come behind."""
assert set(_URGENCY) == set(SIGN_KINDS)


@attrs.frozen
class Help:
    """Help for the person who wrote a text. It holds nothing of the text but the places of its signs."""

    signs: tuple[Sign, ...]
    acute: bool
    """Whether somebody is in danger now; then no model is asked."""
    doubtful: bool
    """Whether every sign is; then people read the opening alone, and `helplines` has the others."""
    country: str
    """Whose numbers these are; "" for those of every country."""
    language: str
    """Of the words: "en", "ko", or one that a plugin has words in."""
    opening: str
    advice: tuple[str, ...]
    """What to do, for each kind of sign."""
    closing: tuple[str, ...]
    """What the program does not do, and how it is given another country."""
    helplines: tuple[Helpline, ...]
    """The most urgent first."""

    @property
    def alone(self) -> bool:
        """Whether nothing else is said of the text: a score is no answer to a person in a crisis.

        So where somebody is in danger now, and where a sign of the writer's own is no mere doubt, if a rule finds it or
        it is sure without one.
        """
        return _stands_alone(self.signs)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of signs, the most urgent first."""
        return _by_urgency(self.signs)

    def lines(self) -> tuple[str, ...]:
        """For people: what is said, and one line for each number; where every sign is doubtful, one line alone."""
        if self.doubtful:
            return (self.opening,)
        width = max(len(line.contact) for line in self.helplines)
        return (
            self.opening,
            *(f"  {line.contact.ljust(width)}  {_who(line)}" for line in self.helplines),
            *self.advice,
            *self.closing,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `text` is what people read."""
        return {
            "text": "\n".join(self.lines()),
            "kinds": list(self.kinds),
            "acute": self.acute,
            "doubtful": self.doubtful,
            "country": self.country,
            "language": self.language,
            "signs": [attrs.asdict(sign) for sign in self.signs],
            "helplines": [attrs.asdict(line) for line in self.helplines],
        }


def help_for_text(text: str, country: str = "", added: Sequence[SignSpec] = ()) -> Help | None:
    """Help for the person who wrote a text; None if it has no sign of a crisis.

    Args:
        text: Of any length and form.
        country: Code in capitals; "" for the country where the text's language is mostly spoken.
        added: What plugins add.
    """
    found = signs(text, added)
    return help_for(found, country, added) if found else None


def help_for_texts(texts: Sequence[str], country: str = "", added: Sequence[SignSpec] = ()) -> Help | None:
    """The most urgent help for texts that stand side by side, such as acts: each is read alone, and all together.

    Together alone they would not do: a sentence is read with its neighbours, and another act says nothing of it.
    """
    read = (*texts, "\n\n".join(texts)) if len(texts) > 1 else texts
    return most_urgent([help_for_text(text, country, added) for text in read])


def most_urgent(given: Sequence[Help | None]) -> Help | None:
    """An acute one before others, one that is no mere doubt, then the kind that is the most urgent; None if all are."""
    found = [one for one in given if one is not None]
    return min(found, key=lambda one: (not one.acute, one.doubtful, _urgency(one.kinds[0])), default=None)


def help_for(found: Sequence[Sign], country: str = "", added: Sequence[SignSpec] = ()) -> Help:
    """Help for signs, at least one; the words are those of the most urgent kind, in the language of its sign."""
    kinds = _by_urgency(found)
    urgent = next(sign for sign in found if sign.kind == kinds[0])
    words = _words()
    helplines = (*core_helplines(), *(line for spec in added for line in spec.helplines))
    place = country or COUNTRY_OF_LANGUAGE.get(urgent.language, "")
    chosen = choose(helplines, kinds, place)
    language = urgent.language if urgent.language in words else "en"
    own = [spec.opening for spec in added if (spec.kind, spec.language) == (urgent.kind, urgent.language)]
    said = words[language].get(urgent.kind, {})
    values = {
        "first": words[language]["either"].join(map(_named, _first(chosen, urgent.kind))),
        "country": words[language]["countries"].get(place, place),
    }
    acute, doubtful = any(sign.acute for sign in found), all(sign.doubtful for sign in found)
    opening = said["doubtful"] if doubtful else next((text for text in own if text), said.get("opening", ""))
    placed = "note" if place in known_countries(helplines) else "elsewhere"
    behind = [
        _fill(words[language][kind]["closing"], {"emergency": emergency_number(helplines, kind, place)})
        for kind in kinds
        if kind in words[language]
    ]
    last = (*([words[language]["alone"]] if _stands_alone(found) else []), words[language][placed])
    advice, closing = (
        () if doubtful else tuple(_fill(text, values) for text in texts if text) for texts in (behind, last)
    )
    return Help(tuple(found), acute, doubtful, place, language, _fill(opening, values), advice, closing, chosen)


def country_names(language: str) -> dict[str, str]:
    """Code to name of the countries that have helplines, in a language that core has words in."""
    found: dict[str, str] = _words()[language]["countries"]
    return {code: name for code, name in found.items() if code}


def _stands_alone(found: Sequence[Sign]) -> bool:
    return any(sign.acute or not (sign.kind == "worry" or sign.doubtful or _unsure(sign)) for sign in found)


def _unsure(sign: Sign) -> bool:
    return sign.unforeseen and not sign.sure


def _by_urgency(found: Sequence[Sign]) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(sign.kind for sign in found), key=_urgency))


def _urgency(kind: str) -> int:
    return _URGENCY.index(kind) if kind in _URGENCY else len(_URGENCY)


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _who(line: Helpline) -> str:
    return f"{line.name} ({line.note})" if line.note else line.name


def _first(chosen: Sequence[Helpline], kind: str) -> Sequence[Helpline]:
    """Whom to call first; in a danger all of police and rescue that answer at numbers of their own."""
    emergency = [line for line in chosen if line.emergency and kind == "danger" and kind in line.kinds]
    return emergency or chosen[:1]


def _named(line: Helpline) -> str:
    return f"{line.contact} ({line.name})"


@cache
def _words() -> dict[str, dict[str, Any]]:
    return parse_toml(_FILE.read_text(encoding="utf-8"))
