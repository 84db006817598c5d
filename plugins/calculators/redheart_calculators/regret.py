"""The calculator `exact_regret`: regret of decisions, from votes, and over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs.validators import and_, ge, gt, le

from redheart_calculators.results import nullable
from redheart_calculators.tasks import Task, chosen_tasks
from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASKS = (
    Task("decision", ("payoffs",), ("probabilities", "likelihood")),
    Task("signal", ("likelihood", "payoffs", "probabilities")),
    Task("bradley_terry", ("wins",)),
    Task("votes", ("votes",)),
    Task("stream", ("stream",)),
    Task("over_time", ("action", "inaction")),
)


@attrs.frozen
class RegretSettings:
    """The [plugins.exact_regret] table."""

    preference: bool = False
    """Compare all acts by regret theory too, whose sinh wants payoffs of about unit size."""
    weight: float = attrs.field(default=0.5, validator=ge(0.0))
    """g of regret theory's Q(x) = x + 2 g sinh(beta x); 0 is expected utility."""
    steepness: float = attrs.field(default=1.0, validator=gt(0.0))
    """beta of Q."""
    kappa: float = attrs.field(default=0.05, validator=ge(0.0))
    """Price of squared regret in the adjusted utility."""
    delta: float = attrs.field(default=0.9, validator=and_(ge(0.0), le(1.0)))
    """Discount per step of the stream."""
    rho: float = attrs.field(default=0.0, validator=ge(0.0))
    """Discount per unit of time of the totals of action and inaction."""
    smoothed: bool = True
    """Half a vote more for either side, so that unanimity stays finite."""


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_regret",
        meaning="regret matrix, expected and minimax regret of acts; regret from votes and wins, and over time",
        settings=RegretSettings,
        inputs=(
            CalculatorInput(
                "payoffs",
                "utility of each act in each state; a row of null is an impossible act",
                "(acts, states)",
                required=False,
                missing=True,
            ),
            CalculatorInput("probabilities", "of the states, sum 1", "(states,)", required=False),
            CalculatorInput("likelihood", "P(signal | state), each row sum 1", "(states, signals)", required=False),
            CalculatorInput("wins", "how often the row beat the column", "(options, options)", required=False),
            CalculatorInput("votes", "for the first and the second option", "(2,) or (pairs, 2)", required=False),
            CalculatorInput("stream", "regret of each step, discounted by delta", "(steps,)", required=False),
            CalculatorInput("action", "weight and rate of fading of a regretted action", "(2,)", required=False),
            CalculatorInput("inaction", "the same of an inaction", "(2,)", required=False),
        ),
        compute=_compute,
        # vectors R1 to R6
        example={"payoffs": [[8, 1, 4], [5, 5, 5], [2, 9, 3]], "probabilities": [0.5, 0.3, 0.2]},
    )


def _compute(settings: RegretSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    computed = {
        "decision": _decision,
        "signal": _signal,
        "bradley_terry": _bradley_terry,
        "votes": _votes,
        "stream": _stream,
        "over_time": _over_time,
    }
    return {name: computed[name](settings, inputs) for name in chosen_tasks(inputs, TASKS)}


def _possible(payoffs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(acts,): which rows hold numbers.

    Raises:
        DataError: Not one table, a row with numbers and gaps, or no act left.
    """
    import numpy as np

    if payoffs.ndim != 2:
        raise DataError(f"'payoffs' needs the shape (acts, states), got {payoffs.shape}; give one table")
    missing = np.isnan(payoffs)
    partly = np.flatnonzero(missing.any(1) & ~missing.all(1))
    if partly.size:
        raise DataError(f"'payoffs' needs every number of act {partly[0]} (from 0); an impossible act has none at all")
    if missing.all():
        raise DataError("'payoffs' holds no possible act; give the payoffs of at least one")
    return np.asarray(~missing.all(1))


def _decision(settings: RegretSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Everything about the table of payoffs; None stands for impossible acts."""
    import numpy as np

    from redheart_core.exact import regret

    payoffs = inputs["payoffs"]
    possible = _possible(payoffs)
    table, acts = payoffs[possible], np.flatnonzero(possible)

    def spread(values: NDArray[np.float64]) -> Any:
        """Numbers of the possible acts to numbers of all of them."""
        whole = np.full((len(payoffs), *values.shape[1:]), np.nan)
        whole[possible] = values
        return nullable(whole)

    matrix = regret.regret_matrix(table)
    mixed = regret.mixed_minimax(table)
    result = {
        "regret": spread(matrix),
        "largest_regret": spread(matrix.max(1)),
        "minimax_act": acts[matrix.max(1).argmin()],
        "mixed_minimax": {"weights": spread(mixed.weights), "value": mixed.value},
    }
    if "probabilities" not in inputs:
        return result
    chance = inputs["probabilities"]
    if chance.shape != payoffs.shape[1:]:
        raise DataError(f"'probabilities' needs the shape {payoffs.shape[1:]}, one a state, got {chance.shape}")
    found = regret.decide(table, chance)
    adjusted = regret.adjusted_utility(table, chance, settings.kappa)
    result |= {
        "expected_utility": spread(found.expected_utility),
        "expected_regret": spread(found.expected_regret),
        "perfect_information": found.perfect_information,
        "best_act": acts[found.best_act],
        "adjusted_utility": spread(adjusted),
        "adjusted_act": acts[adjusted.argmax()],
    }
    if settings.preference:
        pairs = np.full((len(payoffs), len(payoffs)), np.nan)
        pairs[np.ix_(acts, acts)] = regret.preference_matrix(table, chance, settings.weight, settings.steepness)
        result["preference"] = nullable(pairs)
    return result


def _signal(settings: RegretSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.regret import regret_after_signal

    if not _possible(inputs["payoffs"]).all():
        raise DataError("'likelihood' works with possible acts alone; leave the rows of null out of 'payoffs'")
    found = regret_after_signal(inputs["payoffs"], inputs["probabilities"], inputs["likelihood"])
    return {
        "signal_probability": found.signal_probability,
        "experienced": found.experienced,
        "resolvable": found.resolvable,
    }


def _bradley_terry(settings: RegretSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.regret_of_votes import fit_bradley_terry

    found = fit_bradley_terry(inputs["wins"])
    return {
        "theta": found.theta,
        "probability": found.probability,
        "logit_regret": found.logit_regret,
        "probability_regret": found.probability_regret,
    }


def _votes(settings: RegretSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.regret_of_votes import vote_regret

    votes = inputs["votes"]
    if votes.ndim not in (1, 2) or votes.shape[-1] != 2:
        raise DataError(f"'votes' needs the shape (2,) or (pairs, 2), got {votes.shape}; one column for each option")
    found = vote_regret(votes[..., 0], votes[..., 1], smoothed=settings.smoothed)
    return {"share": found.share, "logit_gap": found.logit_gap, "probability_gap": found.probability_gap}


def _stream(settings: RegretSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.regret_over_time import present_value

    return {"present_value": present_value(inputs["stream"], settings.delta)}


def _over_time(settings: RegretSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """When the regret of inaction overtakes that of action, and what each amounts to."""
    from redheart_core.exact.regret_over_time import crossing_time, fading_intensity, fading_total

    for name in ("action", "inaction"):
        if inputs[name].shape != (2,):
            raise DataError(f"'{name}' needs the shape (2,), weight and rate, got {inputs[name].shape}")
    (strong, fast), (weak, slow) = inputs["action"], inputs["inaction"]
    crossing = crossing_time(strong, weak, fast, slow)
    return {
        "crossing_time": crossing,
        "intensity_there": fading_intensity(strong, fast, crossing),
        "action_total": fading_total(strong, fast, settings.rho),
        "inaction_total": fading_total(weak, slow, settings.rho),
    }
