"""The language of a text: whose languages are expected counts, and what cannot be told is not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from redheart_core import DataError
from redheart_core.data.language import Language, detect, language_name, primary, stated

OURS = ("en", "ko")
DATA = Path(__file__).parents[1] / "../shared/data"
TEXTS = {
    "en": ["The landlord kept our deposit and laughed about it.", "teh worst day evr", "lol", "thanks", "I love sushi"],
    "ko": ["집주인이 보증금을 돌려주지 않고 비웃었다.", "짜증나 죽겠네 ㅠㅠ", "ㅋㅋㅋㅋㅋ", "lol 진짜?"],
    "de": ["Ich bin so müde, dass ich nicht einmal mehr weinen kann.", "Danke für alles!", "das war echt mies von ihm"],
    "fr": ["Je suis tellement fatigué que je ne peux même plus pleurer.", "Tu es sérieux ?"],
    "es": ["Mi abuela murió ayer y yo no estaba.", "¿Por qué no me lo dijiste?"],
    "ja": ["祖母が昨日亡くなった。", "死にたい。"],
}
NONSENSE = ("asdf qwer zxcv", "hjkfdshjkfds", "x y z", "zzzzzz")


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in TEXTS.items() for text in texts])
def test_a_text_is_in_its_language(code: str, text: str) -> None:
    found = detect(text, OURS)
    assert found.code == code
    assert found == detect(text, OURS[::-1])
    assert not found.stated


@pytest.mark.parametrize("text", NONSENSE)
def test_letters_in_a_row_are_in_no_language(text: str) -> None:
    assert detect(text, OURS).code is None
    assert str(detect(text, OURS)) == "not recognised"


def test_a_word_that_fits_many_languages_is_taken_for_the_expected_one() -> None:
    assert str(detect("thanks", OURS)) == "taken for English"
    assert detect("thanks").code is None
    assert detect("die", ("de", "ko")).code == "de"
    assert detect("die", ("en", "ko")).code == "en"


def test_a_language_that_the_detector_does_not_know_is_never_detected() -> None:
    assert detect("The landlord kept our deposit and laughed about it.", ("tlh",)).code == "en"


def test_a_stated_language_is_taken_as_it_is() -> None:
    assert stated("en-US", "here") == stated("EN", "here") == Language("en", None)
    assert (stated("ko", "here").stated, str(stated("ko", "here"))) == (True, "Korean")
    assert primary("zh-Hant-TW") == "zh"
    assert language_name("tlh") == "'tlh'"


@pytest.mark.parametrize("code", ["english", "", "e", 7, None, "en_US", "en-"])
def test_what_is_no_code_of_a_language_is_refused(code: object) -> None:
    with pytest.raises(DataError, match="line 3: the language has to be a code such as en or ko, got"):
        stated(code, "line 3")


@pytest.mark.skipif(not (DATA / "goemotions").is_dir(), reason="the folder shared/data is not beside the repository")
@pytest.mark.parametrize(("folder", "code"), [("goemotions", "en"), ("goemotions_ko", "ko")])
def test_fewer_than_one_comment_in_two_hundred_is_taken_for_another_language(folder: str, code: str) -> None:
    lines = (DATA / folder / "dev.tsv").read_text(encoding="utf-8").split("\n")[:2000]
    wrong = [line for line in lines if detect(line.partition("\t")[0], OURS).code != code]
    assert len(wrong) < len(lines) / 200, wrong
