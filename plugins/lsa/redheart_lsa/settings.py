"""The [plugins.lsa] table."""

from __future__ import annotations

import attrs

_positive = attrs.validators.and_(attrs.validators.ge(1), attrs.validators.le(2**31 - 1))
"""Counts and columns of a sparse matrix are 32-bit integers."""


@attrs.frozen
class LsaSettings:
    """What the encoder counts and how far it reduces the counts."""

    width: int = attrs.field(default=768, validator=_positive)
    """Length D of a vector, at most: chunks with fewer independent directions give as many numbers as these."""
    word_terms: int = attrs.field(default=15_000, validator=_positive)
    """The most frequent words and pairs of neighbouring words that are counted."""
    character_terms: int = attrs.field(default=15_000, validator=_positive)
    """The most frequent parts of words, of 3 to 5 characters, that are counted."""
    character_weight: float = attrs.field(default=0.7, validator=[attrs.validators.ge(1e-6), attrs.validators.le(1e6)])
    """Weight of the parts of words beside the words, whose weight is 1."""
    min_chunks: int = attrs.field(default=3, validator=_positive)
    """A term has to occur in at least so many of the chunks that are fitted on."""
    fit_chunks: int = attrs.field(default=15_000, validator=_positive)
    """Fit on at most so many chunks, taken at even distances."""
    seed: int = attrs.field(default=0, validator=[attrs.validators.ge(0), attrs.validators.lt(2**32)])
    """Of the random start of the decomposition."""
