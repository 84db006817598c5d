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
from redheart_core.safety.rules import Rule, core_rules, harmless_words

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
    _likelihoods: dict[str, float] = attrs.field(init=False, factory=dict, repr=False)

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

    def likelihood(self, language: str) -> float:
        """How much it speaks for a crisis, by the weights of a language."""
        if language not in self._likelihoods:
            self._likelihoods[language] = score(language, self.places)
        return self._likelihoods[language]


def _ruled(own: _Passage, nearby: _Passage) -> Iterator[Sign]:
    """Each kind of sign that rules find; the acute ones come last, which a dict by kind keeps."""
    language, weights = own.language, load_weights(own.language)
    likelihood = nearby.likelihood(language)
    rules = core_rules(language)
    if likelihood < weights.doubt:  # all signs are taken back unless one of them is certain
        certainly = [rule for rule in rules if rule.certain]
        if not any(_finds(rule, own, nearby) for rule in certainly):
            return
    hits = [rule for rule in rules if _finds(rule, own, nearby)]
    certain = any(rule.certain for rule in hits)
    for rule in sorted(hits, key=lambda rule: rule.acute):
        acute = rule.acute and likelihood >= weights.doubt
        doubtful = not acute and not certain and likelihood < weights.threshold
        yield Sign(rule.kind, own.start, own.end, acute, doubtful, language)


def _finds(rule: Rule, own: _Passage, nearby: _Passage) -> bool:
    return rule.finds(own.normalized, lambda: nearby.normalized)


def _unforeseen(nearby: _Passage, found: Sequence[Sign]) -> Iterator[Sign]:
    """What the classifier sees in sentences of which no rule has found a sign."""
    start, end, language = nearby.start, nearby.end, nearby.language
    if not any(sign.start < end and sign.end > start for sign in found):
        weights, likelihood = load_weights(language), nearby.likelihood(language)
        if likelihood >= weights.threshold and harmless_words(language).search(nearby.normalized) is None:
            doubtful = likelihood < weights.clear
            yield Sign(likeliest_kind(language, nearby.places), start, end, doubtful=doubtful, language=language)


@cache
def _patterns(spec: SignSpec) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in spec.patterns)
