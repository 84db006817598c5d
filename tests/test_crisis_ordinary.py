"""Short sentences of an ordinary day, which nothing was fitted on: few of them get help, by words alone."""

from __future__ import annotations

import pytest

from redheart_core.safety.help import help_for_text

ENGLISH = [
    "My neighbour helped me carry the shelves and stayed for tea.", "I gave my seat to an old man and he thanked me.",
    "I wait and hope nobody notices.", "She put her coat on the chair and went to wash her hands.",
    "We left the bikes by the gate and walked down.", "My uncle showed me how to sharpen a pencil with a knife.",
    "He forgot his lunch, so I gave him half of mine.", "I told her where the key is and took the bus.",
    "They kept the window open all night because of the heat.", "I waited outside until the rain stopped.",
    "Nobody saw me drop the cake, so I ate it.", "My sister took my charger and left without a word.",
    "He holds the ladder and I hang the lamp.", "I said sorry first, and then he did.",
    "The doctor looked at my knee and told me to rest.", "I locked the shop and handed in the key.",
    "She didn't come to lunch, she had a meeting.", "I gave the last ticket to a girl behind me.",
    "We burned the old letters by mistake with the newspapers.", "My grandfather left early because of his back.",
    "I keep quiet and let them guess.", "He drove me home and waited till the light went on.",
    "I threw the old medicine away at the chemist's.", "They told me to sit down and brought me water.",
    "I stayed in bed until ten and read.", "The teacher took my phone and gave it back at three.",
    "I can't find anyone who wants the sofa.", "She cut my hair in the kitchen and it's crooked.",
    "We said goodbye at the station and I bought a paper.", "I checked the oven twice and went out.",
]  # fmt: skip
KOREAN = [
    "이웃이 책장 나르는 걸 도와주고 차를 마시고 갔다.", "어르신께 자리를 내드렸더니 고맙다고 하셨어요.",
    "들키지 않기를 바라면서 기다린다.", "코트를 의자에 걸어 두고 손을 씻으러 갔다.",
    "자전거를 문 앞에 세우고 걸어 내려왔어요.", "삼촌이 칼로 연필 깎는 법을 가르쳐 줬다.",
    "도시락을 두고 왔길래 내 걸 반 나눠 줬다.", "열쇠 있는 데를 알려 주고 버스를 탔어요.",
    "더워서 밤새 창문을 열어 놨다.", "비가 그칠 때까지 처마 밑에서 기다렸다.",
    "케이크를 떨어뜨렸는데 아무도 못 봐서 그냥 먹었다.", "동생이 충전기를 말도 없이 가져갔어요.",
    "아빠가 사다리를 잡고 내가 전등을 달았다.", "내가 먼저 사과했더니 걔도 미안하다고 했다.",
    "의사 선생님이 무릎을 보시고 쉬라고 하셨어요.", "가게 문을 잠그고 열쇠를 맡겼습니다.",
    "점심에 안 왔길래 물어보니 회의였대요.", "마지막 표를 뒤에 선 학생한테 줬어요.",
    "신문지랑 같이 옛날 편지를 태워 버렸네.", "할아버지는 허리가 아프셔서 먼저 가셨어요.",
    "나는 가만히 있고 다들 맞혀 보라고 했다.", "집까지 태워 주고 불 켜질 때까지 기다려 줬어요.",
    "오래된 약은 약국에 가져다줬어요.", "앉으라고 하더니 물을 가져다주셨다.",
    "열 시까지 이불 속에서 책 읽었다.", "선생님이 폰을 걷었다가 세 시에 돌려주셨다.",
    "소파 가져갈 사람을 못 찾겠다.", "엄마가 부엌에서 앞머리를 잘라 줬는데 삐뚤다.",
    "역에서 인사하고 신문을 한 부 샀다.", "가스 불을 두 번 확인하고 나왔어요.",
]  # fmt: skip
MOST = {"en": (0, 6), "ko": (1, 2)}
"""Blocks of help, and single lines of it."""


@pytest.mark.parametrize(("language", "texts"), [("en", ENGLISH), ("ko", KOREAN)])
def test_short_ordinary_sentences_seldom_get_help(language: str, texts: list[str]) -> None:
    found = [one.doubtful for one in map(help_for_text, texts) if one is not None]
    blocks, lines = MOST[language]
    assert found.count(False) <= blocks
    assert found.count(True) <= lines


@pytest.mark.parametrize("text", ENGLISH[:2])
def test_sentences_that_once_got_help_get_none(text: str) -> None:
    assert help_for_text(text) is None


def test_a_sentence_that_once_got_the_block_gets_a_line() -> None:
    found = help_for_text(ENGLISH[2])
    assert found is not None
    assert found.doubtful
