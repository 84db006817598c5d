"""Signs of a crisis in a text: which kinds and where; how much is never said, and nobody is scored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

import attrs

from redheart_core.contract.signs import SignSpec
from redheart_core.safety.normal import has_hangul, normalize, plain
from redheart_core.safety.rules import core_rules
from redheart_core.safety.sentences import sentence_spans

MOST_CHARS = 100_000
"""Longer texts are not analyzed; their beginning is read, so that help is never refused."""


@attrs.frozen
class Sign:
    """A sentence that speaks of a danger."""

    kind: str
    """Of SIGN_KINDS, or what a plugin adds."""
    start: int
    end: int
    """Where the sentence begins and ends in the text."""
    acute: bool = False
    """Whether it is happening now."""
    language: str = ""
    """Of the plugin's patterns; "en" or "ko" for those of core."""


def signs(text: str, added: Sequence[SignSpec] = ()) -> tuple[Sign, ...]:
    """The signs of a text, in its order; each kind once a sentence.

    Every pattern of every language reads every sentence that has letters of its script: a language that was stated or
    detected wrongly hides nothing. In doubt there is a sign. Nothing is stored and nothing logged.

    Args:
        text: Of any form; the first 100,000 characters are read.
        added: What plugins add; they find further signs and take none back.
    """
    places = list(sentence_spans(text[:MOST_CHARS]))
    sentences = [text[start:end] for start, end in places]
    normalized = [normalize(sentence) for sentence in sentences]
    found: list[Sign] = []
    for number, (start, end) in enumerate(places):
        first, last = max(number - 1, 0), number + 2
        nearby = normalize(" ".join(sentences[first:last]))
        language = "ko" if has_hangul(sentences[number]) else "en"
        kinds = dict(_core_kinds(language, normalized[number], nearby))
        found += [Sign(kind, start, end, acute, language) for kind, acute in kinds.items()]
        found += [
            Sign(spec.kind, start, end, language=spec.language)
            for spec in added
            if any(pattern.search(plain(sentences[number])) for pattern in _patterns(spec)) and spec.kind not in kinds
        ]
    return tuple(dict.fromkeys(found))


def _core_kinds(language: str, sentence: str, nearby: str) -> Iterator[tuple[str, bool]]:
    """Each kind of sign with whether one of it is acute; the acute ones come last, which dict keeps."""
    rules = [rule for rule in core_rules("korean" if language == "ko" else "english") if rule.finds(sentence, nearby)]
    for rule in sorted(rules, key=lambda rule: rule.acute):
        yield rule.kind, rule.acute


@cache
def _patterns(spec: SignSpec) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in spec.patterns)
