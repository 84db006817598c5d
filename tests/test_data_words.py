"""What is made of a word is made once."""

from __future__ import annotations

from redheart_core.data.words import LONGEST, remembering_words


def test_a_word_is_asked_once_and_a_long_one_is_not_kept() -> None:
    asked = []

    def length(word: str) -> int:
        asked.append(word)
        return len(word)

    remembered = remembering_words(length)
    assert [remembered(word) for word in ("a", "bc", "a")] == [1, 2, 1]
    assert asked == ["a", "bc"]
    long = "x" * (LONGEST + 1)
    assert remembered(long) == remembered(long) == LONGEST + 1
    assert asked == ["a", "bc", long, long]
