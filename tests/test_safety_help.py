"""What a person in crisis reads: numbers with source and date, in the language of the text."""

from __future__ import annotations

import re

import pytest

from redheart_core import SIGN_KINDS, Helpline, SettingsError, SignSpec
from redheart_core.safety.help import help_for, help_for_text
from redheart_core.safety.helplines import check_country, core_helplines, known_countries
from redheart_core.safety.signs import Sign

COUNTRIES = ("", "XX", *known_countries(core_helplines()))


def test_every_number_has_a_source_and_a_date_and_korea_and_the_united_states_have_ten_or_more() -> None:
    for line in core_helplines():
        assert line.source.startswith("https://"), line
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", line.known), line
        assert line.name
        assert line.kinds
        assert set(line.kinds) <= set(SIGN_KINDS), line
    for country in ("KR", "US"):
        assert len({line.contact for line in core_helplines() if line.country == country}) >= 10
    assert len(known_countries(core_helplines())) >= 10
    pairs = [(line.country, line.contact) for line in core_helplines()]
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("kind", SIGN_KINDS)
@pytest.mark.parametrize("language", ["en", "ko", "de"])
def test_there_is_a_number_for_every_kind_everywhere_and_the_first_line_names_it(
    country: str, kind: str, language: str
) -> None:
    found = help_for([Sign(kind, 0, 1, language=language)], country)
    assert found.helplines
    assert found.helplines[0].contact in found.lines()[0]
    if country and country != "XX":
        assert {line.country for line in found.helplines} == {country}
    assert "{" not in "".join(found.lines())


@pytest.mark.parametrize(
    ("country", "numbers"), [("KR", ["112", "119"]), ("DE", ["110", "112"]), ("US", ["911"]), ("XX", ["112"])]
)
@pytest.mark.parametrize("doubtful", [False, True])
def test_police_and_rescue_are_both_named_first_in_a_danger(country: str, numbers: list[str], doubtful: bool) -> None:
    opening, *_ = help_for([Sign("danger", 0, 1, doubtful=doubtful, language="en")], country).lines()
    assert re.findall(r"\b\d{3}\b", opening) == numbers
    assert (" or " in opening) is (len(numbers) > 1)


def test_the_country_is_that_of_the_language_unless_one_is_set() -> None:
    korean, english = help_for_text("죽고 싶어요"), help_for_text("I want to die.")
    assert korean is not None
    assert english is not None
    assert (korean.country, korean.language, korean.helplines[0].contact) == ("KR", "ko", "109")
    assert (english.country, english.language, english.helplines[0].contact) == ("US", "en", "988")
    german = help_for_text("I want to die.", "DE")
    assert german is not None
    assert (german.country, german.language, german.helplines[0].contact) == ("DE", "en", "0800 1110111")
    assert "Germany" in german.lines()[-1]
    assert "--country" in german.lines()[-1]


def test_where_somebody_is_in_danger_now_the_emergency_number_is_first() -> None:
    found = help_for_text("I want to die. He has a gun and he's coming up the stairs.")
    assert found is not None
    assert found.acute
    assert found.kinds[0] == "danger"
    assert found.helplines[0].contact == "911"


def test_the_emergency_number_is_that_of_the_kind() -> None:
    wish, violence = help_for_text("죽고 싶어요"), help_for_text("남편이 술만 마시면 저를 때려요.")
    assert wish is not None
    assert violence is not None
    assert "119에 전화" in "".join(wish.advice)
    assert "112에 전화" in "".join(violence.advice)


def test_help_holds_no_text_and_no_score() -> None:
    found = help_for_text("My secret word is banana and I want to die.")
    assert found is not None
    said = found.to_json()
    assert "banana" not in str(said)
    assert set(said) == {"text", "kinds", "acute", "doubtful", "country", "language", "signs", "helplines"}
    assert set(said["signs"][0]) == {"kind", "start", "end", "acute", "doubtful", "unforeseen", "sure", "language"}


@pytest.mark.parametrize("kind", SIGN_KINDS)
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("acute", [False, True])
def test_help_says_that_the_text_is_not_analyzed_and_promises_nothing_behind_it(
    kind: str, language: str, acute: bool
) -> None:
    found = help_for([Sign(kind, 0, 1, acute=acute, language=language)])
    assert found.alone is (acute or kind != "worry")
    if not found.alone:
        assert len(found.closing) == 1
        return
    assert {"en": "This text is not analyzed", "ko": "이 글은 분석하지 않았고"}[language] in found.closing[0]
    assert not any(words in " ".join(found.lines()) for words in ("follow", "이어집니다"))
    assert not help_for([Sign(kind, 0, 1, doubtful=True, language=language)]).alone
    unforeseen = Sign(kind, 0, 1, unforeseen=True, language=language)
    assert not help_for([unforeseen]).alone
    assert len(help_for([unforeseen]).lines()) > 2
    assert help_for([Sign(kind, 0, 1, unforeseen=True, sure=True, language=language)]).alone is (kind != "worry")
    assert help_for([unforeseen, Sign("abuse", 2, 3, language=language)]).alone


@pytest.mark.parametrize("kind", SIGN_KINDS)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_doubtful_signs_give_one_line_with_a_number_and_a_clear_one_beside_them_gives_all(
    kind: str, language: str
) -> None:
    doubtful = Sign(kind, 0, 1, doubtful=True, language=language)
    found = help_for([doubtful])
    (line,) = found.lines()
    assert found.helplines[0].contact in line
    assert found.to_json()["text"] == line
    assert len(found.helplines) > 1 or kind == "danger"
    both = help_for([doubtful, Sign(kind, 2, 3, language=language)])
    assert not both.doubtful
    assert len(both.lines()) > 2


def test_a_text_without_a_sign_has_no_help() -> None:
    assert help_for_text("I told my neighbour the truth about the fence.") is None


def test_a_plugin_brings_words_and_numbers_for_a_kind_of_its_own() -> None:
    line = Helpline("0123", "Essstörungen", ("eating",), "DE", "https://example.org", "2026-01")
    spec = SignSpec(
        name="eating", meaning="eating disorders", kind="eating", language="de",
        patterns=(r"\bich esse nichts mehr\b",),
        examples=(), counterexamples=(), opening="Du bist nicht allein: {first}.", helplines=(line,),
    )  # fmt: skip
    found = help_for_text("Ich esse nichts mehr.", "DE", (spec,))
    assert found is not None
    assert found.lines()[0] == "Du bist nicht allein: 0123 (Essstörungen)."
    elsewhere = help_for_text("Ich esse nichts mehr.", "US", (spec,))
    assert elsewhere is not None
    assert elsewhere.helplines[0].country == ""


@pytest.mark.parametrize("code", ["", "K", "KOR", "1A", "한국"])
def test_a_country_that_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(SettingsError, match="code of two letters"):
        check_country(code)


def test_the_code_of_a_country_may_be_in_small_letters() -> None:
    assert check_country("kr") == "KR"
