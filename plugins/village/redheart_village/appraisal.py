"""Emotions by appraisal: how the outcome looks to the person the story is about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs

from redheart_village.account import Account, own_worth
from redheart_village.acts import Act
from redheart_village.regret import expected
from redheart_village.world import Role, norm_of

OwnScores = Mapping[Act, Sequence[float]]
"""Per possible act the score of one person in each state."""

HALF_BLAME = 0.4
"""A spared loss of this size is half the fault of the choice."""


@attrs.frozen
class Appraisal:
    """How the focus person sees what happened; each 0..1 except norm."""

    gain: float
    loss: float
    certainty: float
    """1 when the outcome is known, else 1 less its entropy over the most possible."""
    unexpected: float
    """1 less the probability that the outcome had; 0 while it is open."""
    blame: float
    """Share of the loss that another act would have spared the focus person."""
    by_other: float
    """1 when somebody else acted."""
    norm: float
    """Of the act, -1..1."""
    closeness: float


def emotion(a: Appraisal) -> dict[str, float]:
    """Appraisal to shares of the seven emotions, by one weight each, normalised."""
    open_end = 1.0 - a.certainty
    broken, kept = max(-a.norm, 0.0), max(a.norm, 0.0)
    trusting = kept * (0.35 + 0.65 * a.by_other) * (0.5 + 0.5 * a.closeness)
    weights = {
        "joy": 0.03 + 1.2 * a.gain * (0.25 + 0.75 * a.certainty),
        "trust": 0.04 + 0.9 * trusting + 0.5 * a.gain * open_end,
        "fear": 0.04 + open_end * (0.35 + 1.6 * a.loss) + 0.15 * a.loss,
        "surprise": 0.03 + 1.1 * max(a.unexpected - 0.3, 0.0),
        "sadness": 0.03 + a.loss * a.certainty * (0.3 + 1.2 * (1.0 - a.blame * a.by_other)),
        "disgust": 0.02 + broken * (0.5 + 0.35 * a.closeness),
        "anger": 0.03 + (0.3 + 0.7 * a.by_other) * (a.loss * (0.2 + 1.6 * a.blame) + 0.6 * broken),
    }
    total = math.fsum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


def appraise(account: Account) -> Appraisal:
    """The focus person's view of the episode."""
    focus = account.episode.focus
    by_other = focus != "agent"
    return appraise_from(account, own_scores(account, focus), by_other, account.situation.pair.closeness)


def own_scores(account: Account, role: Role) -> OwnScores:
    """What every possible act would have brought one person in every state."""
    return {act: [own_worth(hedons, role) for hedons in row] for act, row in account.hedons.items()}


def appraise_from(account: Account, own: OwnScores, by_other: bool, closeness: float) -> Appraisal:
    """The view of somebody to whom the acts would have brought these scores."""
    best = [max(column) for column in zip(*own.values(), strict=True)]
    chosen, p = own[account.episode.chosen], account.weights
    spared = expected([top - value for top, value in zip(best, chosen, strict=True)], p)
    return Appraisal(
        gain=expected([max(value, 0.0) for value in chosen], p),
        loss=expected([max(-value, 0.0) for value in chosen], p),
        certainty=1.0 if account.episode.known else 1.0 - account.uncertainty,
        unexpected=1.0 - expected(account.shares, p) if account.episode.known else 0.0,
        blame=blame(spared),
        by_other=1.0 if by_other else 0.0,
        norm=norm_of(account.situation, account.episode.chosen),
        closeness=closeness,
    )


def blame(spared: float) -> float:
    """Share of a loss that is the fault of the choice, by what another act would have spared."""
    return spared / (spared + HALF_BLAME)
