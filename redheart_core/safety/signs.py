"""Signs of a crisis in a text: which kinds and where; how much is never said, and nobody is scored."""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from itertools import accumulate

import attrs

from redheart_core.contract.signs import SignSpec
from redheart_core.data.sentences import sentence_spans
from redheart_core.data.text import chunk_text
from redheart_core.safety.classifier import Limits, likeliest_kind, load_weights
from redheart_core.safety.grams import grams_of_normal
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
    unforeseen: bool = False
    """Whether no rule found it, but words, vectors and adapters make it likely: of ordinary comments two in a hundred
    have such a sign, so that it does not silence an analysis by itself."""
    sure: bool = False
    """Whether an unforeseen one is so likely that it does: at most three in a thousand ordinary texts have such a
    sign."""
    language: str = ""
    """Of the plugin's patterns; "en" or "ko" for those of core."""


def signs(text: str, added: Sequence[SignSpec] = ()) -> tuple[Sign, ...]:
    """The signs that the words of a text give; as search_text(text, added).signs()."""
    return search_text(text, added).signs()


def search_text(text: str, added: Sequence[SignSpec] = ()) -> Searched:
    """Read a text once, for the signs that its words give and those that its words and vectors give together.

    Every pattern of every language reads every sentence that has letters of its script: a language that was stated or
    detected wrongly hides nothing. In doubt there is a sign. Nothing is stored and nothing logged.

    Args:
        text: Of any form; the first 100,000 characters are read.
        added: What plugins add; they find further signs and take none back.
    """
    read = text[:MOST_CHARS]
    spans = list(sentence_spans(read))
    sentences = []
    for number, (start, end) in enumerate(spans):
        first, last = spans[max(number - 1, 0)][0], spans[min(number + 1, len(spans) - 1)][1]
        own = _Passage(read[start:end])
        nearby = own if (first, last) == (start, end) else _Passage(read[first:last])
        others = tuple(spec for spec in added if any(one.search(plain(own.text)) for one in _patterns(spec)))
        score = load_weights(nearby.language).of_words(nearby.places())
        sentences.append(_Sentence(start, end, first, last, own, nearby, others, score))
    return Searched(read, tuple(sentences))


@attrs.frozen
class Searched:
    """A text that rules and classifier have read."""

    text: str = attrs.field(repr=False)
    """What was read of it."""
    _sentences: tuple[_Sentence, ...] = attrs.field(repr=False)

    def of_sentences(self, scores: Sequence[float], chunk_chars: int) -> tuple[float, ...]:
        """The score of each sentence's vectors: the mean of the chunks that it touches.

        Args:
            scores: Of the chunks that chunk_text cuts the text into, or one of the whole text.
            chunk_chars: Longest chunk.
        """
        if len(scores) == 1:
            return (scores[0],) * len(self._sentences)
        chunks = chunk_text(unicodedata.normalize("NFC", self.text), chunk_chars)
        assert len(chunks) == len(scores), f"{len(scores)} scores for {len(chunks)} chunks"
        ends = list(accumulate(map(_letters, chunks)))
        found, behind, letters = [], 0, 0
        for sentence in self._sentences:
            start = letters + _letters(self.text[behind : sentence.start])
            behind, letters = sentence.end, start + _letters(self.text[sentence.start : sentence.end])
            touched = scores[bisect_right(ends, start) : bisect_left(ends, letters) + 1]
            found.append(math.fsum(touched) / len(touched))
        return tuple(found)

    def for_adapters(self, second: Sequence[float], most: int) -> dict[int, str]:
        """Sentences with their neighbours of which the adapters (see adapted) may change what the others give.

        They read English alone.

        Args:
            second: The score of each sentence's vectors.
            most: So many at most, those that speak most for a crisis.
        """
        if has_hangul(self.text):
            return {}
        asked = [number for number, one in enumerate(self._sentences) if one.asks_adapters(second[number])]
        asked.sort(key=lambda number: -self._sentences[number].likelihood(second[number], None)[0])
        return {number: self._sentences[number].nearby.text for number in asked[:most]}

    def signs(
        self, second: float | Sequence[float] | None = None, third: float | Sequence[float | None] | None = None
    ) -> tuple[Sign, ...]:
        """The signs, in the order of the text; each kind once a sentence.

        Where the words of a sentence leave no doubt, vectors and adapters may say that there is one, and no more.

        Args:
            second: The score of each sentence's vectors (see vectors), or one for all; None if the text has no vectors
                that can be read.
            third: The score of the adapters (see adapted), beside that of the vectors; None if they were not asked.
        """
        if second is None:
            return self._signs([(None, None)] * len(self._sentences), self._passages)
        found = self._signs(list(zip(self._each(second), self._each(third), strict=True)), self._passages)
        kept = [
            attrs.evolve(sign, acute=False, doubtful=True, sure=False)
            for sign in self._signs([(None, None)] * len(self._sentences), 1)  # a line stays, however long the text
            if not sign.doubtful and not any(one.start < sign.end and one.end > sign.start for one in found)
        ]
        return tuple(sorted((*found, *kept), key=lambda sign: sign.start)) if kept else found

    def _each(self, scores: float | Sequence[float | None] | None) -> Sequence[float | None]:
        return scores if isinstance(scores, Sequence) else [scores] * len(self._sentences)

    @property
    def _passages(self) -> int:
        """Of three sentences."""
        return max(len(self._sentences) - 2, 1)

    def _signs(self, voters: Sequence[tuple[float | None, float | None]], passages: int) -> tuple[Sign, ...]:
        """Those that the voters see who have a score of a sentence; passages as in Limits.rise."""
        found: list[Sign] = []
        for sentence, (second, third) in zip(self._sentences, voters, strict=True):
            core = {sign.kind: sign for sign in sentence.ruled(second, third)}
            found += core.values()
            found += [
                Sign(spec.kind, sentence.start, sentence.end, language=spec.language)
                for spec in sentence.others
                if spec.kind not in core
            ]
            found += self._unforeseen(sentence, second, third, passages, found)
        return tuple(dict.fromkeys(found))

    def _unforeseen(
        self, sentence: _Sentence, second: float | None, third: float | None, passages: int, found: Sequence[Sign]
    ) -> Iterator[Sign]:
        """What the classifier sees in sentences of which no rule has found a sign."""
        start, end, nearby = sentence.first, sentence.last, sentence.nearby
        likelihood, limits = sentence.likelihood(second, third)
        surer = likelihood - limits.rise(passages)
        if surer < limits.threshold or any(sign.start < end and sign.end > start for sign in found):
            return
        if harmless_words(nearby.language).search(nearby.normalized) is None:
            kind = likeliest_kind(nearby.language, nearby.places())
            doubtful, sure = surer < limits.clear, surer >= limits.silence
            yield Sign(kind, start, end, False, doubtful, unforeseen=True, sure=sure, language=nearby.language)


@attrs.frozen(slots=False)
class _Sentence:
    """What was read of a sentence, with its neighbours where the words alone say too little."""

    start: int
    end: int
    first: int
    """Where the sentence before begins."""
    last: int
    """Where the sentence behind ends."""
    own: _Passage
    nearby: _Passage
    """With its neighbours."""
    others: tuple[SignSpec, ...]
    """Of plugins, those that find something in it."""
    score: float
    """Of the words, with those of its neighbours."""

    def asks_adapters(self, second: float) -> bool:
        """Whether words and vectors speak enough for a crisis that the adapters can turn the answer."""
        adapted = load_weights(self.nearby.language).adapted
        return adapted is not None and self.likelihood(second, None)[0] >= adapted.lowest

    def likelihood(self, second: float | None, third: float | None) -> tuple[float, Limits]:
        """How much speaks for a crisis, and what that has to reach."""
        weights = load_weights(self.nearby.language)
        if second is None:
            return self.score, weights.alone
        if third is None or weights.adapted is None:
            return self.score + weights.factor * second, weights.together
        adapted = weights.adapted
        return self.score + adapted.second * second + adapted.third * third, adapted.limits

    def ruled(self, second: float | None, third: float | None) -> Iterator[Sign]:
        """Each kind of sign that rules find; the acute ones come last, which a dict by kind keeps."""
        likelihood, limits = self.likelihood(second, third)
        if likelihood < limits.doubt and not self._certain:  # then all signs are taken back
            return
        certain = any(rule.certain for rule in self._rules)
        for rule in sorted(self._rules, key=lambda rule: rule.acute):
            acute = rule.acute and likelihood >= limits.doubt
            doubtful = not acute and not certain and likelihood < limits.threshold
            yield Sign(rule.kind, self.start, self.end, acute, doubtful, language=self.own.language)

    @cached_property
    def _rules(self) -> tuple[Rule, ...]:
        """Those that find something in it; searched for where they matter."""
        return tuple(rule for rule in self._possible if self._finds(rule))

    @cached_property
    def _certain(self) -> bool:
        """Whether one of them is certain."""
        return any(self._finds(rule) for rule in self._possible if rule.certain)

    @cached_property
    def _possible(self) -> dict[Rule, list[str]]:
        return core_rules(self.own.language).possible(self.own.normalized)

    def _finds(self, rule: Rule) -> bool:
        return rule.finds(self.own.normalized, lambda: self.nearby.normalized, self._possible[rule])


@attrs.frozen(slots=False)
class _Passage:
    """A sentence, or one with its neighbours, which rules and classifier read in one spelling."""

    text: str

    @cached_property
    def language(self) -> str:
        """Whose rules and weights read it; those of English read all that is not Korean."""
        return "ko" if has_hangul(self.text) else "en"

    @cached_property
    def normalized(self) -> str:
        return normalize(self.text)

    def places(self) -> frozenset[int]:
        """Where the classifier has weights for it; not kept, as they are far larger than the text."""
        return grams_of_normal(self.normalized, self.language == "ko")


def _letters(text: str) -> int:
    """How many characters of a text are no white space, in NFC."""
    return sum(map(len, unicodedata.normalize("NFC", text).split()))


@cache
def _patterns(spec: SignSpec) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in spec.patterns)
