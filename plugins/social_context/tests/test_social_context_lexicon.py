"""What a text names is found at word boundaries, with endings and particles, and nothing that only looks alike."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import numpy as np
import pytest

from redheart_core import LayerTexts
from redheart_social_context.lexicon import GROUPS, LANGUAGES, find
from redheart_social_context.stakes import notes, score


@pytest.mark.parametrize(
    ("text", "group", "names"),
    [
        ("The child waited for her mother.", "vulnerable", ("child",)),
        ("The children's teacher called.", "vulnerable", ("child",)),
        ("Two babies and a GRANDMOTHER", "vulnerable", ("child", "elderly person")),
        ("My mom's boss shouted at my dad.", "person", ("mother", "superior", "father")),
        ("He was in hospital and then he died.", "matter", ("accident or emergency", "death")),
        ("I wanted to save face.", "culture", ("chemyeon (face)",)),
        ("아이가 울었다.", "vulnerable", ("child",)),
        ("아이들에게는 말하지 않았다.", "vulnerable", ("child",)),
        ("할머니께서 치매를 앓고 계신다.", "vulnerable", ("elderly person", "ill person")),
        ("엄마한테 전화했다.", "person", ("mother",)),
        ("친구들이랑 상사님 이야기를 했다.", "person", ("friend", "superior")),
        ("교통사고로 돌아가셨다.", "matter", ("accident or emergency", "death")),
        ("체면 때문에 너무 창피했다.", "culture", ("chemyeon (face)",)),
        ("평생 한이 맺혔다. 억울하다.", "culture", ("han (hopeless grief)",)),
        ("미운 정 고운 정 다 들었다.", "culture", ("jeong (bond)",)),
    ],
)
def test_names_are_found_in_the_order_of_the_text(text: str, group: str, names: tuple[str, ...]) -> None:
    assert find(text)[group] == names


@pytest.mark.parametrize(
    "text",
    [
        "I am sick of this deadline.",
        "We went on a blind date near the tennis court.",
        "The battery died and I was dying to see it.",
        "She is a skilled illustrator in Boston.",
        "I kid you not, be patient.",
        "Kidney beans are killing it.",
        "너무 웃겨 죽겠다.",
        "아이고 아이스크림이 녹았다.",
        "정말 애를 썼다.",
        "암튼 형식적인 딸기 케이크였다.",
        "한국에서 정오에 만났다.",
        "",
    ],
)
def test_words_that_only_look_alike_are_passed_over(text: str) -> None:
    assert not any(find(text).values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_of_the_lexicon_is_found_by_itself(language: str) -> None:
    tables = tomllib.loads(files("redheart_social_context").joinpath("lexicon.toml").read_text(encoding="utf-8"))
    missed = [
        form
        for group in GROUPS
        for name, forms in tables[group].items()
        for form in forms[language]
        if name not in find(form.removesuffix("*"))[group]
    ]
    assert missed == []


def test_english_forms_count_in_english_texts_and_korean_ones_in_any() -> None:
    german = "Ich habe die Kinder und die Oma gesehen."
    assert find(german, "und")["matter"] == ("death",)
    assert not any(find(german, "de").values())
    assert find("Die 할머니 ist da.", "de")["vulnerable"] == ("elderly person",)


def texts(*given: str) -> LayerTexts:
    return LayerTexts(given, ["en"] * len(given), np.zeros((len(given), 2), np.float32), np.ones((len(given), 2)))


def test_a_vulnerable_person_or_a_grave_matter_raises_the_stakes_and_both_make_them_high() -> None:
    given = texts(
        "We baked a cake.", "A child sang.", "He was in hospital.", "The child was in hospital with my mother."
    )
    assert score({}, given).tolist() == [0.0, 1.0, 1.0, 2.0]
    assert notes({}, given)[0] == {}
    assert notes({}, given)[3] == {
        "about": ("child", "mother"),
        "because of": ("child", "accident or emergency"),
    }


def test_a_text_in_another_language_is_not_read_with_the_words_of_these() -> None:
    german = LayerTexts(
        ["Ich sagte ihm die Wahrheit."] * 2, ["de", "en"], np.zeros((2, 2), np.float32), np.ones((2, 2))
    )
    assert score({}, german).tolist() == [0.0, 1.0]
    assert notes({}, german)[0] == {}
