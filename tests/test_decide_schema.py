"""The JSON Schemas of dilemmas and decisions: what is read and printed keeps them, and they refuse what is refused."""

from __future__ import annotations

import json
from typing import Any

import attrs
import jsonschema
import pytest
from test_decide_figures import PERSONS, TRUTH, changed, verdict

from redheart.analysis import Analysis
from redheart.deciding import act_figures
from redheart.decision import Decision, Measured
from redheart.decision_json import dilemma_schema, schema
from redheart.dilemma import Act, Dilemma, Lot, Person, read_dilemma
from redheart.ranking import rank
from redheart_core import DataError
from redheart_core.data.language import Language


def read(given: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(dilemma_schema()).validate(json.loads(json.dumps(given)))


def printed(value: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema()).validate(json.loads(json.dumps(value, allow_nan=False)))


def decision(given: dict[str, Any], measured: Measured | None) -> Decision:
    dilemma = read_dilemma(given)
    crowd = attrs.evolve(verdict(*range(len(dilemma.acts))), measured=measured)
    analyses = tuple(Analysis(act.text, Language("en", 0.9), (), (), (), {}) for act in dilemma.acts)
    figures = act_figures(dilemma)
    return Decision(dilemma, None, figures, analyses, crowd, "", rank(dilemma, figures, crowd))


def test_the_schemas_are_schemas() -> None:
    for one in (dilemma_schema(), schema()):
        jsonschema.Draft202012Validator.check_schema(one)


@pytest.mark.parametrize("given", [TRUTH, PERSONS, {"acts": ["going home", "staying here"]}])
@pytest.mark.parametrize("measured", [None, Measured(265, 0.6, 0.04)])
def test_a_dilemma_and_its_decision_keep_their_schemas(given: dict[str, Any], measured: Measured | None) -> None:
    read(given)
    printed(decision(given, measured).to_json())


def test_a_refusal_and_a_decision_without_a_crowd_keep_the_schema() -> None:
    whole = decision(TRUTH, None)
    printed(attrs.evolve(whole, crowd=None, silence="no model", ranking=None).to_json())
    printed({"refused": "a choice needs two acts", "help": help_in_json()})


def help_in_json() -> dict[str, Any]:
    words = {"text": "call 911", "kinds": ["suicide"], "country": "US", "language": "en", "signs": [], "helplines": []}
    return {**words, "acute": True, "doubtful": False}


@pytest.mark.parametrize(
    "given",
    [
        {"acts": ["going home"]},
        {"acts": "going home"},
        changed(TRUTH, weights={"joy": 1}),
        changed(TRUTH, weights={"utility": -1}),
        changed(TRUTH, error=2),
        changed(TRUTH, chances=[0.7, 0.3]),
        changed(TRUTH, probabilities=[1.7, -0.7]),
        changed(PERSONS, persons=[{"name": "me", "vulnerability": 2}]),
    ],
)
def test_what_the_schema_refuses_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        read(given)
    with pytest.raises(DataError):
        read_dilemma(given)


@pytest.mark.parametrize(("kind", "place"), [(Dilemma, ()), (Act, ("act",)), (Lot, ("lot",)), (Person, ("person",))])
def test_the_schema_has_the_keys_that_are_read(kind: type[Any], place: tuple[str, ...]) -> None:
    whole = dilemma_schema()
    found = {
        "": whole["properties"],
        "act": whole["$defs"]["act"]["properties"],
        "lot": whole["$defs"]["lot"]["properties"],
        "person": whole["properties"]["persons"]["items"]["properties"],
    }["".join(place)]
    assert found.keys() == {field.name for field in attrs.fields(kind)}


def test_a_key_that_nobody_documented_breaks_the_schema() -> None:
    table = decision(TRUTH, None).to_json()
    with pytest.raises(jsonschema.ValidationError):
        printed({**table, "verdict": "A"})
    with pytest.raises(jsonschema.ValidationError):
        printed({**table, "ranking": {**table["ranking"], "first": [2.0, -1.0, 0.0]}})
