"""Signs of a crisis in a text: where, of which kind, and what is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from redheart_core import SignSpec
from redheart_core.data.sentences import MOST_CHARS, sentence_spans
from redheart_core.safety.signs import signs

CRISES = {
    "self_harm": ["I want to die.", "I dont wanna live anymore", "thinking about s u i c i d e",
                  "i want to k1ll myself", "I want to\u200b die",
                  "죽고 싶어요", "죽고싶다", "ㅈㅅ하고 싶다", "자.살 하고 싶다", "살기싫어"],
    "abuse": ["My husband hits me when he is drunk.", "I was raped last night.", "남편이 술만 마시면 저를 때려요.",
              "학교폭력을 당하고 있어요"],
    "danger": ["He's outside my door with a knife.", "I just swallowed a whole bottle of pills.", "칼에 찔렸어요",
               "방금 수면제를 다 먹었어요"],
    "worry": ["My friend says she wants to die and I don't know what to do.", "동생이 자살할까 봐 걱정돼요."],
}  # fmt: skip
HARMLESS = [
    "This deadline is killing me.", "My phone died.", "I'm dying of laughter 😂", "In the novel she kills herself.",
    "I don't want to die.", "Police said that a man was stabbed.", "I'm a nurse and teach suicide prevention.",
    "배고파 죽겠다", "웃겨 죽는 줄 알았어 ㅋㅋ", "소설에서 주인공이 자살한다.", "자살 생각은 없어요.",
    "자살률이 줄었다고 통계청이 발표했다.",
    "전복죽 먹고 싶어요.", "10년 전에는 죽고 싶었지만 지금은 하루하루가 감사해요.",
    "Der Zaun ist neu.", "asdf qwer", "2026", "",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in CRISES.items() for text in texts])
def test_a_sign_is_found_however_it_is_written(kind: str, text: str) -> None:
    assert kind in {sign.kind for sign in signs(text)}


@pytest.mark.parametrize("text", HARMLESS)
def test_the_same_words_are_harmless_in_figures_of_speech_stories_news_and_denials(text: str) -> None:
    assert signs(text) == ()


def test_the_worst_sentence_decides_and_is_named_by_its_place() -> None:
    text = "We baked bread today. I want to die. 그리고 비가 왔다."
    (sign,) = signs(text)
    assert text[sign.start : sign.end] == "I want to die."
    assert (sign.kind, sign.acute, sign.language) == ("self_harm", False, "en")


def test_what_happens_now_is_acute() -> None:
    assert any(sign.acute for sign in signs("He has a gun and he's coming up the stairs."))
    assert not any(sign.acute for sign in signs("I want to die."))


def test_signs_in_two_languages_are_found_in_one_text() -> None:
    assert [sign.language for sign in signs("I want to die. 죽고 싶어요.")] == ["en", "ko"]


def test_a_plugin_adds_signs_and_takes_none_back() -> None:
    german = SignSpec(
        name="german", meaning="German", kind="self_harm", language="de", patterns=(r"\bich will sterben\b",),
        examples=(), counterexamples=(),
    )  # fmt: skip
    nothing = SignSpec(
        name="nothing", meaning="finds nothing", kind="self_harm", language="en", patterns=(r"(?!)",), examples=(),
        counterexamples=("I want to die.",),
    )  # fmt: skip
    both = "Ich will sterben. I want to die."
    assert [sign.language for sign in signs(both, (german, nothing))] == ["de", "en"]
    for text in [*HARMLESS, *(text for texts in CRISES.values() for text in texts)]:
        assert set(signs(text)) <= set(signs(text, (german, nothing)))


def test_sentences_keep_their_places_and_long_ones_are_cut_between_words() -> None:
    text = " One. Two!  세 번째?\n" + "word " * 200
    parts = [text[start:end] for start, end in sentence_spans(text)]
    assert parts[:3] == ["One.", "Two!", "세 번째?"]
    assert all(len(part) <= MOST_CHARS for part in parts)
    assert " ".join(parts[3:]).split() == ["word"] * 200


def test_a_long_text_without_an_end_of_sentence_is_read_to_its_end() -> None:
    assert signs("the wall is blue and " * 500 + "i want to die")


def test_looking_for_signs_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from redheart_core.safety.help import help_for_text; assert help_for_text('I want to die.');"
        "assert not {'torch', 'numpy', 'sklearn'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
