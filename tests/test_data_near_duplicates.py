"""Near-duplicates are found as a comparison of all pairs finds them, in time that grows with their number."""

from __future__ import annotations

import random
import re
import time
import unicodedata
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from redheart_core.data.near_duplicates import near_duplicate_clusters
from redheart_core.data.shingles import shingle_sets
from redheart_core.data.text import comparable


def sentence(draw: random.Random, length: int, words: int = 10_000) -> str:
    return " ".join(f"w{draw.randrange(words)}" for _ in range(length))


def jaccard(one: str, other: str) -> float:
    def shingles(text: str) -> set[tuple[str, ...]]:
        words = tuple(re.findall(r"\w+", text.lower()))
        return {words[i : i + 4] for i in range(len(words) - 3)} or {words}

    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def together(texts: Sequence[str]) -> bool:
    return len(set(near_duplicate_clusters(texts).tolist())) == 1


def test_clusters_equal_those_of_a_direct_comparison_of_all_pairs() -> None:
    draw = random.Random(3)
    texts: list[str] = []
    for _ in range(80):
        words = sentence(draw, draw.choice([1, 3, 4, 5, 9, 24, 40, 60]), words=40).split()
        for _ in range(draw.randrange(1, 4)):
            changed = list(words)
            for _ in range(draw.randrange(2)):
                changed[draw.randrange(len(changed))] = f"new{draw.randrange(99)}"
            cut = draw.randrange(3)
            texts.append(" ".join(changed[: max(1, len(changed) - cut)]).title() + draw.choice(["", "!", " ..."]))
    group = list(range(len(texts)))
    near = 0
    for i, j in combinations(range(len(texts)), 2):
        if jaccard(texts[i], texts[j]) >= 0.8:
            near += 1
            group = [group[i] if g == group[j] else g for g in group]
    found = near_duplicate_clusters(texts).tolist()
    pairs = set(combinations(range(len(texts)), 2))
    assert {p for p in pairs if found[p[0]] == found[p[1]]} == {p for p in pairs if group[p[0]] == group[p[1]]}
    assert 30 < near < len(pairs) / 10


def test_the_threshold_itself_is_near() -> None:
    words = [f"w{i}" for i in range(12)]  # 9 shingles; 8 shared of 10 in the union after a word at each end
    assert jaccard(" ".join(words), " ".join([*words[1:], "x"])) == 0.8
    assert len(set(near_duplicate_clusters([" ".join(words), " ".join([*words[1:], "x"])]).tolist())) == 1
    assert len(set(near_duplicate_clusters([" ".join(words[:11]), " ".join([*words[1:11], "x"])]).tolist())) == 2


def test_thousands_of_equal_texts_are_one_cluster() -> None:
    assert set(near_duplicate_clusters(["the same few words again and again"] * 20_000).tolist()) == {0}


def test_numbers_follow_the_order_of_the_first_texts() -> None:
    assert near_duplicate_clusters(["b c d e", "a b c d", "b c d e", "x", "a b c d"]).tolist() == [0, 1, 0, 2, 1]
    assert near_duplicate_clusters([]).tolist() == []
    assert near_duplicate_clusters(["alone"]).tolist() == [0]


def test_a_lower_threshold_joins_more_and_at_one_only_equal_texts_stay_together() -> None:
    words = [f"w{i}" for i in range(20)]
    one, other = " ".join(words), " ".join([*words[:19], "x"])  # 16 of 18 shingles shared
    again = one.upper()
    assert jaccard(one, other) == pytest.approx(16 / 18)
    found = {t: near_duplicate_clusters([one, other, again], t).tolist() for t in (0.5, 0.8, 0.9, 1.0)}
    assert found == {0.5: [0, 0, 0], 0.8: [0, 0, 0], 0.9: [0, 1, 0], 1.0: [0, 1, 0]}


@pytest.mark.parametrize("changed", [0, 1, 2, 4])
def test_templates_with_a_free_part_are_one_cluster_or_each_its_own(changed: int) -> None:
    """Every answer differs from every other by the same share of words."""
    draw = random.Random(changed)
    form = [f"f{number}" for number in range(40)]
    texts = [" ".join([*form, *(f"free{draw.randrange(10**9)}" for _ in range(changed))]) for _ in range(300)]
    assert jaccard(texts[0], texts[1]) == pytest.approx(37 / (37 + 2 * changed))
    found = len(set(near_duplicate_clusters(texts).tolist()))
    assert found == (1 if changed <= 4 else 300)


@pytest.mark.parametrize(
    ("length", "changes", "clusters"),
    [(60, [0, 1, 1, 2], 88), (60, [1], 1), (30, [1], 318), (80, [2], 241), (80, [2, 3], 324)],
)
def test_clusters_of_templated_texts_are_nearly_those_of_a_comparison_of_all_pairs(
    length: int, changes: list[int], clusters: int
) -> None:
    """A share of the pairs between 0.1 % and 40 % is near; chains join them."""
    draw = random.Random(length)
    texts = []
    for _ in range(400):
        words = [f"f{number}" for number in range(length)]
        for place in draw.sample(range(length), draw.choice(changes)):
            words[place] = f"free{draw.randrange(10**9)}"
        texts.append(" ".join(words))
    hashes, counts = shingle_sets(texts)
    sets = [set(part.tolist()) for part in np.split(hashes, np.cumsum(counts)[:-1])]
    near = [(i, j) for i, j in combinations(range(400), 2) if len(sets[i] & sets[j]) >= 0.8 * len(sets[i] | sets[j])]
    rows, columns = zip(*near, strict=True)
    graph = coo_matrix((np.ones(len(near)), (rows, columns)), shape=(400, 400))
    exact = connected_components(graph, directed=False)[1]
    found = near_duplicate_clusters(texts)
    assert len(set(exact.tolist())) == pytest.approx(clusters, rel=0.5)
    alike, joined = (labels[:, None] == labels[None] for labels in (exact, found))
    assert not (joined & ~alike).any()
    assert (joined & alike).sum() >= 0.98 * alike.sum()


INVISIBLE = ["\u200b", "\u200d", "\u00ad", "\ufe0f", "\ufeff", "\u2066", "\u202e", "\u180e", "\U000e0061", "\u3164"]


@pytest.mark.parametrize("mark", INVISIBLE)
def test_what_nobody_sees_makes_no_other_text(mark: str) -> None:
    text = "She gave the boat to her brother before the winter storm came."
    assert together([text, mark + text.replace("r", f"r{mark}") + mark])
    assert comparable(f"a{mark}b") == "ab"


def test_texts_are_compared_in_one_unicode_form_whatever_their_white_space_and_case() -> None:
    text = "Le caf\u00e9 \u00e9tait ferm\u00e9 tout l'\u00e9t\u00e9, et ma s\u0153ur a perdu la ligne \ufb01nale."
    assert together([text, unicodedata.normalize("NFD", text), unicodedata.normalize("NFKC", text).upper()])
    assert together([text, text.replace(" ", "\u00a0\t\n")])
    assert comparable("Stra\u00dfe \u2003 \uff21") == "strasse a"


CHINESE = "昨天我把船送给了我的兄弟，因为冬天的暴风雨快要来了，而我们谁也不想失去它。"
JAPANESE = "昨日、私は兄に船をあげました。冬の嵐が来る前に、誰もそれを失いたくなかったからです。"
THAI = "เมื่อวานนี้ฉันให้เรือกับพี่ชายเพราะพายุฤดูหนาวกำลังจะมาและไม่มีใครอยากเสียมันไป"
KOREAN = "어제 나는 형에게 배를 주었다. 겨울 폭풍이 오기 전에 아무도 그것을 잃고 싶지 않았기 때문이다."


@pytest.mark.parametrize("text", [CHINESE, JAPANESE, THAI, KOREAN])
def test_scripts_without_spaces_are_compared_by_their_characters(text: str) -> None:
    long = text + text[::-1]
    assert together([long, long[:-2] + "x"])
    assert together([long, " ".join(re.findall(r"\w", long))])
    assert not together([long, text[::-1] + text[::2]])
    assert not together([text, text[::-1]])


def test_the_numbers_do_not_depend_on_the_process() -> None:
    draw = random.Random(1)
    texts = [sentence(draw, 12, words=60) for _ in range(500)]
    assert near_duplicate_clusters(texts).tolist() == near_duplicate_clusters(iter(texts)).tolist()
    backwards = near_duplicate_clusters(texts[::-1])[::-1]
    _, numbers = np.unique(backwards, return_inverse=True)
    assert len(np.unique(numbers)) == len(set(near_duplicate_clusters(texts).tolist()))


def test_four_times_the_templated_texts_take_about_four_times_as_long() -> None:
    def seconds(count: int) -> float:
        draw = random.Random(0)
        form = " ".join(f"f{number}" for number in range(40))
        texts = [f"{form} w{draw.randrange(100)} w{draw.randrange(10**6)}" for _ in range(count)]
        start = time.process_time()
        near_duplicate_clusters(texts)
        return time.process_time() - start

    seconds(500)
    assert seconds(8000) < 8 * seconds(2000)  # 16 times for a comparison of all pairs
