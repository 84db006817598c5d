"""Which texts are accepted, and that chunks lose nothing."""

from __future__ import annotations

import random
import time
import unicodedata

import pytest

from redheart_core import DataError
from redheart_core.data.text import MAX_TEXT_CHARS, check_text, chunk_text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the text is empty"),
        (" \n\t ", "the text is empty"),
        ("a" * (MAX_TEXT_CHARS + 1), r"has 100,001 characters, 100,000 are allowed"),
        ("a" * 1_000_000, r"has 1,000,000 characters"),
        ("nul\x00here", r"control character, U\+0000, at position 4"),
        ("bell\x07", r"control character, U\+0007, at position 5"),
        ("csi\x9bx", r"control character, U\+009B"),
        ("lone \ud800 half", r"lone surrogate, U\+D800, at position 6"),
        ("123 !? 45.", r"has no letter, '123 !\? 45.'"),
        ("a" + "\u0301" * 31, r"more than 30 combining marks in a row at position 2"),
    ],
)
def test_an_unsupported_text_is_refused_with_its_reason_and_place(text: str, reason: str) -> None:
    with pytest.raises(DataError, match=f"^line 3: .*{reason}"):
        check_text(text, "line 3")


@pytest.mark.parametrize("text", ["a", "한", "I stole bread.\n\nWhy?\t\x0b", "\U0001f600 ok", "a" * MAX_TEXT_CHARS])
def test_an_ordinary_text_comes_back_unchanged(text: str) -> None:
    assert check_text(text, "x") == text


def test_the_text_comes_back_composed() -> None:
    assert check_text(unicodedata.normalize("NFD", "한국어 café"), "x") == "한국어 café"


def test_a_text_of_nothing_but_combining_marks_is_refused_at_once() -> None:
    start = time.process_time()
    with pytest.raises(DataError, match="combining marks"):
        check_text("a" + "\u0301\u0323" * 49_000, "x")
    assert time.process_time() - start < 1.0  # NFC alone takes 7 s for this


def test_sentences_are_packed_into_as_few_chunks_as_their_order_allows() -> None:
    text = "One two. Three four! Five?  Six seven eight nine.\n\nTen"
    assert chunk_text(text, 21) == ("One two. Three four!", "Five?", "Six seven eight nine.", "Ten")


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ('He said "Go." Then he left.', ('He said "Go."', "Then he left.")),
        ("나는 갔다. 비가 왔다.", ("나는 갔다.", "비가 왔다.")),
        ("他走了。雨停了。", ("他走了。", "雨停了。")),
        ("It cost 3.50 in all. Yes.", ("It cost 3.50 in all.", "Yes.")),
        ("a title\n\nits text", ("a title", "its text")),
    ],
)
def test_sentences_end_at_marks_and_paragraphs(text: str, chunks: tuple[str, ...]) -> None:
    longest = max(map(len, chunks))
    assert chunk_text(text, longest) == chunks


def test_a_long_sentence_is_cut_between_words_and_a_long_word_anywhere() -> None:
    assert chunk_text("aa bb cc dd", 5) == ("aa bb", "cc dd")
    assert chunk_text("abcdefghij k", 4) == ("abcd", "efgh", "ij k")


def test_a_chunk_size_below_one_is_refused() -> None:
    with pytest.raises(DataError, match="chunk_chars has to be at least 1, got 0"):
        chunk_text("a", 0)


@pytest.mark.parametrize("chunk_chars", [1, 2, 7, 40, 200])
def test_chunks_keep_every_character_in_order_and_never_exceed_their_size(chunk_chars: int) -> None:
    draw = random.Random(chunk_chars)
    pieces = [
        "a",
        "bc",
        "긴단어입니다",
        "longword" * 4,
        " ",
        "  ",
        "\n",
        "\n\n",
        "\n \n",
        ". ",
        "? ",
        "!",
        "。",
        '."',
        "…",
        "😀",
    ]
    for _ in range(300):
        text = "".join(draw.choice(pieces) for _ in range(draw.randrange(40)))
        chunks = chunk_text(text, chunk_chars)
        assert "".join("".join(chunks).split()) == "".join(text.split())
        assert all(0 < len(chunk) <= chunk_chars and chunk == chunk.strip() for chunk in chunks)
