"""A linear classifier over pieces of words, for what no rule foresees.

It is fitted on written cases by logistic regression, in fitting.py, and shipped as whole numbers of one byte: no
package is needed to read a text, and every machine gives the same answers.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from redheart_core.contract.signs import SIGN_KINDS
from redheart_core.safety.grams import BUCKETS
from redheart_core.storage.toml_text import parse_toml

RISE = 0.12
"""Of the distance from a doubtful sign to a clear one, times the logarithm of the number of passages."""
KIND_BUCKETS = 1 << 14
"""Places of the weights that tell the kinds apart."""
FOLDER = Path(__file__).parent / "weights"


@attrs.frozen
class Limits:
    """What a score has to reach."""

    doubt: float
    """Below it, the signs of rules that are not certain are taken back."""
    threshold: float
    """From which score on a text has a sign, which is doubtful."""
    clear: float
    """From which score on the sign is not doubtful."""
    silence: float
    """From which score on help stands alone, at least clear; at most 0.3 % of ordinary texts lie above it."""

    def rise(self, passages: int) -> float:
        """By so much the score of a passage has to be higher if it is one of several: each may be a false alarm."""
        return RISE * (self.clear - self.threshold) * math.log(passages)


@attrs.frozen
class Third:
    """How the score of the adapters (see adapted) goes together with those of words and vectors."""

    second: float
    """What the score of the vectors is multiplied by before it is added to that of the words."""
    third: float
    """Likewise, of the adapters."""
    lowest: float
    """From which score of words and vectors together on the adapters are asked."""
    limits: Limits
    """Of the sum of all three."""


@attrs.frozen
class Weights:
    """Of one language."""

    crisis: bytes
    """A weight for each place: 128 is none, above speaks for a crisis."""
    kinds: tuple[bytes, ...]
    """For each of SIGN_KINDS, in order."""
    bias: float
    """Of the score."""
    alone: Limits
    """Where the words of a text are all that is known of it."""
    together: Limits
    """Where its vectors have a score too (see vectors)."""
    factor: float
    """What the score of the vectors is multiplied by before it is added to that of the words."""
    adapted: Third | None
    """Where the adapters have a score as well; None in a language that they do not read."""

    def of_words(self, places: frozenset[int]) -> float:
        """How much a text with these places (see grams) speaks for a crisis; below 0 against one."""
        return weigh(self.crisis, places) + self.bias


@cache
def load_weights(language: str) -> Weights:
    """The shipped weights for "en" or "ko"."""
    data = (FOLDER / f"{language}.bin").read_bytes()
    assert len(data) == BUCKETS + len(SIGN_KINDS) * KIND_BUCKETS, f"{FOLDER / language}.bin has another size"
    starts = range(BUCKETS, len(data), KIND_BUCKETS)
    kinds = tuple(data[start : start + KIND_BUCKETS] for start in starts)
    alone, together = (read_limits(name)[language] for name in ("alone", "together"))
    bias, factor = alone.pop("bias"), together.pop("factor")
    return Weights(data[:BUCKETS], kinds, bias, Limits(**alone), Limits(**together), factor, _third(language))


def _third(language: str) -> Third | None:
    numbers = read_limits("adapted").get(language)
    if numbers is None:
        return None
    second, third, lowest = (numbers.pop(name) for name in ("second", "third", "lowest"))
    return Third(second, third, lowest, Limits(**numbers))


def read_limits(name: str) -> dict[str, Any]:
    """By language, the numbers of a file of limits."""
    return parse_toml((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def weigh(crisis: bytes, places: frozenset[int]) -> float:
    """How much the pieces of a text speak for a crisis; 0 if nothing is known of them."""
    return (sum([crisis[place] for place in places]) - 128 * len(places)) / math.sqrt(max(len(places), 1))


def likeliest_kind(language: str, places: frozenset[int]) -> str:
    """The kind of sign that such a text speaks for."""
    own = [place % KIND_BUCKETS for place in places]
    sums = [sum([table[place] for place in own]) for table in load_weights(language).kinds]
    return SIGN_KINDS[max(range(len(sums)), key=sums.__getitem__)]
