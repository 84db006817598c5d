"""Signs of a crisis in a text: which kinds and where; how much is never said, and nobody is scored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property

import attrs

from redheart_core.contract.signs import SignSpec
from redheart_core.data.sentences import sentence_spans
from redheart_core.safety.classifier import likeliest_kind, load_weights, score
from redheart_core.safety.grams import Seen, grams_of_normal
from redheart_core.safety.normal import has_hangul, normalize, plain
from redheart_core.safety.rules import core_rules, harmless_words

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
    """Whether it is happening now: a rule says so, and the classifier nothing against it."""
    doubtful: bool = False
    """Whether it may well be none: then one line of help is given in place of all of them."""
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
    read = text[:MOST_CHARS]
    spans, seen = list(sentence_spans(read)), Seen()
    found: list[Sign] = []
    for number, (start, end) in enumerate(spans):
        first, last = max(number - 1, 0), min(number + 1, len(spans) - 1)
        own = _Passage(read[start:end], start, end, seen)
        nearby = (
            own
            if first == last
            else _Passage(read[spans[first][0] : spans[last][1]], spans[first][0], spans[last][1], seen)
        )
        core = {sign.kind: sign for sign in _ruled(own, nearby)}
        found += core.values()
        found += [
            Sign(spec.kind, start, end, language=spec.language)
            for spec in added
            if spec.kind not in core and any(one.search(plain(own.text)) for one in _patterns(spec))
        ]
        found += _unforeseen(nearby, found)
    return tuple(dict.fromkeys(found))


@attrs.frozen(slots=False)
class _Passage:
    """A sentence, or one with its neighbours, which rules and classifier read in one spelling."""

    text: str
    start: int
    end: int
    seen: Seen = attrs.field(repr=False)

    @cached_property
    def language(self) -> str:
        """Whose rules and weights read it; those of English read all that is not Korean."""
        return "ko" if has_hangul(self.text) else "en"

    @cached_property
    def normalized(self) -> str:
        return normalize(self.text)

    @cached_property
    def places(self) -> frozenset[int]:
        return grams_of_normal(self.normalized, self.language == "ko", self.seen)


def _ruled(own: _Passage, nearby: _Passage) -> Iterator[Sign]:
    """Each kind of sign that rules find; the acute ones come last, which a dict by kind keeps."""
    language = own.language
    hits = [rule for rule in core_rules(language) if rule.finds(own.normalized, lambda: nearby.normalized)]
    if not hits:
        return
    likelihood, weights = score(language, nearby.places), load_weights(language)
    certain = any(rule.certain for rule in hits)
    if likelihood < weights.doubt and not certain:
        return
    for rule in sorted(hits, key=lambda rule: rule.acute):
        acute = rule.acute and likelihood >= weights.doubt
        doubtful = not acute and not certain and likelihood < weights.threshold
        yield Sign(rule.kind, own.start, own.end, acute, doubtful, language)


def _unforeseen(nearby: _Passage, found: Sequence[Sign]) -> Iterator[Sign]:
    """What the classifier sees in sentences of which no rule has found a sign."""
    start, end, language = nearby.start, nearby.end, nearby.language
    if not any(sign.start < end and sign.end > start for sign in found):
        weights, likelihood = load_weights(language), score(language, nearby.places)
        if likelihood >= weights.threshold and harmless_words(language).search(nearby.normalized) is None:
            doubtful = likelihood < weights.clear
            yield Sign(likeliest_kind(language, nearby.places), start, end, doubtful=doubtful, language=language)


@cache
def _patterns(spec: SignSpec) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in spec.patterns)
