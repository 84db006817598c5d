"""The words of the pages: the same in every language, and the language that a reader gets."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

pytest.importorskip("fastapi", reason="needs redheart[serve]")

import redheart_server.pages
from redheart.page import LIKELY
from redheart.summary import WORDS
from redheart_core.runs.status import State, Status
from redheart_server.pages.words import LANGUAGES, chosen_language, words

HERE = Path(redheart_server.pages.__file__).parent
EN = words("en")


def places(sentence: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_the_same_with_the_same_values(code: str) -> None:
    said = words(code).say
    assert list(said) == list(EN.say)
    assert {key: places(said[key]) for key in said} == {key: places(EN.say[key]) for key in said}
    assert words(code).tasks.keys() == EN.tasks.keys()


def test_templates_and_modules_ask_for_words_that_there_are_and_for_all_of_them() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for kind in ("*.py", "templates/*.j2") for path in sorted(HERE.glob(kind))
    )
    asked = {key for key in re.findall(r'\bsay\(\s*"(\w+)"', sources) if not key.endswith("_")}
    states = {f"state_{one.replace(' ', '_')}" for kind in (State, Status) for one in kind.__args__}  # type: ignore[attr-defined] # a Literal
    composed = re.compile("(theme|detail|stakes|state|far|not_known)_.*|above|below")
    assert asked | states <= EN.say.keys()
    assert [
        key for key in EN.say if key not in set(re.findall(r'"(\w+)"', sources)) and not composed.fullmatch(key)
    ] == []


def test_korean_has_words_for_how_likely_a_label_is_and_for_each_sentence_of_the_limits() -> None:
    korean = words("ko").reasons
    assert {name for _, name in LIKELY} <= korean.keys()
    assert set(WORDS) <= korean.keys()
    assert all(places(one) == places(korean[one]) for one in WORDS)


@pytest.mark.parametrize(
    ("wanted", "accepted", "expected"),
    [
        (None, "", "en"),
        (None, "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        (None, "de,en;q=0.7,ko;q=0.9", "ko"),
        (None, "ko;q=0,en", "en"),
        (None, "fr", "en"),
        (None, "ko;q=x, , ;", "en"),
        ("ko", "en", "ko"),
        ("de", "ko", "ko"),
    ],
)
def test_a_reader_gets_the_language_that_is_chosen_else_the_first_that_the_browser_names(
    wanted: str | None, accepted: str, expected: str
) -> None:
    assert chosen_language(wanted, accepted) == expected
