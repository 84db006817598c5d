"""What is made of a word, remembered for when it comes again: a few thousand words are most of every text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
WORDS = 16384
"""That are remembered, in the memory of the process alone; what came longest ago is forgotten first."""
LONGEST = 32
"""Characters of words that are remembered, so that the memory stays small whatever a text holds."""


def remembering_words(function: Callable[[str], T]) -> Callable[[str], T]:
    """The same function of a word, which is not asked again for a word that it was asked for a while ago.

    Args:
        function: Gives the same for the same word, and nothing that is changed afterwards.
    """
    known = lru_cache(WORDS)(function)

    def remembered(word: str) -> T:
        return known(word) if len(word) <= LONGEST else function(word)

    return remembered
