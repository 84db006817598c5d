"""An episode played out: what every possible act would have brought in every state, and its worth."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import attrs

from redheart_village import calculus
from redheart_village.acts import ACTS, MATTERS, PROFILES, Act, MatterProfile
from redheart_village.calculus import Lot
from redheart_village.regret import expected
from redheart_village.world import STATES, Episode, Luck, Outcome, Role, Situation, lot_of, norm_of, play_all, pulls

RHO = 0.02
"""Discount per day."""
HALF_VALUE = 15.0
"""V0: hedons that score one half for all persons together."""
HALF_OWN = 6.0
"""The same for one person."""


Hedons = Sequence[tuple[Role, float]]
"""Of an outcome: per lot who feels it, and its value for all of them together."""


@attrs.frozen
class Account:
    """An episode with everything that the world can play out for it; states in the order of STATES."""

    episode: Episode
    outcomes: Mapping[Act, tuple[Outcome, ...]]
    """Per possible act its outcome in each state."""
    hedons: Mapping[Act, tuple[Hedons, ...]]
    """The same in numbers."""
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
    def matter(self) -> MatterProfile:
        return MATTERS[self.situation.matter]

    @property
    def chosen_row(self) -> int:
        return self.situation.acts.index(self.episode.chosen)

    @functools.cached_property
    def chosen_lots(self) -> list[Lot]:
        """The lots of the chosen act over the states, with the probability of their state as certainty."""
        return [
            attrs.evolve(felt.lot, certainty=p)
            for outcome, p in zip(self.outcomes[self.episode.chosen], self.weights, strict=True)
            for felt in outcome
            if p > 0.0
        ]

    @property
    def uncertainty(self) -> float:
        """Entropy of the chosen act's outcome over that of equally likely states, 0..1."""
        surprises = [-math.log2(share) for share in self.shares]
        return expected(surprises, self.situation.probabilities) / math.log2(len(STATES))


def account_for(episode: Episode) -> Account:
    """Play out every possible act in every state."""
    situation = episode.situation
    outcomes = {act: play_all(situation, act) for act in situation.acts}
    hedons = {act: _hedons_of_all(row) for act, row in outcomes.items()}
    chosen, p = outcomes[episode.chosen], situation.probabilities
    return Account(
        episode=episode,
        outcomes=outcomes,
        hedons=hedons,
        payoffs=[_scores(situation, act, row) for act, row in hedons.items()],
        weights=tuple(float(state == episode.state) for state in STATES) if episode.known else p,
        # the four products need not add up to one to the last bit
        shares=tuple(
            min(math.fsum(q for other, q in zip(chosen, p, strict=True) if other == one), 1.0) for one in chosen
        ),
    )


def score(situation: Situation, act: Act, lots: Sequence[Lot]) -> float:
    """What all persons feel, with side effects and context, as a bounded score in -1..1."""
    return weigh(situation, act, *calculus.net_and_gross(lots, RHO), two_layers(situation, act))


def hedons_of(outcome: Outcome) -> Hedons:
    """An outcome in numbers."""
    return [(felt.role, felt.lot.persons * calculus.lot_value(felt.lot, RHO)) for felt in outcome]


def hedons_by_luck(situation: Situation, act: Act, luck: Luck) -> Hedons:
    """What an act brings when nobody sees it, in numbers right away; for those who need no lots."""
    profile = PROFILES[act]
    full = calculus.lot_value(lot_of(situation, act, 1.0), RHO)
    return [
        (role, persons * math.copysign(min(abs(pull), 1.0), pull) * full)
        for role, pull, persons in pulls(
            situation, profile.fair if luck == "fair" else profile.foul, situation.twists[ACTS.index(act)]
        )
    ]


def worth(situation: Situation, act: Act, hedons: Hedons, context: float) -> float:
    """The score of an outcome in numbers."""
    values = [value for _, value in hedons]
    return weigh(situation, act, math.fsum(values), math.fsum(map(abs, values)), context)


def own_worth(hedons: Hedons, role: Role) -> float:
    """What one person feels, as a bounded score in -1..1."""
    return calculus.bounded_score(math.fsum([value for who, value in hedons if who == role]), HALF_OWN)


def two_layers(situation: Situation, act: Act) -> float:
    """M_ctx with the social and the moral layer alone."""
    social = 0.8 + 0.7 * situation.pair.closeness
    moral = 1.0 + 0.5 * abs(norm_of(situation, act))
    return calculus.context_factor((1.0, 1.0, social, 1.0, moral, 1.0))


def weigh(situation: Situation, act: Act, net: float, gross: float, context: float) -> float:
    """H and G with the act's side effects and a context factor, as a bounded score in -1..1."""
    profile = PROFILES[act]
    value = calculus.with_side_effects(
        net,
        gross,
        external_cost=profile.external_cost,
        redistribution=redistribution(situation, act),
        self_damage=profile.self_damage,
    )
    return calculus.bounded_score(context * value, HALF_VALUE)


def redistribution(situation: Situation, act: Act) -> float:
    """-1 from the one who needs it to the one who does not .. 1 the other way round."""
    pair, need = situation.pair, MATTERS[situation.matter].need
    return PROFILES[act].transfer * (pair.other.needs[need] - pair.agent.needs[need])


def _hedons_of_all(outcomes: tuple[Outcome, ...]) -> tuple[Hedons, ...]:
    """Of each state; states with the same outcome share one object."""
    same = {id(outcome): hedons_of(outcome) for outcome in outcomes}
    return tuple(same[id(outcome)] for outcome in outcomes)


def _scores(situation: Situation, act: Act, row: Sequence[Hedons]) -> list[float]:
    context = two_layers(situation, act)
    return [worth(situation, act, hedons, context) for hedons in row]


def own_score(outcome: Outcome, role: Role) -> float:
    """What one person feels, as a bounded score in -1..1."""
    return own_worth(hedons_of(outcome), role)


def persons_in(outcome: Outcome) -> float:
    """How many persons feel something."""
    return math.fsum({felt.role: felt.lot.persons for felt in outcome}.values())
