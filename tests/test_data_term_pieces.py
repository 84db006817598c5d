"""Terms are cut, counted and weighed as scikit-learn does it, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from redheart_core.data.term_pieces import Kind, cutter, is_telling, pieces, says_little, telling_terms, terms_of
from redheart_core.data.terms import Terms, choose_terms, count, weigh

TEXTS = (
    "The 17 dogs told the truth, the WHOLE truth!!  :)",
    "그 개가 여기 있다. ㅋㅋㅋ 안 돼 ㅠㅠ",
    "a b c a b",
    "",
    "  ",
    "I\u0307stanbul \u00df \u1e9e o'clock e\u0301 x_y \u00a0 tab\tnew\nline",
    "no no no no no no no",
    "\U0001f600\U0001f600 mixed한글word",
)
KINDS: tuple[Kind, ...] = ("word", "character", "part")


def library(kind: Kind) -> CountVectorizer:
    if kind == "word":
        return CountVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2))
    return CountVectorizer(analyzer="char_wb", ngram_range=(3, 5) if kind == "character" else (1, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_terms_of_a_text_are_those_of_the_library(kind: Kind) -> None:
    analyze = library(kind).build_analyzer()
    for text in TEXTS:
        assert terms_of(kind, text) == analyze(text)


@pytest.mark.parametrize("kind", KINDS)
def test_telling_terms_are_counted_without_cutting(kind: Kind) -> None:
    for text in TEXTS:
        for piece in pieces(kind, text):
            terms = [term for term in cutter(kind)(piece) if is_telling(kind, term)]
            never_chosen = [term for term in terms if kind == "part" and len(term) < 3 and says_little(term)]
            assert telling_terms(kind, piece) == len(terms) - len(never_chosen)


@pytest.mark.parametrize("kind", KINDS)
def test_chosen_terms_and_their_weights_are_those_of_the_library(kind: Kind) -> None:
    counter = library(kind)
    counts = counter.fit_transform(TEXTS).astype(np.int32)
    terms, weighed = choose_terms(kind, TEXTS, 10_000, 1, 0.7)
    assert isinstance(terms, Terms)
    kept = [
        place for place, name in enumerate(counter.get_feature_names_out()) if kind != "part" or not says_little(name)
    ]
    assert terms.names == tuple(counter.get_feature_names_out()[kept])
    found = count(TEXTS, (terms,))
    assert np.array_equal(found.toarray(), counts[:, kept].toarray())
    logs = counts[:, kept].astype(np.float64)
    logs.data = 1 + np.log(logs.data)
    expected = normalize(logs.toarray() * terms.idf) * 0.7
    np.testing.assert_allclose(weighed.toarray(), expected, rtol=1e-6)
    assert np.array_equal(weigh(found, (terms,)).toarray(), weighed.toarray())


def test_kinds_side_by_side_are_each_as_it_is_alone() -> None:
    chosen = choose_terms("word", TEXTS, 10_000, 1, 0.7)[0], choose_terms("part", TEXTS, 10_000, 1, 1.4)[0]
    terms = [one for one in chosen if one is not None]
    assert len(terms) == 2
    alone = [count(TEXTS, (one,)) for one in terms]
    assert np.array_equal(count(TEXTS, terms).toarray(), np.hstack([one.toarray() for one in alone]))
    weighed = [weigh(counts, (one,)).toarray() for counts, one in zip(alone, terms, strict=True)]
    assert np.array_equal(weigh(count(TEXTS, terms), terms).toarray(), np.hstack(weighed))
