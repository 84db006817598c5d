"""A utility is explained by the exact calculus: the rows sum to the answer, and each is what the calculus says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import CATALOGUE, ExplainedAnswer, Reason
from redheart_core.exact.circumstances import CIRCUMSTANCES, UNITS, turnover
from redheart_core.exact.hedonic import CONTEXT_LAYERS, bounded_score, context_factor, with_side_effects
from redheart_reasons.calculus import BALANCE, explain

USUAL = np.array([0.4, 0.5, 0.7, 0.8, 0.2, 0.6, 0.3])
GIVEN = np.array([0.9, 0.6, 0.8, 0.9, 0.3, 0.7, 0.4])
BURDENS = np.array([0.1, 0.0, 0.2]), np.array([0.5, -0.3, 0.1])
LAYERS = np.array([1.0, 1.1, 0.9, 1.0, 1.2, 1.0]), np.array([1.4, 1.1, 0.8, 1.0, 2.0, 0.6])


def answer(name: str, usual: object, value: object) -> ExplainedAnswer:
    usual, value = np.atleast_1d(np.asarray(usual, np.float64)), np.atleast_1d(np.asarray(value, np.float64))
    missing = np.full(len(value), np.nan)
    return ExplainedAnswer(CATALOGUE[name], value, usual, np.stack([missing, missing]), missing, {})


@attrs.frozen(eq=False)
class Text:
    answers: Mapping[str, ExplainedAnswer]
    text: str = "He burned my letter."

    def of_texts(self, texts: object) -> Mapping[str, NDArray[np.float64]]:
        raise AssertionError("the calculus asks the model nothing")

    def of_members(self, field: str, members: object) -> NDArray[np.float64]:
        raise AssertionError("the calculus asks the model nothing")


def text(*answers: ExplainedAnswer) -> Text:
    return Text({one.field.name: one for one in answers})


def explained(*answers: ExplainedAnswer) -> Reason:
    (found,) = explain(text(*answers))
    return found


PLAIN = answer("bentham", USUAL, GIVEN), answer("utility", -0.1, 0.35)
WHOLE = (
    answer("bentham", USUAL, GIVEN),
    answer("burdens", *BURDENS),
    answer("context_layers", *LAYERS),
    answer("utility_in_context", 0.05, -0.4),
)


@pytest.mark.parametrize("answers", [PLAIN, WHOLE])
def test_usual_and_rows_sum_to_the_answer(answers: tuple[ExplainedAnswer, ...]) -> None:
    found = explained(*answers)
    assert found.usual == pytest.approx(float(answers[-1].usual[0]), abs=1e-12)
    assert found.value == pytest.approx(float(answers[-1].value[0]), abs=1e-12)
    assert found.usual + math.fsum(row.adds for row in found.rows) == pytest.approx(found.value, abs=1e-12)


def test_each_horizon_is_explained_by_what_is_felt_before_it() -> None:
    """What is usual begins after 11 days, so that the calculus has no value before."""
    values = np.linspace(0.0, 0.4, 10), np.linspace(0.1, -0.5, 10)
    found = explain(text(*WHOLE[:3], answer("utility_horizons", *values)))
    assert [one.label for one in found] == list(CATALOGUE["utility_horizons"].labels[3:])
    for one, usual, value in zip(found, values[0][3:], values[1][3:], strict=True):
        assert one.usual == pytest.approx(float(usual), abs=1e-12)
        assert one.value == pytest.approx(float(value), abs=1e-12)
        assert one.usual + math.fsum(row.adds for row in one.rows) == pytest.approx(one.value, abs=1e-12)
    days = [row.factor or 0.0 for one in found for row in one.rows if row.part == "bentham.duration"]
    assert 0.0 < days[0] < days[1] <= days[-1]


def test_the_rows_hold_what_the_calculus_multiplies() -> None:
    found = {row.part: row for row in explained(*WHOLE).rows}
    names = [*(f"bentham.{one}" for one in CIRCUMSTANCES), BALANCE]
    names += [f"burdens.{one}" for one in CATALOGUE["burdens"].labels]
    assert list(found) == [*names, *(f"context_layers.{one}" for one in CONTEXT_LAYERS)]

    def made(part: str) -> float:
        factor = found[part].factor
        assert factor is not None
        return factor

    circumstances = {name: made(f"bentham.{name}") for name in CIRCUMSTANCES}
    chain = circumstances.pop("fecundity") + circumstances.pop("purity")
    gross = math.prod(circumstances.values()) * chain
    assert gross == pytest.approx(float(turnover(GIVEN)), rel=1e-12)
    burdened = with_side_effects(made(BALANCE) * gross, gross, *BURDENS[1])
    context = math.prod(made(f"context_layers.{name}") for name in CONTEXT_LAYERS)
    assert context == pytest.approx(float(context_factor(LAYERS[1])), rel=1e-12)
    assert float(bounded_score(context * burdened, UNITS.half)) == pytest.approx(-0.4, abs=1e-12)
    assert found["burdens.external_cost"].weight == -0.125
    assert found["context_layers.moral"].weight == pytest.approx(1 / 6)
    assert found["bentham.intensity"].weight is None


def test_what_a_number_adds_is_its_mean_over_all_orders() -> None:
    """Of three numbers that differ from the usual; equal ones add nothing."""
    given = USUAL.copy()
    given[[0, 6]] = 0.9, 0.5
    found = {row.part: row.adds for row in explained(answer("bentham", USUAL, given), answer("utility", 0.1, 0.6)).rows}

    def balance(circumstances: NDArray[np.float64], score: float) -> float:
        return float(UNITS.half * score / (1 - abs(score)) / turnover(circumstances))

    usual = {"intensity": USUAL[0], "extent": USUAL[6], "balance": balance(USUAL, 0.1)}
    there = {"intensity": 0.9, "extent": 0.5, "balance": balance(given, 0.6)}

    def says(names: tuple[str, ...]) -> float:
        mixed = {name: there[name] if name in names else usual[name] for name in usual}
        circumstances = USUAL.copy()
        circumstances[[0, 6]] = mixed["intensity"], mixed["extent"]
        return float(bounded_score(mixed["balance"] * turnover(circumstances), UNITS.half))

    orders = list(itertools.permutations(usual))
    for name, part in (("intensity", "bentham.intensity"), ("extent", "bentham.extent"), ("balance", BALANCE)):
        added = [says(order[: order.index(name) + 1]) - says(order[: order.index(name)]) for order in orders]
        assert found.pop(part) == pytest.approx(math.fsum(added) / len(orders), abs=1e-12)
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize(
    "answers",
    [
        (answer("utility", 0.1, 0.2),),
        (answer("bentham", np.where(np.arange(7) == 2, np.nan, USUAL), GIVEN), answer("utility", 0.1, 0.2)),
        (attrs.evolve(PLAIN[0], field=CATALOGUE["bentham"].with_labels("intensity")), PLAIN[1]),
        (answer("bentham", USUAL, GIVEN), answer("utility_in_context", 0.1, 0.2)),
        (answer("bentham", USUAL, GIVEN + 0.2), answer("utility", 0.1, 0.2)),
        (answer("bentham", USUAL, np.zeros(7)), answer("utility", 0.1, 0.2)),
        (answer("bentham", USUAL, GIVEN), answer("utility", 0.1, 1.0)),
        (answer("bentham", USUAL, GIVEN), answer("utility", np.nan, 0.2)),
    ],
    ids=["no circumstances", "a mean is missing", "one label", "no layers", "outside", "nothing felt", "1", "no mean"],
)
def test_where_a_number_is_missing_or_the_calculus_has_no_value_nothing_is_said(
    answers: tuple[ExplainedAnswer, ...],
) -> None:
    assert explain(text(*answers)) == []
