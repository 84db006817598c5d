"""The second voter over sentence vectors: what it computes, how it goes together with words, and what it costs."""

from __future__ import annotations

import unicodedata
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics.pairwise import rbf_kernel

from redheart.crisis import Safety
from redheart_core import SignSpec
from redheart_core.data.text import chunk_text
from redheart_core.safety import adapted, vector_fitting
from redheart_core.safety.classifier import FOLDER, load_weights
from redheart_core.safety.fitting import Case
from redheart_core.safety.signs import search_text
from redheart_core.safety.vector_fitting import AXES, fit_kernel, weigh_together, write_kernel
from redheart_core.safety.vectors import ENCODER, load_kernel, score_chunks

TEXT = {"en": "I put the key on the table.", "ko": "오늘은 혼자 걸었다."}


@pytest.fixture(autouse=True)
def no_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third voter is not asked."""
    monkeypatch.setattr(adapted, "installed", lambda: False)


def vector(most: bool) -> NDArray[np.float32]:
    """(1, D) where the shipped kernel sees a crisis most, or least, of some of its support vectors."""
    kernel = load_kernel()
    vectors = (kernel.mean + kernel.support[::4] @ kernel.axes.T).astype(np.float32)
    scores = kernel.scores(vectors)
    return vectors[[int(np.argmax(scores) if most else np.argmin(scores))]]


def some_cases(seed: int) -> tuple[list[Case], NDArray[np.float32]]:
    """Crises around one point and harmless texts around another."""
    draws = np.random.default_rng(seed)
    cases = [Case("self" if place % 2 else "none", str(place % 4 + 1), f"case {place}") for place in range(90)]
    cases += [Case("comment", str(place % 4 + 1), f"comment {place}") for place in range(30)]
    centres = draws.normal(size=(2, 160)) / 16
    places = [centres[int(case.label == "self")] for case in cases]
    return cases, (np.stack(places) + draws.normal(size=(120, 160)) / 40).astype(np.float32)


def encoder(*revisions: str) -> Any:
    return SimpleNamespace(parts=tuple(SimpleNamespace(revision=revision) for revision in revisions), chunk_chars=200)


def test_the_scores_are_those_of_a_gaussian_kernel_and_tell_the_cases_apart() -> None:
    cases, vectors = some_cases(3)
    kernel = fit_kernel(cases, vectors)
    own = (vectors - kernel.mean) @ kernel.axes
    expected = rbf_kernel(own, kernel.support, gamma=kernel.width) @ kernel.slopes + kernel.bias
    scores = kernel.scores(vectors)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert [score > 0 for score in scores] == [case.label == "self" for case in cases]
    assert fit_kernel(cases, vectors).scores(vectors).tobytes() == scores.tobytes()


def test_a_written_kernel_gives_the_scores_of_the_fitted_one(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cases, vectors = some_cases(5)
    kernel = fit_kernel(cases, vectors)
    monkeypatch.setattr(vector_fitting, "FILE", tmp_path / "kernel.npz")
    write_kernel(kernel)
    monkeypatch.setattr("redheart_core.safety.vectors.FILE", tmp_path / "kernel.npz")
    np.testing.assert_allclose(load_kernel.__wrapped__().scores(vectors), kernel.scores(vectors), atol=1e-5)


def test_the_better_voter_gets_the_greater_weight() -> None:
    cases, vectors = some_cases(4)
    second = fit_kernel(cases[1::2], vectors[1::2]).scores(vectors)
    noise = np.random.default_rng(0).normal(size=len(cases))
    useful, useless = weigh_together(cases, noise, second), weigh_together(cases, second, noise)
    assert useful * second.std() > 2 * noise.std()
    assert abs(useless) * noise.std() < second.std() / 2


@pytest.mark.parametrize("language", ["en", "ko"])
def test_vectors_add_a_sign_that_the_words_do_not_show(language: str) -> None:
    read = Safety("GB").read(TEXT[language])
    assert read.by_words() is None
    found = read.by_vectors(vector(most=True), encoder(ENCODER))
    assert found is not None
    assert (found.language, found.country, found.acute) == (language, "GB", False)
    assert read.by_vectors(vector(most=False), encoder(ENCODER)) is None


@pytest.mark.parametrize("language", ["en", "ko"])
def test_help_stands_alone_for_a_sign_without_a_rule_from_the_limit_on_and_for_a_longer_text_from_a_higher_one(
    language: str,
) -> None:
    weights = load_weights(language)
    least = weights.together.silence
    for text, rise in ((TEXT[language], 0.0), (f"{TEXT[language]} " * 5, weights.together.rise(3))):
        words = max(sentence.score for sentence in search_text(text)._sentences)
        for more, alone in ((-0.1, False), (0.1, True)):
            found = search_text(text).signs((least + rise + more - words) / weights.factor)
            assert [(one.unforeseen, one.sure) for one in found if one.sure is alone][:1] == [(True, alone)]
            assert any(one.sure for one in found) is alone


def test_vectors_take_back_what_is_not_certain_and_never_what_is_or_what_a_plugin_finds() -> None:
    lowest = -1000.0
    veiled = search_text("I wait and hope nobody notices.")
    assert veiled.signs()
    assert not veiled.signs(lowest)
    for text in ("I want to die.", "I want to kill myself.", "죽고 싶어요.", "자살하고 싶어요."):
        assert search_text(text).signs(lowest), text
    fence = SignSpec("fence", "made up", "self_harm", "en", ("purple fence",), (), ())
    assert search_text("A purple fence.", (fence,)).signs(lowest)


def test_every_chunk_has_a_score_of_its_own() -> None:
    assert load_kernel().support.shape[1] == AXES
    both = np.concatenate([vector(most=False), vector(most=True)])
    alone = [*score_chunks(vector(most=False)), *score_chunks(vector(most=True))]
    assert score_chunks(both) == pytest.approx(alone, abs=0.01)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_sentence_has_the_mean_of_the_chunks_that_it_touches(form: Literal["NFC", "NFD"]) -> None:
    text = "Café one.  Here\tis two, which is much longer than the others are.\n\nThree.\nFour."
    chunks = chunk_text(text, 32)
    assert chunks == ("Café one.", "Here is two, which is much", "longer than the others are.", "Three. Four.")
    found = search_text(unicodedata.normalize(form, text)).of_sentences((1.0, 2.0, 4.0, 8.0), 32)
    assert found == (1.0, 3.0, 8.0, 8.0)
    assert search_text(text).of_sentences((5.0,), 32) == (5.0,) * 4
    with pytest.raises(AssertionError, match="2 scores for 4 chunks"):
        search_text(text).of_sentences((1.0, 2.0), 32)


def test_vectors_of_one_part_of_a_long_text_give_that_part_a_sign_and_no_other() -> None:
    calm = "We had soup and watched the rain. "
    text = f"{calm * 8}{TEXT['en']} {calm * 8}"
    searched = search_text(text)
    chunks = chunk_text(text, 100)
    scores = [100.0 if TEXT["en"][:20] in chunk else -1.0 for chunk in chunks]
    found = searched.signs(searched.of_sentences(scores, 100))
    assert found
    start = text.index(TEXT["en"])
    assert all(start - 200 < sign.start < sign.end < start + len(TEXT["en"]) + 200 for sign in found)


def test_what_the_words_name_as_a_story_stays_harmless() -> None:
    read = Safety().read("In the novel the hero drinks the poison.")
    assert read.by_vectors(vector(most=True), encoder(ENCODER)) is None


def test_vectors_of_another_encoder_are_not_read() -> None:
    read = Safety().read(TEXT["en"])
    assert read.by_vectors(vector(most=True), encoder("another")) is None
    assert read.by_vectors(vector(most=True), encoder(ENCODER, "another")) is None


def test_the_weights_of_all_voters_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 4_400_000


NO_DOUBT = (
    "Take all the pills",
    "I gave away all of my things, nobody will miss me.",
    "My partner put his hands around my neck during an argument.",
    "남편이 또 때릴까 봐 밤마다 무섭다",
    "남편이 또 때릴까 봐 집에 가기 무섭다",
)


@pytest.mark.parametrize("text", NO_DOUBT)
def test_where_words_alone_leave_no_doubt_a_line_of_help_stays(text: str) -> None:
    searched = search_text(text)
    assert any(not sign.doubtful for sign in searched.signs())
    beside = searched.signs(-1000.0, -1000.0)
    assert beside
    assert all(sign.doubtful and not sign.acute for sign in beside)


def test_a_line_stays_beside_the_signs_of_other_sentences_in_their_order() -> None:
    text = f"{NO_DOUBT[2]} The weather is mild today. We had soup. I want to kill myself."
    line, block = search_text(text).signs(-1000.0, -1000.0)
    assert (line.kind, line.doubtful, line.start) == ("abuse", True, 0)
    assert (block.kind, block.doubtful) == ("self_harm", False)
