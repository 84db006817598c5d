"""How a utility follows from the other answers by the hedonic calculus, number by number.

With the turnover G of the seven circumstances (in hedons), the burdens b with their weights k and the layers m of
context, the calculus gives V = M G (beta + sum of k b) with M = exp(mean of ln m), and u = V / (V0 + |V|). beta, the
balance of pleasure over pain, is the one number that no answer gives; it is solved for, so that the calculation gives
the answer itself. What each number adds to the difference from the usual, the calculation on the means over the
training records, is its Shapley value over all sets of numbers (Shapley 1953): the rows sum to that difference exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import ExplainedAnswer, ExplainedText, Reason, ReasonRow
from redheart_core.exact.circumstances import (
    CIRCUMSTANCES,
    IN_CONTEXT,
    UNITS,
    horizon_days,
    quantities,
    turnover,
    unbounded,
)
from redheart_core.exact.hedonic import (
    CONTEXT_LAYERS,
    EXTERNAL_COST_WEIGHT,
    REDISTRIBUTION_WEIGHT,
    SELF_DAMAGE_WEIGHT,
    bounded_score,
    context_factor,
)
from redheart_core.exact.shapley import shapley_values

BALANCE = "balance of pleasure over pain"
BURDEN_WEIGHTS: Mapping[str, float] = {
    "external_cost": -EXTERNAL_COST_WEIGHT,
    "redistribution": REDISTRIBUTION_WEIGHT,
    "self_damage": -SELF_DAMAGE_WEIGHT,
}


@attrs.frozen(eq=False)
class Numbers:
    """What goes into the calculation, on N texts or sets of numbers."""

    circumstances: NDArray[np.float64]
    """(N, 7)."""
    burdens: NDArray[np.float64]
    """(N, 3), or (N, 0) where they are not answered."""
    layers: NDArray[np.float64]
    """(N, 6), or (N, 0) where they do not count."""
    horizon_days: float = np.inf
    """What is felt later does not count."""

    @property
    def share(self) -> NDArray[np.float64]:
        """Of the turnover, by the burdens, (N,)."""
        weights = np.array(list(BURDEN_WEIGHTS.values()))
        return np.asarray(self.burdens @ weights if self.burdens.size else np.zeros(len(self.circumstances)))

    @property
    def scale(self) -> NDArray[np.float64]:
        """Hedons of a balance of 1, (N,)."""
        context = context_factor(self.layers) if self.layers.size else 1.0
        return np.asarray(turnover(self.circumstances, self.horizon_days) * context)

    def columns(self, balance: NDArray[np.float64]) -> NDArray[np.float64]:
        """All numbers and the balance (N,) beside each other."""
        return np.column_stack([self.circumstances, balance, self.burdens, self.layers])

    def split(self, columns: NDArray[np.float64]) -> tuple[Numbers, NDArray[np.float64]]:
        """The reverse of columns."""
        first, last = len(CIRCUMSTANCES) + 1, len(CIRCUMSTANCES) + 1 + self.burdens.shape[1]
        parts = columns[:, : first - 1], columns[:, first:last], columns[:, last:]
        return Numbers(*parts, self.horizon_days), columns[:, first - 1]


def utility(numbers: Numbers, balance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bounded utility that the calculus gives, (N,)."""
    return bounded_score(numbers.scale * (balance + numbers.share), UNITS.half)


def balance_of(numbers: Numbers, score: NDArray[np.float64]) -> NDArray[np.float64]:
    """The balance with which the calculus gives these utilities, (N,); infinite or NaN where none does."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(unbounded(score) / numbers.scale - numbers.share)


def explain(text: ExplainedText) -> list[Reason]:
    """Of the utilities on a text whose circumstances are all answered; of some also with the layers of context."""
    return [
        reason
        for name in ("utility", *IN_CONTEXT)
        if name in text.answers
        for place in range(len(text.answers[name].value))
        for reason in _reasons(text, text.answers[name], place)
    ]


def _reasons(text: ExplainedText, answer: ExplainedAnswer, place: int) -> Iterator[Reason]:
    """Of one number; none where the calculus has no value."""
    label = answer.field.elements[place]
    numbers, scores = _numbers(text, answer, horizon_days(label)), np.array([answer.usual[place], answer.value[place]])
    if numbers is None or not (np.abs(scores) < 1.0).all():
        return
    balance = balance_of(numbers, scores)
    if not np.isfinite(balance).all():
        return
    columns = numbers.columns(balance)
    worth = utility(*numbers.split(np.where(_all_sets(columns.shape[1]), columns[1], columns[0])))
    contributions = shapley_values(worth[:, None])[:, 0]
    yield Reason(
        field=answer.field.name,
        label=label,
        usual=float(worth[0]),
        value=float(worth[-1]),
        rows=tuple(_rows(numbers, float(balance[1]), contributions)),
    )


@cache
def _all_sets(parts: int) -> NDArray[np.bool_]:
    """(2**n, n): which of n parts are in each set."""
    return (np.arange(1 << parts)[:, None] >> np.arange(parts) & 1).astype(bool)


def _rows(numbers: Numbers, balance: float, contributions: NDArray[np.float64]) -> Iterator[ReasonRow]:
    """A row for each column, on the text itself."""
    adds = iter(contributions.tolist())
    values = numbers.circumstances[1]
    made = quantities(values, numbers.horizon_days)
    for name, value, factor in zip(CIRCUMSTANCES, values.tolist(), made.tolist(), strict=True):
        yield ReasonRow(f"bentham.{name}", next(adds), value, None, factor)
    yield ReasonRow(BALANCE, next(adds), balance, None, balance)
    burdens, layers = numbers.burdens[1].tolist(), numbers.layers[1].tolist()  # empty where they do not count
    for (name, weight), value in zip(BURDEN_WEIGHTS.items() if burdens else (), burdens, strict=True):
        yield ReasonRow(f"burdens.{name}", next(adds), value, weight, weight * value)
    for name, value in zip(CONTEXT_LAYERS if layers else (), layers, strict=True):
        alone = [value if other == name else 1.0 for other in CONTEXT_LAYERS]
        yield ReasonRow(
            f"context_layers.{name}", next(adds), value, 1.0 / len(CONTEXT_LAYERS), float(context_factor(alone))
        )


def _numbers(text: ExplainedText, answer: ExplainedAnswer, horizon: float) -> Numbers | None:
    """The means over the training records and the answers on the text; None where the calculation lacks some."""
    circumstances = _labels(text.answers.get("bentham"), CIRCUMSTANCES)
    with_layers, none = answer.field.name in IN_CONTEXT, np.zeros((2, 0))
    layers = _labels(text.answers.get("context_layers"), CONTEXT_LAYERS) if with_layers else none
    if circumstances is None or layers is None or not ((circumstances >= 0.0) & (circumstances <= 1.0)).all():
        return None  # a network may leave the range of a field
    burdens = _labels(text.answers.get("burdens"), tuple(BURDEN_WEIGHTS))
    return Numbers(circumstances, none if burdens is None else burdens, layers, horizon)


def _labels(answer: ExplainedAnswer | None, labels: tuple[str, ...]) -> NDArray[np.float64] | None:
    """(2, L): the usual and the answered numbers of labels; None where some are missing."""
    if answer is None or not set(labels) <= set(answer.field.labels):
        return None
    places = [answer.field.labels.index(label) for label in labels]
    found = np.stack([answer.usual[places], answer.value[places]])
    return None if np.isnan(found).any() else found
