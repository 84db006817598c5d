"""An analysis as JSON keeps its schema, whatever it holds."""

from __future__ import annotations

import json
from typing import Any

import attrs
import jsonschema
import pytest
from test_api_page import LABELS, RATING, analysis, answer, value

from redheart.analysis_json import VERSION, schema
from redheart.crisis import Safety
from redheart_core.data.language import Language
from redheart_core.models.abstaining import Abstention, Silence
from redheart_core.models.findings import Certainty
from redheart_core.models.limits import Reading
from redheart_core.models.stakes import Context

PLAIN = answer(RATING, attrs.evolve(value("rating", 2.0), low=1.5, high=2.5))
BOUNDED = attrs.evolve(
    answer(LABELS, attrs.evolve(value("joy", 0.9, 2.0, 0.4), in_set=True, borrowed="labels")),
    certainty=Certainty(0.1, 400, 1.3, None, ("joy",)),
)
SILENT = Abstention("rating", (Silence("the text is too short", "write more"),))
CASES = {
    "calibrated": analysis(PLAIN, BOUNDED),
    "not calibrated": attrs.evolve(analysis(attrs.evolve(PLAIN, certainty=None)), calibrated=False),
    "in doubt": attrs.evolve(
        analysis(attrs.evolve(PLAIN, unsure=("rating",))),
        context=Context("high", {"about": ("child",)}),
        remarks=(Reading("members", 4.0, 2.0, "members disagree", "", {"rating": ("a says 2",)}),),
    ),
    "silent": attrs.evolve(
        analysis(abstentions=(SILENT,), language=Language(None, 0.1)),
        limits=(Reading("length", 4.0, 2.0, "too short", "write more"), Reading("mute", None, None, "", "")),
        missing={"phase0": "it was left out"},
        absent=("posts",),
        not_analyzed={"kalman": ("eeg",)},
    ),
    "crisis": attrs.evolve(analysis(), help=Safety().help_for("I am going to kill myself tonight.")),
}


def check(value: Any) -> None:
    jsonschema.Draft202012Validator(schema()).validate(json.loads(json.dumps(value, allow_nan=False)))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", CASES)
def test_an_analysis_keeps_the_schema(name: str) -> None:
    found = CASES[name].to_json()
    assert found["version"] == VERSION
    check(found)
    check({"id": 7, **found})


def test_a_refused_line_keeps_the_schema() -> None:
    check({"refused": "line 1: the text is empty", "id": "a"})


@pytest.mark.parametrize("change", [{"version": 2}, {"version": None}, {"answers": None}, {"more": 1}])
def test_another_form_does_not_keep_the_schema(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check({**CASES["calibrated"].to_json(), **change})
