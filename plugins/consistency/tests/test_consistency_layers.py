"""Each layer speaks up on a breach, names it, and is silent on answers that agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_consistency import redheart_provide_layers
from redheart_core import CATALOGUE, Field, LayerAnswers, LayerSpec, LayerTexts
from redheart_core.exact.circumstances import turnover
from redheart_core.exact.hedonic import bounded_score, context_factor
from redheart_core.exact.regret import decide

LAYERS = {layer.name: layer for layer in redheart_provide_layers()}


def answers(name: str, *members: NDArray[Any], width: float = np.nan) -> LayerAnswers:
    given = np.mean(members, 0)
    named = {f"m{n}.{name}": one for n, one in enumerate(members)}
    between = np.stack([given - width, given + width])
    return LayerAnswers(CATALOGUE[name], given, between, named, np.empty((len(given), 0, 0)))


def texts(*of: LayerAnswers, **fields: NDArray[Any]) -> LayerTexts:
    count = len(of[0].answer)
    vectors, known = np.ones((count, 4), np.float32), np.ones((count, 2))
    return LayerTexts(["text"] * count, ["en"] * count, vectors, known, {one.field.name: one for one in of}, fields)


def read(layer: LayerSpec, arrays: Mapping[str, NDArray[Any]], given: LayerTexts) -> tuple[list[float], list[Any]]:
    assert layer.notes is not None
    return layer.score(arrays, given).tolist(), list(layer.notes(arrays, given))


def members(size: int, apart: float, seed: int = 0) -> list[NDArray[Any]]:
    draw = np.random.default_rng(seed)
    base = draw.uniform(0.2, 0.6, (size, 7))
    return [base, base + apart * draw.uniform(0.5, 1.0, (size, 7)), base + apart / 2]


def test_members_are_measured_against_their_usual_distance_on_each_field() -> None:
    layer = LAYERS["consistency_of_members"]
    usual = texts(
        answers("bentham", *members(500, 0.2)), answers("regret", np.zeros((500, 1)), np.full((500, 1), 0.01))
    )
    arrays = layer.fit(usual)
    assert arrays["regret"] == pytest.approx(0.01)
    near = members(1, 0.2)[0]
    rows = [0.3, 0.3, 0.3, 0.9, 0.3, 0.3, 0.3]
    far = np.array([near[0], rows])
    scores, notes = read(layer, arrays, texts(answers("bentham", np.array([near[0], [0.3] * 7]), far)))
    assert scores[0] == 0.0
    assert notes[1] == {"bentham": ("m1 says 0.90 for propinquity and m0 0.30",)}
    scores, notes = read(layer, arrays, texts(answers("regret", np.array([[0.5]]), np.array([[0.56]]))))
    assert scores == [pytest.approx(6.0)]
    assert notes == [{"regret": ("m1 says 0.56 and m0 0.50",)}]


def test_a_member_that_says_nothing_and_a_field_with_one_member_are_passed_over() -> None:
    layer = LAYERS["consistency_of_members"]
    arrays = layer.fit(texts(answers("regret", np.zeros((9, 1)), np.full((9, 1), 0.1))))
    silent = texts(answers("regret", np.array([[0.5]]), np.array([[np.nan]])))
    assert np.isnan(layer.score(arrays, silent)).all()
    assert layer.fit(texts(answers("regret", np.zeros((9, 1))))) == {}
    assert layer.fit(texts(answers("regret", np.zeros((9, 1)), np.zeros((9, 1))))) == {}


def utilities(size: int, error: float) -> LayerTexts:
    draw = np.random.default_rng(1)
    value, layers = draw.uniform(-40.0, 40.0, size), draw.uniform(0.3, 2.5, (size, 6))
    exact = np.asarray(bounded_score(context_factor(layers) * value, 15.0))[:, None]
    return texts(
        answers("utility", np.asarray(bounded_score(value, 15.0))[:, None]),
        answers("context_layers", layers),
        answers("utility_in_context", exact + error * draw.choice([-1.0, 1.0], (size, 1))),
    )


def test_the_calculus_confirms_a_utility_and_names_one_that_is_off() -> None:
    layer = LAYERS["consistency_of_calculus"]
    assert layer.fit(utilities(100, 0.0))["utility_in_context"] < 1e-8
    arrays = layer.fit(utilities(100, 0.01))
    scores, _ = read(layer, arrays, utilities(3, 0.01))
    assert scores == [pytest.approx(1.0)] * 3
    scores, notes = read(layer, arrays, utilities(1, 0.3))
    assert scores == [pytest.approx(30.0)]
    (said,) = notes[0]["utility_in_context"]
    assert said.endswith("by utility and context_layers")


def test_regrets_of_acts_follow_from_the_payoffs_of_the_record() -> None:
    layer = LAYERS["consistency_of_calculus"]
    draw = np.random.default_rng(2)
    payoffs, chances = draw.uniform(-1.0, 1.0, (20, 5, 4)), draw.dirichlet(np.ones(4), 20)
    payoffs[:, 3] = np.nan  # an act that cannot be done
    possible = np.asarray(~np.isnan(payoffs).any(2))
    exact = np.array([decide(*one).expected_regret for one in zip(payoffs, chances, possible, strict=True)])
    given = {"payoffs": payoffs, "state_probability": chances}
    arrays = layer.fit(texts(answers("act_regret", exact + 0.01), **given))
    assert arrays["act_regret"] == pytest.approx(0.01)
    wrong = exact.copy()
    wrong[0, 1] += 0.5
    scores, notes = read(layer, arrays, texts(answers("act_regret", wrong), **given))
    assert scores == [pytest.approx(50.0), *[pytest.approx(0.0, abs=1e-9)] * 19]
    assert notes[0]["act_regret"][0].startswith(f"the answer for safe is {wrong[0, 1]:.2f}, and {exact[0, 1]:.2f} by")
    assert np.isnan(layer.score(arrays, texts(answers("act_regret", wrong)))).all()


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (answers("emotion", np.full((1, 7), 0.2)), {"emotion": ("does not sum to 1, by 0.400",)}),
        (answers("regret", np.array([[1.25]])), {"regret": ("leaves 0 to 1, by 0.250",)}),
        (answers("vad", np.array([[0.0, 3.0, 3.0]])), {"vad": ("leaves 1 to 5, by 0.250",)}),
        (
            answers("regret_course", np.array([[0.5, 0.4, 0.6, 0.1]])),
            {"regret_course": ("rises where it has to fall, by 0.200",)},
        ),
    ],
)
def test_numbers_that_contradict_their_meaning_are_named(given: LayerAnswers, note: object) -> None:
    assert read(LAYERS["consistency_of_meaning"], {}, texts(given))[1] == [note]


def test_an_expected_regret_above_the_largest_is_named_and_sound_numbers_are_not() -> None:
    layer = LAYERS["consistency_of_meaning"]
    below, above = answers("act_regret", np.full((1, 5), 0.4)), answers("act_max_regret", np.full((1, 5), 0.6))
    assert read(layer, {}, texts(below, above)) == ([0.0], [{}])
    switched = texts(attrs.evolve(above, field=below.field), attrs.evolve(below, field=above.field))
    assert read(layer, {}, switched)[1] == [{"act_regret": ("is above act_max_regret, by 0.100",)}]
    shares = answers("emotion", np.full((1, 7), 1 / 7))
    assert read(layer, {}, texts(shares, answers("votes", np.full((1, 5), 0.2)))) == ([0.0], [{}])


QUANTILES = Field("delay", "days until it begins", 0.0, 100.0, labels=("q90", "q10", "q50"))


def of_field(field: Field, *numbers: float, between: tuple[float, float] = (np.nan, np.nan)) -> LayerTexts:
    given = np.array([numbers])
    ends = np.stack([np.full_like(given, one) for one in between])
    return texts(LayerAnswers(field, given, ends, {}, np.empty((1, 0, 0))))


def test_quantiles_out_of_order_are_named_and_those_in_order_are_not() -> None:
    layer = LAYERS["consistency_of_meaning"]
    assert read(layer, {}, of_field(QUANTILES, 80.0, 10.0, 30.0)) == ([0.0], [{}])
    assert read(layer, {}, of_field(QUANTILES, 80.0, 40.0, 30.0)) == (
        [0.1],
        [{"delay": ("has quantiles out of order, by 0.100",)}],
    )


def test_a_number_outside_of_its_own_interval_is_named_and_one_inside_is_not() -> None:
    layer, field = LAYERS["consistency_of_meaning"], CATALOGUE["regret"]
    assert read(layer, {}, of_field(field, 0.5, between=(0.4, 0.6))) == ([0.0], [{}])
    assert read(layer, {}, of_field(field, 0.5, between=(0.6, 0.9)))[1] == [
        {"regret": ("is outside of its own interval, by 0.100",)}
    ]


def felt(utility: float, *, size: float = 0.5, width: float = 0.05, count: int = 1) -> LayerTexts:
    """Circumstances that are all of one size, and a utility."""
    return texts(
        answers("bentham", np.full((count, 7), size), width=width),
        answers("utility", np.full((count, 1), utility), width=width),
    )


def test_a_utility_that_the_circumstances_cannot_bring_is_named_and_any_other_is_not() -> None:
    layer = LAYERS["consistency_of_circumstances"]
    arrays = layer.fit(felt(0.6, count=20))
    assert arrays["utility"] == pytest.approx(15.0 * 0.6 / 0.4 / float(turnover(np.full(7, 0.5))))
    for fits in (felt(0.6), felt(-0.6), felt(0.1), felt(0.68)):  # the last one within the intervals
        assert read(layer, arrays, fits) == ([0.0], [{}])
    scores, notes = read(layer, arrays, felt(-0.9, size=0.3))
    bound = float(bounded_score(arrays["utility"] * turnover(np.full(7, 0.35)), 15.0))
    assert scores == [pytest.approx(0.85 - bound)]
    assert notes == [{"utility": (f"is at least 0.85 in size, and the circumstances bring at most {bound:.2f}",)}]
    assert np.isnan(layer.score(arrays, felt(0.9, width=np.nan))).all()


def test_layers_and_horizons_bound_a_utility_too() -> None:
    layer = LAYERS["consistency_of_circumstances"]

    def later(utility: float, layers: float) -> LayerTexts:
        return texts(
            answers("bentham", np.full((1, 7), 0.9), width=0.01),
            answers("context_layers", np.full((1, 6), layers), width=0.01),
            answers("utility_horizons", np.full((1, 10), utility), width=0.01),
        )

    arrays = layer.fit(later(0.5, 1.0))
    assert list(arrays)[-1] == "utility_horizons.day_730"
    assert layer.score(arrays, later(0.5, 1.0)).tolist() == [0.0]
    assert layer.score(arrays, later(0.7, 2.4)).tolist() == [0.0]
    (score,) = layer.score(arrays, later(0.5, 0.4)).tolist()
    assert score > 0.1
