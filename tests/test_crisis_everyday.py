"""Strong feelings of everyday life, which need no help: ordinary sentences, written texts, and real comments."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from redheart_core.safety.help import help_for_text

FOLDER = Path(__file__).parent / "crisis"
DATA = Path(__file__).parents[2] / "shared" / "data"
ORDINARY = [
    "I am so angry that he lied to me again.",
    "I broke up with my boyfriend yesterday and I feel empty.",
    "I can't believe she left without saying goodbye.",
    "My boss yelled at me in front of a customer.",
    "I failed my exam and I'm so disappointed in myself.",
    "I'm exhausted from work.",
    "I miss my grandmother so much.",
    "He cheated on me and I hate him for it.",
    "I feel lonely in this new city.",
    "My sister and I had a terrible fight.",
    "또 거짓말했어. 정말 화가 나.",
    "어제 남자친구랑 헤어졌는데 마음이 텅 빈 것 같아요.",
    "인사도 없이 떠나 버렸다는 게 믿기지 않아.",
    "부장님이 사람들 앞에서 소리를 질렀어요.",
    "시험에 떨어져서 너무 속상해요.",
    "할머니가 너무 보고 싶어요.",
    "바람피운 그 사람이 너무 미워요.",
    "새로 이사 온 동네에서 외로워요.",
    "언니랑 크게 싸웠어요.",
    "야근이 많아서 지쳤어요.",
]
"""The first is the first example of the README. The classifier was fitted on some of them."""
REACHED = {"en": (1, 8), "ko": (2, 13)}
"""Of 101 everyday texts, which nothing was fitted on: blocks of help, and single lines of it."""
REAL = {"goemotions": (2, 26), "goemotions_ko": (5, 13), "kote": (6, 14)}
"""The same of 1,000 real comments, which nothing was fitted on."""


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_feelings_get_no_help(text: str) -> None:
    assert help_for_text(text) is None


@pytest.mark.parametrize("language", ["en", "ko"])
def test_everyday_texts_seldom_get_help(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (FOLDER / f"everyday_{language}.tsv").open(encoding="utf-8", newline="") as file:
        texts = [case["text"] for case in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert len(texts) == 101
    held(f"everyday {language}", texts, REACHED[language], capsys)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_comments_seldom_get_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = DATA / name / ("val.tsv" if name == "kote" else "dev.tsv")
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [row[1] for row in rows[1::5]] if name == "kote" else [row[0] for row in rows[::5]]
    held(name, texts[:1000], REAL[name], capsys)


def held(name: str, texts: list[str], most: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    """At most so many texts have a block of help, and at most so many a single line."""
    found = [help_for_text(text) for text in texts]
    helps = Counter(one.doubtful for one in found if one is not None)
    alone = sum(one is not None and one.alone for one in found)
    with capsys.disabled():
        print(
            f"\n{name}: {helps[False]} blocks of help, {alone} of them alone, and {helps[True]} single lines on "
            f"{len(texts)} texts"
        )
    assert helps[False] <= most[0]
    assert helps[True] <= most[1]
