"""Decisions on given numbers: equal to the calculators, ordered by what is asked for, with where the order turns."""

from __future__ import annotations

import copy
import json
from typing import Any

import attrs
import numpy as np
import pytest

import redheart
from redheart.analysis import Analysis
from redheart.deciding import act_figures, better_said
from redheart.decision import FIGURES, VERSION, CrowdVerdict, Decision, Ranking
from redheart.decision_page import FIGURE_WORDS
from redheart.dilemma import read_dilemma
from redheart.ranking import rank
from redheart_core import CATALOGUE, DataError
from redheart_core.data.language import Language
from redheart_core.exact.choice import luce_shares
from redheart_core.models.findings import Answer, Certainty, Finding, LabelValue
from redheart_server.pages.decision_view import act_views
from redheart_server.pages.words import words as words_in

TRUTH: dict[str, Any] = {
    "situation": "My father asks how ill he is.",
    "outcomes": ["he copes", "he despairs"],
    "probabilities": [0.7, 0.3],
    "acts": [
        {"text": "telling him the truth", "payoffs": [5, -4]},
        {"text": "saying that all is well", "payoffs": [1, 1]},
        {"text": "asking what he wants to know", "payoffs": [3, 0.5]},
    ],
}
PERSONS: dict[str, Any] = {
    "persons": [{"name": "me", "vulnerability": 0.3}, {"name": "child", "vulnerability": 0.9}],
    "acts": [
        {
            "text": "moving to the other town",
            "lots": [
                {"sign": -1, "intensity": 0.5, "days": 10, "person": "child", "certainty": 0.9, "purity": 0.8},
                {"sign": 1, "intensity": 0.6, "days": 100, "person": "me", "fecundity": 0.2, "delay_days": 3},
            ],
            "external_cost": 0.4,
            "self_damage": -0.2,
            "layers": {"moral": 2.0, "social": 0.5},
        },
        {
            "text": "staying where we are",
            "lots": [{"sign": -1, "intensity": 0.4, "days": 50, "person": "me", "certainty": 0.5, "persons": 2}],
            "redistribution": 0.5,
        },
    ],
}


def changed(given: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(given), **changes}


def ranking(given: dict[str, Any], crowd: CrowdVerdict | None = None) -> Ranking:
    dilemma = read_dilemma(given)
    found = rank(dilemma, act_figures(dilemma), crowd)
    assert found is not None
    return found


def verdict(*blame: float) -> CrowdVerdict:
    least = tuple(luce_shares(blame).tolist())
    return CrowdVerdict(blame, tuple((0.5,) * len(blame) for _ in blame), least, "made up")


def test_figures_of_payoffs_equal_those_of_the_calculator() -> None:
    figures = act_figures(read_dilemma(TRUTH))
    payoffs = [act["payoffs"] for act in TRUTH["acts"]]
    exact = redheart.calculate("exact_regret", {"payoffs": payoffs, "probabilities": TRUTH["probabilities"]})[
        "decision"
    ]
    assert [list(one.regret or ()) for one in figures] == exact["regret"]
    for name in ("expected_utility", "expected_regret", "largest_regret"):
        assert [getattr(one, name) for one in figures] == exact[name]
    assert ranking(TRUTH).order[0] == exact["best_act"]
    assert ranking(changed(TRUTH, weights={"largest_regret": 1})).order[0] == exact["minimax_act"]


def test_figures_of_lots_equal_those_of_the_calculator() -> None:
    for figures, act in zip(act_figures(read_dilemma(PERSONS)), PERSONS["acts"], strict=True):
        defaults = {"certainty": 1, "delay_days": 0, "fecundity": 0, "purity": 1, "persons": 1}
        names = ("sign", "intensity", "days", *defaults)
        inputs = {name: [lot.get(name, defaults.get(name)) for lot in act["lots"]] for name in names}
        layers = ("cultural", "temporal", "social", "personal", "moral", "situational")
        inputs["layers"] = [act.get("layers", {}).get(name, 1) for name in layers]
        burdens = {name: act.get(name, 0) for name in ("external_cost", "redistribution", "self_damage")}
        exact = redheart.calculate("exact_hedonic", {**inputs, **burdens})
        assert figures.hedonic_value == figures.utility == exact["value"]
        assert (figures.net, figures.gross, figures.context) == (exact["net"], exact["gross"], exact["context"])


def test_harm_is_the_pains_of_each_person() -> None:
    moving, staying = act_figures(read_dilemma(PERSONS))
    assert moving.harm == {"me": 0.0, "child": pytest.approx(0.5 * 10 * 0.9 * 0.8)}
    assert staying.harm == {"me": pytest.approx(0.4 * 50 * 0.5 * 2), "child": 0.0}


def test_an_act_that_brings_nothing_is_worth_nothing() -> None:
    nothing = {"text": "doing nothing", "lots": []}
    figures = act_figures(read_dilemma(changed(PERSONS, acts=[*PERSONS["acts"], nothing])))[2]
    assert (figures.hedonic_value, figures.views, figures.harm) == (0.0, (0.0, 0.0, 0.0), {"me": 0.0, "child": 0.0})


def test_views_are_quantiles_and_without_probabilities_the_ends() -> None:
    truth = act_figures(read_dilemma(TRUTH))[0]
    assert truth.views == (5.0, 5.0, -4.0)
    unknown = {key: value for key, value in TRUTH.items() if key != "probabilities"}
    truth = act_figures(read_dilemma(unknown))[0]
    assert (truth.views, truth.expected_utility, truth.largest_regret) == ((5.0, None, -4.0), None, 5.0)
    assert ranking(unknown).weights == {"largest_regret": 1.0}


def test_the_most_vulnerable_person_comes_first_if_asked_for() -> None:
    assert ranking(PERSONS).order == (0, 1)
    found = ranking(changed(PERSONS, vulnerable_first=True))
    assert (found.order, found.vulnerable_first) == ((1, 0), ("child", "me"))
    assert found.first[1] > 0.99
    (line,) = found.sensitivity
    assert (line.what, line.value, line.act) == ("harm of the first act to child", 0.0, 0)
    assert line.break_even == pytest.approx(3.6)


def test_equal_harm_to_the_most_vulnerable_leaves_it_to_the_next() -> None:
    given = changed(PERSONS, vulnerable_first=True)
    given["acts"][0]["lots"][0]["person"] = "me"
    assert ranking(given).order == (0, 1)  # 3.6 against 20 hedons of harm to me, none to the child


def test_the_order_turns_at_the_probabilities_and_payoffs_that_are_named() -> None:
    found = {one.what: one for one in ranking(TRUTH).sensitivity}
    copes = found["probability of he copes"]
    assert (copes.value, copes.act) == (0.7, 2)
    for share, first in ((1.001, 0), (0.999, 2)):
        chance = (copes.break_even or 0.0) * share
        assert ranking(changed(TRUTH, probabilities=[chance, 1 - chance])).order[0] == first
    payoff = found["payoff of the first act if he despairs"]
    for change, first in ((0.001, 0), (-0.001, 2)):
        acts = copy.deepcopy(TRUTH["acts"])
        acts[0]["payoffs"][1] = (payoff.break_even or 0.0) + change
        assert ranking(changed(TRUTH, acts=acts)).order[0] == first


def test_the_order_turns_at_the_weight_that_is_named() -> None:
    crowd = verdict(2.0, -2.0, 2.0)
    found = {one.what: one for one in ranking(TRUTH, crowd).sensitivity}["weight of crowd"]
    assert found.value == 0.0
    assert found.act == 1
    for share, first in ((0.999, 0), (1.001, 1)):
        weights = {"utility": 1, "crowd": (found.break_even or 0.0) * share}
        assert ranking(changed(TRUTH, weights=weights), crowd).order[0] == first


def test_the_crowd_decides_where_nothing_else_is_known() -> None:
    found = ranking({"acts": ["stealing it", "lending it", "hiding it"]}, verdict(1.0, -1.5, 0.5))
    assert (found.order, found.weights) == ((1, 2, 0), {"crowd": 1.0})
    odds = np.exp([-1.0, 1.5, -0.5])
    np.testing.assert_allclose(found.first, odds / odds.sum(), rtol=1e-12)
    (line,) = found.sensitivity
    assert (line.what, line.value, line.break_even, line.act) == ("blame of the first act in logits", -1.5, 0.5, 2)


def test_of_two_acts_one_is_first_as_often_as_the_other_is_named_the_least_ethical() -> None:
    crowd = verdict(0.4, -0.4)
    found = ranking({"acts": ["stealing it", "lending it"]}, crowd)
    np.testing.assert_allclose(found.first, crowd.least_ethical[::-1], rtol=1e-12)


def test_nothing_known_gives_no_order() -> None:
    dilemma = read_dilemma(["stealing it", "lending it"])
    assert rank(dilemma, act_figures(dilemma), None) is None


def test_acts_that_nothing_separates_are_named() -> None:
    acts = [{"text": text, "payoffs": [1, 2]} for text in ("going home", "staying here")]
    found = ranking({"acts": acts, "probabilities": [0.5, 0.5]})
    assert found.level == (1,)
    assert found.first == (1.0, 0.0) or sum(found.first) == pytest.approx(1.0)


def test_surer_numbers_make_a_surer_first_place_and_the_same_call_the_same_one() -> None:
    sure, unsure = (ranking(changed(TRUTH, error=error)) for error in (0.01, 0.3))
    assert sure.first[0] > 0.65 > unsure.first[0]
    assert ranking(TRUTH) == ranking(TRUTH)


def test_exact_numbers_without_error_are_certain() -> None:
    assert ranking(changed(TRUTH, error=0)).first == (1.0, 0.0, 0.0)


def test_json_has_a_version_and_holds_everything() -> None:
    dilemma = read_dilemma(TRUTH)
    figures = act_figures(dilemma)
    analysis = Analysis("text", Language("en", None), (), (), (), {})
    found = Decision(dilemma, None, figures, (analysis,) * 3, ranking=rank(dilemma, figures, None))
    table = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert table["version"] == VERSION == 1
    assert {"help", "acts", "crowd", "no_crowd_because", "ranking"} <= table.keys()
    assert table["ranking"]["order"] == [0, 2, 1]
    assert table["unknown"] == ["harm"]


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        (TRUTH, ("harm",)),
        (PERSONS, ("regret",)),
        ({"acts": ["telling him", "saying nothing"]}, ("utility", "regret", "views", "harm")),
    ],
)
def test_what_nothing_given_leads_to_is_said_in_one_line_with_how_to_give_it(
    given: dict[str, Any], unknown: tuple[str, ...]
) -> None:
    dilemma = read_dilemma(given)
    analysis = Analysis("text", Language("en", None), (), (), (), {})
    found = Decision(dilemma, None, act_figures(dilemma), (analysis,) * len(dilemma.acts))
    assert found.unknown == unknown
    (line,) = [line for line in found.lines() if line.startswith("not known from what is given: ")]
    assert "redheart decide --file FILE" in line
    assert [one for one in FIGURES if FIGURE_WORDS[one] in line] == list(unknown)


EMOTION = CATALOGUE["emotion"]


def of_emotions(*given: tuple[str, float, float]) -> Answer:
    """Shares far above the usual .1, with an interval of so much to each side."""
    values = tuple(LabelValue(name, at, 0.1, 2.0, low=at - far, high=at + far) for name, at, far in given)
    finding = Finding("plugin", "emotion", "emotion", "group", 1, "1", values)
    return Answer("emotion", EMOTION, finding, False, values, (), Certainty(0.1, 400, None))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([("fear", 0.4, 0.1), ("joy", 0.3, 0.25)], "fear 0.40 [0.30, 0.50]"),
        ([("fear", 0.4, 0.35)], "none that the model is sure enough of"),
    ],
)
def test_emotions_of_an_act_are_those_that_the_model_stands_behind(given: list[Any], said: str) -> None:
    dilemma = read_dilemma({"acts": ["telling him", "saying nothing"]})
    analysis = Analysis("text", Language("en", None), (of_emotions(*given),), (), (), {})
    found = Decision(dilemma, None, act_figures(dilemma), (analysis, analysis))
    assert found.lines().count(f"  emotions in the words (emotion): {said}") == 2


def test_what_was_measured_on_other_texts_is_named_and_no_number_of_it_shown_in_text_and_page() -> None:
    dilemma = read_dilemma({"acts": ["telling him", "saying nothing"]})
    value = LabelValue("regret", 0.7, 0.4, 2.0, low=0.6, high=0.8)
    finding = Finding("plugin", "regret", "regret", "group", 1, "1", (value,))
    certainty = Certainty(0.1, 400, None, measured_on=("diaries",))
    regret = Answer("regret", CATALOGUE["regret"], finding, False, (value,), (), certainty)
    for unlike in (False, True):
        given = attrs.evolve(regret, certainty=attrs.evolve(certainty, unlike=unlike))
        analysis = Analysis("text", Language("en", None), (given,), (), (), {})
        found = Decision(dilemma, None, act_figures(dilemma), (analysis, analysis))
        said = "  not shown, as measured on texts unlike this one (diaries): regret"
        shown = "  regret in the words: 0.70 [0.60, 0.80] of 1"
        assert [found.lines().count(line) for line in (said, shown)] == ([2, 0] if unlike else [0, 2])
        (words, _) = (act.words for act in act_views(found, words_in("en")))
        noted = "Not shown, as measured on texts unlike this one (diaries): Regret."
        assert words == ((noted,) if unlike else ("Regret in the words: 0.70 [0.60, 0.80], from 0 to 1",))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"acts": []}, "a choice needs two acts or more, got 0"),
    ({"acts": ["going home"]}, "a choice needs two acts or more, got 1"),
    ({"acts": ["going home", " "]}, "act 2: the text is empty"),
    ({"acts": ["going home", "7"]}, "act 2: the text has no letter"),
    ({"acts": ["going home", "going  home"]}, "the act 'going home' is given twice"),
    ({"acts": [f"going to house {n}" for n in range(21)]}, "at most 20 acts are compared, got 21"),
    ({"acts": ["going home", 3]}, r"acts\[1\].*expects a table, got the number 3"),
    ({}, "acts: missing|missing"),
    (changed(TRUTH, probabilities=[0.7, 0.4]), "probabilities must sum to 1, got the sum 1.1"),
    (changed(TRUTH, probabilities=[1.2, -0.2]), "probabilities must be at least 0, got -0.2"),
    (changed(TRUTH, probabilities=[float("nan"), 1.0]), "expects a finite number"),
    (changed(TRUTH, probabilities=[1.0]), "'probabilities' has 1 entries for 2 payoffs"),
    (changed(TRUTH, outcomes=["one", "two", "three"]), "'outcomes' has 3 entries for 2 payoffs"),
    (changed(TRUTH, acts=["going home", "staying"]), "'probabilities' go with payoffs"),
    (changed(TRUTH, acts=[TRUTH["acts"][0], "staying"]), "some acts have payoffs and act 2 has none"),
    (changed(TRUTH, acts=[TRUTH["acts"][0], {"text": "staying", "payoffs": [1]}]), r"got \[1, 2\] payoffs"),
    (changed(TRUTH, acts=[TRUTH["acts"][0], {"text": "staying", "payoffs": ["1", 2]}]), "expects a finite number"),
    (changed(TRUTH, weights={"utilty": 1}), "there is no criterion utilty .criteria: utility, "),
    (changed(TRUTH, weights={"utility": -1}), "the weight of utility is -1"),
    (changed(TRUTH, error=2), "'error' is a share in 0..1"),
    (changed(TRUTH, situations="x"), "unknown keys situations"),
    (changed(TRUTH, vulnerable_first=True), "'vulnerable_first' needs to know who is harmed"),
    (changed(PERSONS, persons=[{"name": "me", "vulnerability": 0.3}]), "names the person 'child', who is not given"),
    (changed(PERSONS, persons=[{"name": "child", "age": 3, "vulnerability": 1}]), "unknown keys age"),
    (changed(PERSONS, persons=[{"name": "child"}]), "vulnerability: missing|missing"),
    (changed(PERSONS, persons=[{"name": "me", "vulnerability": 3}, PERSONS["persons"][1]]), "lies in 0..1, got 3"),
    (changed(PERSONS, persons=[*PERSONS["persons"], PERSONS["persons"][0]]), "the person 'me' is given twice"),
    (changed(PERSONS, acts=[PERSONS["acts"][0], "staying"]), "some acts have lots and act 2 has none"),
    (
        changed(PERSONS, acts=[{**PERSONS["acts"][0], "layers": {"legal": 1}}, PERSONS["acts"][1]]),
        "act 1: there is no layer legal",
    ),
    ({"acts": [{"text": "going home", "external_cost": 1}, "staying"]}, "act 1: burdens and layers weigh lots"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_is_not_whole_is_refused_with_what_was_expected(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_dilemma(given)


def test_all_complaints_come_at_once() -> None:
    with pytest.raises(DataError) as caught:
        read_dilemma(changed(TRUTH, probabilities=[0.5, 0.6], weights={"joy": 1}, error=-1))
    assert all(part in str(caught.value) for part in ("sum to 1", "no criterion joy", "'error'"))


def test_a_weight_on_what_is_not_known_is_refused() -> None:
    dilemma = read_dilemma(changed(TRUTH, weights={"crowd": 1}))
    with pytest.raises(DataError, match="'weights' name crowd, of which nothing is known here"):
        rank(dilemma, act_figures(dilemma), None)


@pytest.mark.parametrize(
    ("acts", "advice"),
    [
        (["I tell my boss.", "keeping quiet"], True),
        (["telling my boss", "Not telling my boss"], False),
        (["not telling my boss", "'asking' him"], False),
    ],
)
def test_acts_that_are_not_written_as_the_published_ones_get_advice(acts: list[str], advice: bool) -> None:
    assert ("-ing form" in better_said(acts, Language("en", 1.0))) == advice
    assert better_said(acts, Language("ko", 1.0)) == ""
