"""A text to sentences with their places; long ones are cut, so that no pattern reads far."""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_CHARS = 400
"""Longer sentences are cut between words."""
_SENTENCE = re.compile(r"""(?:[^.!?…。！？\n]|[.!?](?=[^\s.!?"'”’)\]]))+(?:[.!?…。！？]+["'”’)\]]*)?""")


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Beginning and end of each sentence that has a letter, in order."""
    for found in _SENTENCE.finditer(text):
        start, end = found.span()
        while end - start > MOST_CHARS:
            space = text.rfind(" ", start + 1, start + MOST_CHARS)
            middle = space if space > start else start + MOST_CHARS
            yield from _stripped(text, start, middle)
            start = middle
        yield from _stripped(text, start, end)


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if any(char.isalpha() for char in text[start:end]):
        yield start, end
