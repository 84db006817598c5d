"""A linear classifier over pieces of words, for what no rule foresees.

It is fitted on written cases by logistic regression, in fitting.py, and shipped as whole numbers of one byte: no
package is needed to read a text, and every machine gives the same answers.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import attrs

from redheart_core.contract.signs import SIGN_KINDS
from redheart_core.safety.grams import BUCKETS
from redheart_core.storage.toml_text import parse_toml

KIND_BUCKETS = 1 << 14
"""Places of the weights that tell the kinds apart."""
FOLDER = Path(__file__).parent / "weights"


@attrs.frozen
class Weights:
    """Of one language."""

    crisis: bytes
    """A weight for each place: 128 is none, above speaks for a crisis."""
    kinds: tuple[bytes, ...]
    """For each of SIGN_KINDS, in order."""
    bias: float
    """Of the score."""
    doubt: float
    """Below it, the signs of rules that are not certain are taken back."""
    threshold: float
    """From which score on a text has a sign, which is doubtful."""
    clear: float
    """From which score on the sign is not doubtful."""


@cache
def load_weights(language: str) -> Weights:
    """The shipped weights for "en" or "ko"."""
    data = (FOLDER / f"{language}.bin").read_bytes()
    assert len(data) == BUCKETS + len(SIGN_KINDS) * KIND_BUCKETS, f"{FOLDER / language}.bin has another size"
    starts = range(BUCKETS, len(data), KIND_BUCKETS)
    limits = parse_toml((FOLDER / "thresholds.toml").read_text(encoding="utf-8"))[language]
    kinds = tuple(data[start : start + KIND_BUCKETS] for start in starts)
    return Weights(data[:BUCKETS], kinds, **limits)


def weigh(crisis: bytes, places: frozenset[int]) -> float:
    """How much the pieces of a text speak for a crisis; 0 if nothing is known of them."""
    return (sum(map(crisis.__getitem__, places)) - 128 * len(places)) / math.sqrt(max(len(places), 1))


def score(language: str, places: frozenset[int]) -> float:
    """How much a text with these places (see grams) speaks for a crisis; below 0 against one."""
    weights = load_weights(language)
    return weigh(weights.crisis, places) + weights.bias


def likeliest_kind(language: str, places: frozenset[int]) -> str:
    """The kind of sign that such a text speaks for."""
    sums = [sum(table[place % KIND_BUCKETS] for place in places) for table in load_weights(language).kinds]
    return SIGN_KINDS[max(range(len(sums)), key=sums.__getitem__)]
