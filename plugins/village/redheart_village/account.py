"""An episode played out: what every possible act would have brought in every state, and its worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs

from redheart_village import calculus
from redheart_village.acts import MATTERS, PROFILES, Act
from redheart_village.calculus import Lot
from redheart_village.regret import expected
from redheart_village.world import STATES, Episode, Outcome, Role, Situation, norm_of, play_all

RHO = 0.02
"""Discount per day."""
HALF_VALUE = 15.0
"""V0: hedons that score one half for all persons together."""
HALF_OWN = 6.0
"""The same for one person."""


@attrs.frozen
class Account:
    """An episode with everything that the world can play out for it; states in the order of STATES."""

    episode: Episode
    outcomes: Mapping[Act, tuple[Outcome, ...]]
    """Per possible act its outcome in each state."""
    payoffs: list[list[float]]
    """u(a, s): the score of each possible act in each state."""
    weights: tuple[float, ...]
    """Of the states: 1 for the one that came, or the probabilities while the outcome is open."""
    shares: tuple[float, ...]
    """Per state the probability of the chosen act's outcome there; states that feel the same share one."""

    @property
    def situation(self) -> Situation:
        return self.episode.situation

    @property
    def chosen_row(self) -> int:
        return self.situation.acts.index(self.episode.chosen)

    @property
    def uncertainty(self) -> float:
        """Entropy of the chosen act's outcome over that of equally likely states, 0..1."""
        surprises = [-math.log2(share) for share in self.shares]
        return expected(surprises, self.situation.probabilities) / math.log2(len(STATES))


def account_for(episode: Episode) -> Account:
    """Play out every possible act in every state."""
    situation = episode.situation
    outcomes = {act: play_all(situation, act) for act in situation.acts}
    chosen, p = outcomes[episode.chosen], situation.probabilities
    return Account(
        episode=episode,
        outcomes=outcomes,
        payoffs=[
            [score(situation, act, [felt.lot for felt in outcome]) for outcome in row] for act, row in outcomes.items()
        ],
        weights=tuple(float(state == episode.state) for state in STATES) if episode.known else p,
        # the four products need not add up to one to the last bit
        shares=tuple(
            min(math.fsum(q for other, q in zip(chosen, p, strict=True) if other == one), 1.0) for one in chosen
        ),
    )


def score(situation: Situation, act: Act, lots: Sequence[Lot]) -> float:
    """What all persons feel, with side effects and context, as a bounded score in -1..1."""
    profile, pair = PROFILES[act], situation.pair
    need = MATTERS[situation.matter].need
    net, gross = calculus.net_and_gross(lots, RHO)
    value = calculus.with_side_effects(
        net,
        gross,
        external_cost=profile.external_cost,
        redistribution=profile.transfer * (pair.other.needs[need] - pair.agent.needs[need]),
        self_damage=profile.self_damage,
    )
    social = 0.8 + 0.7 * pair.closeness
    moral = 1.0 + 0.5 * abs(norm_of(situation, act))
    context = calculus.context_factor((1.0, 1.0, social, 1.0, moral, 1.0))
    return calculus.bounded_score(context * value, HALF_VALUE)


def own_score(outcome: Outcome, role: Role) -> float:
    """What one person feels, as a bounded score in -1..1."""
    net, _ = calculus.net_and_gross([felt.lot for felt in outcome if felt.role == role], RHO)
    return calculus.bounded_score(net, HALF_OWN)


def persons_in(outcome: Outcome) -> float:
    """How many persons feel something."""
    return math.fsum({felt.role: felt.lot.persons for felt in outcome}.values())
