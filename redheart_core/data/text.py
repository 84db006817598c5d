"""Texts: which are accepted, and how one is cut into the chunks that an encoder sees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from redheart_core.contract.errors import DataError

MAX_TEXT_CHARS = 100_000
MAX_MARKS = 30
"""Combining marks in a row, as in the Stream-Safe Text Format (UAX #15); without a limit, NFC takes quadratic time."""

_REFUSED = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters that are no white space, and surrogates."""

_SENTENCE_END = re.compile(r"""[.!?…。！？\n](?:(?<=[.!?…])["'”’)\]]*\s+|(?<=[。！？])["'”’」』)\]]*|(?<=\n)\s*\n)""")


_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""What Unicode calls Default_Ignorable_Code_Point: zero-width and bidirectional marks, soft hyphens and the like."""


def comparable(text: str) -> str:
    """The text as it is compared with others: without invisible characters, NFKC, case-folded, single spaces.

    Nearly Unicode's NFKC_Casefold (UAX #44), with white space as one space.
    """
    visible = _INVISIBLE.sub("", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return " ".join(_INVISIBLE.sub("", folded).split())


def shorten(text: str, most: int = 80) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def check_text(text: str, where: str) -> str:
    """Refuse what cannot be analysed, and give the text in Unicode's composed form (NFC).

    Args:
        text: What a data set or user gave.
        where: Names the text in the message.

    Raises:
        DataError: Empty, too long, without a letter, or holding control characters,
            lone surrogates or endless combining marks.
    """
    if not text.strip():
        raise DataError(f"{where}: the text is empty; give at least a sentence")
    if len(text) > MAX_TEXT_CHARS:
        raise DataError(
            f"{where}: the text has {len(text):,} characters, {MAX_TEXT_CHARS:,} are allowed; split it into parts"
        )
    if found := _REFUSED.search(text):
        kind = "a lone surrogate" if unicodedata.category(found[0]) == "Cs" else "a control character"
        raise DataError(
            f"{where}: the text holds {kind}, U+{ord(found[0]):04X}, at position {found.start() + 1}; "
            "remove it or save the text as proper UTF-8"
        )
    marks = [char for char in set(text) if unicodedata.combining(char)]
    if marks and (found := re.search(f"[{''.join(marks)}]{{{MAX_MARKS + 1}}}", text)):
        raise DataError(f"{where}: more than {MAX_MARKS} combining marks in a row at position {found.start() + 1}")
    if not any(char.isalpha() for char in text):
        raise DataError(f"{where}: the text has no letter, {text.strip()!r:.40}; give a sentence in words")
    return unicodedata.normalize("NFC", text)


def chunk_text(text: str, chunk_chars: int) -> tuple[str, ...]:
    """Cut a text into chunks of at most chunk_chars characters, at sentence ends where possible.

    Sentences are packed greedily; one that is too long is cut between words, and a
    word that is too long is cut hard. White space becomes one space; every other
    character is kept, in order.

    Raises:
        DataError: chunk_chars is below 1.
    """
    if chunk_chars < 1:
        raise DataError(f"chunk_chars has to be at least 1, got {chunk_chars}")
    return tuple(_pack((piece for sentence in _sentences(text) for piece in _cut(sentence, chunk_chars)), chunk_chars))


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for match in _SENTENCE_END.finditer(text):
        yield text[start : match.end()]
        start = match.end()
    yield text[start:]


def _cut(sentence: str, chunk_chars: int) -> Iterator[str]:
    words = sentence.split()
    line = " ".join(words)
    if len(line) <= chunk_chars:
        return iter((line,) if line else ())
    parts = (word[start : start + chunk_chars] for word in words for start in range(0, len(word), chunk_chars))
    return _pack(parts, chunk_chars)


def _pack(pieces: Iterator[str], chunk_chars: int) -> Iterator[str]:
    chunk = ""
    for piece in pieces:
        if chunk and len(chunk) + 1 + len(piece) > chunk_chars:
            yield chunk
            chunk = piece
        else:
            chunk = f"{chunk} {piece}" if chunk else piece
    if chunk:
        yield chunk
