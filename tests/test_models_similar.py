"""Cases near a text beside its answers: of a memory, and of the training split where limits are found out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import numpy as np
import pytest
from test_api_json import check
from test_api_page import ENGLISH, LABELS, RATING, VOTES, analysis, answer, value
from test_models_limits import active, assembled, spec
from toy import Toy
from trained_toy import Trained

from redheart.similar import agreement, evidence_lines
from redheart_core import CATALOGUE, Field, LayerAnswers, LayerTexts
from redheart_core.data.language import UNDETERMINED
from redheart_core.memory.case import Case, Neighbour, make_case
from redheart_core.memory.cases import Cases
from redheart_core.memory.evidence import load_evidence
from redheart_core.memory.opening import open_cases
from redheart_core.memory.vectors import text_vector
from redheart_core.models import limits_fitting
from redheart_core.models.analysis import analyze_texts
from redheart_core.models.limits_fitting import texts_of
from redheart_core.models.similar import NEAREST, add_cases, add_training_cases
from redheart_core.models.text_inputs import TextToAnalyze


def case(**labels: float) -> Case:
    named = {name.replace("_", ".", 1): number for name, number in labels.items()}
    return make_case("a/1", [1.0, 0.0], 2, labels=named, time=datetime(2024, 1, 1, tzinfo=UTC))


def near(distance: float, **labels: float) -> Neighbour:
    return Neighbour(case(**labels), distance)


def unanswered(field: Field, count: int) -> LayerAnswers:
    size = len(field.elements)
    return LayerAnswers(field, np.zeros((count, size)), np.full((2, count, size), np.nan), {}, np.empty((count, 0, 0)))


def blank(count: int, *names: str) -> LayerTexts:
    answers = {name: unanswered(CATALOGUE[name], count) for name in names}
    return LayerTexts(["text"] * count, ["en"] * count, np.ones((count, 2)), np.ones((count, 2)), answers)


@pytest.fixture
def memory(trained: Trained, tmp_path: Path) -> Cases:
    store = trained.context.store
    cases = open_cases(tmp_path / "cases.db", store.encoder_identity)
    load_evidence(cases, store, datetime.now(UTC), False, lambda *_: False, lambda *_: None)
    return cases


def test_labels_of_cases_stand_beside_the_answers_votes_as_shares_and_missing_ones_as_nan() -> None:
    found = add_cases(
        blank(2, "votes", "regret"), [(near(0.1, votes_OTHER=3.0, votes_AUTHOR=1.0), near(0.2, regret=0.5)), ()]
    )
    assert found.distances is not None
    assert found.distances[0, :2].tolist() == [0.1, 0.2]
    assert np.isnan(found.distances[1]).all()
    votes, regret = found.answers["votes"].cases, found.answers["regret"].cases
    assert votes.shape == (2, NEAREST, 5)
    assert votes[0, 0, :2].tolist() == [0.25, 0.75]
    assert np.isnan(votes[0, 1:]).all()
    assert regret[0, 1].tolist() == [0.5]
    without = blank(1, "votes")
    assert add_cases(without, [()]) is without


def test_the_training_split_as_a_memory_gives_what_a_memory_of_it_gives(trained: Trained, memory: Cases) -> None:
    store = trained.context.store
    rows = store.rows("calibration")[:6]
    texts = texts_of(store, rows)
    fields = {
        name: unanswered(field, len(rows)) for name, field in store.fields.items() if not field.axes and not field.text
    }
    split = add_training_cases(attrs.evolve(texts, answers=fields), store, rows)
    vectors = [store.batch(rows[place : place + 1])[0][0].numpy() for place in range(len(rows))]
    found = [tuple(memory.nearest(text_vector(one), NEAREST, exact=True)) for one in vectors]
    kept = add_cases(attrs.evolve(texts, answers=fields), found)
    assert split.distances is not None
    assert kept.distances is not None
    np.testing.assert_allclose(split.distances, kept.distances, atol=1e-5)
    apart = np.diff(kept.distances, axis=1).min(1) > 1e-4  # else equals may come in another order
    for name in fields:
        np.testing.assert_allclose(split.answers[name].cases[apart], kept.answers[name].cases[apart], atol=1e-6)


def test_a_text_far_from_all_cases_has_a_warning_and_a_training_text_has_none(
    toy: Toy, trained: Trained, memory: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_fitting, "SHARE", 0.3)
    layers = (spec("similar_cases_distance"), spec("similar_cases_labels"))
    model = assembled(trained, tmp_path / "model", *layers)
    known = trained.context.store.text(int(trained.context.store.rows("train")[0]))
    given = [TextToAnalyze(text, "text", {}, ENGLISH) for text in (known, "unheard of zebras everywhere")]
    found = analyze_texts(model, toy.encoder(), given, memory)
    like, unlike = (one for one in found if not isinstance(one, Exception))
    assert like.cases[0].distance == pytest.approx(0.0, abs=1e-6)
    assert [one.beyond for one in like.remarks if one.layer == "similar_cases_distance"] == [False]
    assert len(unlike.cases) == NEAREST
    alone = analyze_texts(model, toy.encoder(), given[:1])[0]
    assert not isinstance(alone, Exception)
    assert alone.cases == ()
    assert [one.score for one in alone.remarks] == [None, None]
    assert [one.limits.everywhere is None for one in model.limits] == [False, False]
    limit = model.limits[0].limits.limit(UNDETERMINED)
    assert limit is not None
    assert (unlike.remarks[0].score or 0.0) > 0.0
    far = attrs.evolve(blank(1), distances=np.array([[limit + 0.1]]))
    (reading,) = model.limits[0].read(far)
    assert reading.beyond
    assert reading.words == (
        f"no evidence: the nearest case of the memory is at a distance of {limit + 0.1:.2f}, usual up to {limit:.2f}, "
        "and the answers rest on the model alone"
    )
    near_enough = attrs.evolve(blank(1), distances=np.array([[limit - 0.01]]))
    assert [(one.beyond, one.words) for one in model.limits[0].read(near_enough)] == [(False, "")]
    assert active(*layers)


def test_the_page_shows_cases_with_what_they_have_and_how_much_of_it_is_inside() -> None:
    rating = answer(RATING, attrs.evolve(value("rating", 2.0, 3.0), low=1.0, high=3.0))
    labels = answer(
        LABELS, *[attrs.evolve(value(name, 0.9, 2.0, 0.4), in_set=name == "joy") for name in ("joy", "fear")]
    )
    votes = answer(VOTES, attrs.evolve(value("yes", 0.9, 2.0), low=0.7, high=1.0), value("no", 0.1, -2.0))
    cases = (
        near(0.1, rating=2.5, feelings_joy=1.0, feelings_fear=1.0, votes_yes=3.0, votes_no=1.0),
        near(0.25, rating=4.0),
    )
    found = attrs.evolve(analysis(rating, labels, votes), cases=cases, remembered=True)
    assert list(evidence_lines(found)) == [
        "nearest case a/1, at a distance of 0.10: rating 2.5, feelings.joy 1, votes.yes 3",
        "nearest case a/1, at a distance of 0.25: rating 4",
        "labels of 2 cases inside the intervals and sets: rating 1 of 2, feelings 1 of 2, votes 1 of 1",
    ]
    assert agreement(rating, ()) == (0, 0)
    check(found.to_json())
    assert [one["distance"] for one in found.to_json()["evidence"]] == [0.1, 0.25]
    assert list(evidence_lines(attrs.evolve(found, cases=()))) == ["no evidence: the memory has no case"]
    assert list(evidence_lines(attrs.evolve(found, cases=(), remembered=False))) == []
    assert attrs.evolve(found, cases=(), remembered=False).to_json()["evidence"] is None
