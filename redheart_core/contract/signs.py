"""Signs of a crisis in a text: what a plugin declares to have further ones found; core's own cannot be removed."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from redheart_core.contract.models import NoSettings

SIGN_KINDS = ("self_harm", "abuse", "danger", "worry")
"""Of self-harm or suicide, of violence against the writer, of something that happens now, of worry about another."""


@attrs.frozen
class Helpline:
    """Somebody who can be called or written to."""

    contact: str
    """The number, or the address of a page."""
    name: str
    """Who answers, in the language of the country."""
    kinds: tuple[str, ...]
    """What for, of SIGN_KINDS or of kinds that plugins add."""
    country: str
    """Code after ISO 3166, such as "KR"; "" for a contact in all countries."""
    source: str
    """Where the number stands."""
    known: str
    """The month in which it was known, as in "2024-01"."""
    emergency: bool = False
    """Whether police or rescue answer; they come first where somebody is in danger now."""
    note: str = ""
    """Hours, languages, how to use it; in the language of the country."""


@attrs.frozen
class SignSpec:
    """Patterns of one kind of sign in one language."""

    name: str
    meaning: str
    kind: str
    """Of SIGN_KINDS, or a new one, which needs an opening and helplines of its own."""
    language: str
    """ISO 639 code of the language that the patterns are in, which the words of help are given in."""
    patterns: tuple[str, ...]
    """Regular expressions, searched in every sentence in NFKC, case-folded, with single spaces."""
    examples: tuple[str, ...]
    """Texts in which the patterns have to find a sign."""
    counterexamples: tuple[str, ...]
    """Texts that are alike in words and harmless, in which they may find none."""
    opening: str = ""
    """What is said first, in the language; needed where core has no words: a new kind, or another language."""
    helplines: tuple[Helpline, ...] = ()
    """Further ones, shown behind core's."""
    minimum_core: str = "0.1"
    settings: ClassVar[type[Any]] = NoSettings
