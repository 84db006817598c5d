"""Words that leave no doubt: help is never missed, and where it is meant for now, nothing else is said."""

from __future__ import annotations

import pytest

from redheart_core.safety.help import help_for_text
from redheart_core.safety.signs import search_text

NOW = [
    "I want to kill myself tonight",
    "I want to kill myself tonight.",
    "I'm going to kill myself tonight",
    "I am going to kill myself",
    "i want to die tonight",
    "kms tonight",
    "I'm about to jump",
    "I'm about to jump.",
    "I'm going to jump off the bridge tonight",
    "Tonight I'm going to end it all.",
    "Tonight I will kill myself",
    "im killing myself tonight goodbye",
    "I'm gonna hang myself right now",
    "I've decided to end my life tonight.",
    "I'm going to take my own life today",
    "i wanna kill myself rn right now",
    "I am going to commit suicide tonight",
    "I'll be dead by morning",
    "I plan to shoot myself before they get home tonight",
    "I want to die right now",
    "Tonight's the night I kill myself",
    "suicide tonight",
    "I'm going to slit my wrists now",
    "I will overdose tonight",
    "gonna kill myself tonight",
    "I'm ending it all tonight.",
    "오늘 밤 자살할 거야",
    "오늘 밤에 죽고 싶어",
    "오늘 밤에 죽을 거예요.",
    "지금 죽으러 가요",
    "지금 뛰어내릴 거예요",
    "오늘 죽으려고",
    "오늘 밤에 자살하고 싶어요",
    "나 오늘 죽을 거야",
    "오늘밤 죽을래",
    "오늘 밤 목숨을 끊으려고 합니다",
    "지금 자살하려고 해요",
    "지금 목매려고 해요",
    "오늘 뛰어내릴 겁니다",
    "오늘 자살합니다",
    "자살하려고 합니다",
    "지금 죽고 싶어요",
    "오늘 저녁에 극단적 선택을 하려고 해요",
    "이따가 죽을 거예요 안녕히 계세요",
    "오늘밤 세상을 떠나려고 합니다",
    "나 죽으러 간다",
    "오늘 죽는다 안녕",
    "곧 뛰어내릴게요",
    "오늘 밤에 죽을 거야 말리지 마",
    "지금 옥상에서 뛰어내리려고요",
]
"""The writer is about to do it."""
DIRECT = [
    "I want to die", "I want to kill myself", "I want to end my life", "I wish I was dead", "I'm suicidal", "kms",
    "I don't want to live anymore", "i wanna kill myself", "I keep thinking about killing myself",
    "죽고 싶어", "죽고 싶다", "자살하고 싶어요", "살고 싶지 않아요", "죽어 버리고 싶어", "ㅈㅅ하고 싶다", "뒤지고 싶다",
    "자살 생각이 자꾸 나요", "목숨을 끊고 싶습니다", "진짜 죽고싶다",
]  # fmt: skip
HARMLESS = [
    "I'm about to jump in the shower", "I'm ready to jump into this new job", "I'm dying of laughter tonight",
    "In the novel she says I am going to kill myself tonight.",
    "We're going to die laughing tonight", "I don't want to kill myself tonight", "오늘 밤 죽도록 놀 거야!",
    "오늘 배고파 죽을 것 같아", "지금 웃겨 죽겠다 ㅋㅋ",
]  # fmt: skip
LOWEST = -1000.0
"""A score of vectors that speaks against a crisis as nothing does."""


@pytest.mark.parametrize("text", NOW)
def test_who_is_about_to_do_it_gets_help_and_nothing_else(text: str) -> None:
    found = help_for_text(text)
    assert found is not None
    assert found.acute
    assert "self_harm" in found.kinds or "danger" in found.kinds


@pytest.mark.parametrize("text", [*DIRECT, *NOW])
def test_direct_words_get_the_whole_block_whatever_the_vectors_say(text: str) -> None:
    for second in (None, LOWEST):
        assert any(not sign.doubtful for sign in search_text(text).signs(second)), second


@pytest.mark.parametrize("text", HARMLESS)
def test_words_that_are_alike_and_harmless_get_none(text: str) -> None:
    assert help_for_text(text) is None


def test_what_another_person_says_is_worry_and_not_acute() -> None:
    found = help_for_text("My friend says she is going to kill herself tonight")
    assert found is not None
    assert found.kinds == ("worry",)


@pytest.mark.parametrize(
    "text",
    [
        "Moving her to a care home against her wish",
        "moving him to a nursing home against his will",
        "Letting her stay at home alone. Moving her to a care home against her wish.",
        "어머니를 본인 뜻과 달리 요양원에 모신다",
        "본인이 원하지 않는데 요양원으로 옮긴다",
    ],
)
def test_a_care_home_against_somebodys_wish_is_no_abuse(text: str) -> None:
    assert help_for_text(text) is None
