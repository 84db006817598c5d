"""Short acts, which redheart decide compares: most of them are harmless, and some are a crisis."""

from __future__ import annotations

import pytest

from redheart_core.safety.help import help_for_text

HARMLESS = [
    "Pay back now", "Pay it back", "Pay later", "Tell her the truth", "Say nothing", "Leave the job", "Go alone",
    "Call my boss", "Ask for help", "Throw it away", "Report the theft", "Sell the house", "Never speak to him again",
    "Cut contact", "Stop the meeting", "Drink with them", "Push the button", "Hold her back", "Run away with him",
    "Put the dog down", "Save five people", "Make him pay", "Force him to apologise", "Confess", "Refuse",
    "나중에 갚는다", "사실대로 말한다", "비밀을 지킨다", "그 사람 곁에 남는다", "혼자 간다", "도움을 청한다",
    "신고한다", "연락을 끊는다", "밤 기차를 탄다", "손잡이를 당긴다", "같이 술을 마신다", "맞서 싸운다",
    "같이 도망간다", "개를 안락사시킨다", "다섯 명을 구한다", "억지로 사과하게 한다", "나가라고 한다", "거절한다",
]  # fmt: skip
"""Short, and without a word that says whom they are about."""
CRISES = [
    "Kill myself", "Take all the pills", "Cut myself again", "Stay with the man who beats me",
    "약을 다 먹는다", "다리에서 뛰어내린다", "나를 때리는 남편 곁에 남는다",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_a_short_harmless_act_gets_no_help(text: str) -> None:
    assert help_for_text(text) is None


@pytest.mark.parametrize("text", CRISES)
def test_a_short_act_that_is_a_crisis_gets_help(text: str) -> None:
    assert help_for_text(text) is not None
