"""Each layer of verification of the shipped model fires on one text and is silent on an ordinary one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from front_door import succeed

import redheart
from redheart_core import DataError

ORDINARY = "I told my neighbour the truth about the fence."
NEVER = {"consistency_of_calculus", "consistency_of_circumstances"}
"""They compare utilities and regrets of acts, which this model does not answer; plugins/consistency/tests has them."""
SOUND = {"consistency_of_meaning"}
"""Its bound is 0 here: no calibration text had numbers that contradict their meaning."""
LIKE, OTHER = "I told a neighbour the truth about his fence.", "I am so angry at my boss."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redheart.Model]:
    """With a memory of one case, which is like the ordinary text."""
    place: Path = tmp_path_factory.mktemp("memory") / "cases.db"
    loaded = redheart.load("ready")
    with redheart.memory.open(place, loaded) as memory:
        memory.add(LIKE, labels={"ekman.anger": 1.0})
    with loaded.remembering(place) as remembering:
        yield remembering


def beyond(model: redheart.Model, text: str) -> set[str]:
    found = model.analyze(text)
    return {one.layer for one in (*found.limits, *found.remarks) if one.beyond}


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ("limit_of_distance", "asdf qwer zxcv uiop hjkl"),
        ("limit_of_terms", "<p>I was <b>so happy</b> to see her again!</p><script>alert(1)</script>"),
        ("limit_of_length", "I like it. " * 3000),
        ("limit_of_length", "Ok."),
        (
            "consistency_of_members",
            "I ate the food of my roommate AGAIN and he screamed at me that I am the worst roommate ever!!! I laughed.",
        ),
        ("similar_cases_distance", OTHER),
    ],
)
def test_a_layer_fires_on_its_text_and_not_on_an_ordinary_one(model: redheart.Model, layer: str, text: str) -> None:
    assert layer in beyond(model, text)
    assert layer not in beyond(model, ORDINARY)


def test_beyond_a_limit_nothing_is_answered_and_otherwise_there_is_a_warning(model: redheart.Model) -> None:
    assert model.analyze("asdf qwer zxcv uiop hjkl").answers == ()
    far = model.analyze(OTHER)
    assert far.answers
    assert any(one.startswith("no evidence: the nearest case") for one in far.warnings)


@pytest.mark.parametrize("text", ["ㅋㅋㅋㅋㅋㅋㅋㅋ", "घआऔ षबस हजऋऩषळफय मणऱऎ"])
def test_what_no_encoder_knows_a_part_of_is_refused_alone_and_beside_others(model: redheart.Model, text: str) -> None:
    with pytest.raises(DataError, match="knows no part of it, so there is nothing to analyse"):
        model.analyze(text)
    for given in ([text], [text, text], [text, ORDINARY]):
        first, *others = model.analyze_all(given)
        assert isinstance(first, redheart.Refused)
        assert [isinstance(one, redheart.Refused) for one in others] == [one == text for one in given[1:]]


def test_high_stakes_hold_back_what_is_not_sure_enough_and_usual_ones_do_not(model: redheart.Model) -> None:
    grave, usual = model.analyze("My mother died and my little son is ill."), model.analyze(ORDINARY)
    assert grave.context is not None
    assert usual.context is not None
    assert (grave.context.stakes, usual.context.stakes) == ("high", "usual")
    held = [[one.field for one in found.abstentions if "stakes" in one.reason] for found in (grave, usual)]
    assert held[0]
    assert not held[1]


def test_every_layer_of_the_model_is_one_of_these(model: redheart.Model) -> None:
    fire = {
        "limit_of_distance",
        "limit_of_terms",
        "limit_of_length",
        "consistency_of_members",
        "similar_cases_distance",
    }
    named = {layer.spec.name for layer in model.assembled.limits}
    assert named == fire | NEVER | SOUND | {"similar_cases_labels"}
    found = {one.layer: one for one in model.analyze(ORDINARY).remarks}
    assert all(found[name].score is None for name in NEVER)
    assert all(not found[name].beyond for name in (*NEVER, *SOUND))


def test_that_there_are_no_reasons_is_said(tmp_path: Path) -> None:
    shown = succeed("analyze", "--reasons", "오늘 시험에 떨어져서 정말 속상하다", cwd=tmp_path).out
    assert "nothing sure enough to show, see --details: goemotions, kote" in shown
    assert "no reasons, as no label or number is sure enough to show" in shown.splitlines()[-1]
