"""The fields of persons, causes, choice, calculus and moods of a record; the README states each rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redheart_village import causes, choice, context, moods
from redheart_village.account import Account
from redheart_village.affect import named
from redheart_village.appraisal import Appraisal
from redheart_village.company import CULTURES, Company, Member, similarity
from redheart_village.feelings import Feelings, community, projection
from redheart_village.labels import DIGITS
from redheart_village.past import Past
from redheart_village.streams import stream
from redheart_village.triple import triple


def person_fields(
    account: Account, company: Company, past: Past, feelings: Feelings, view: Appraisal
) -> dict[str, object]:
    """Who felt what, before and after; view is the focus person's."""
    return {
        "self_before": named(feelings.actor_before, DIGITS),
        "self_after": named(feelings.actor_after, DIGITS),
        "others_before": [named(affect, DIGITS) for affect in feelings.others_before],
        "others_after": [named(affect, DIGITS) for affect in feelings.others_after],
        "others_traits": [_traits(account, company, member) for member in company.others],
        "others_culture": [
            {culture: float(culture == member.culture) for culture in CULTURES} for member in company.others
        ],
        "projection": named(projection(account, company, feelings), DIGITS),
        "community": named(community(company, feelings), DIGITS),
        "history": [
            {
                **named(memory.after, DIGITS),
                "regret": round(memory.regret, DIGITS),
                "utility": round(memory.utility, DIGITS),
            }
            for memory in past.memories
        ],
        "culture": _rounded(triple(account, company, past, view)),
    }


def choice_fields(account: Account, regret: float) -> dict[str, object]:
    """Payoffs and regrets of all acts; regret is the record's."""
    return {
        "payoffs": [None if row is None else _rounded(row) for row in choice.payoffs(account)],
        "state_probability": _rounded(choice.state_probability(account)),
        "act_regret": _rounded(choice.act_regret(account)),
        "act_max_regret": _rounded(choice.act_max_regret(account)),
        "chosen_act": choice.chosen_act(account),
        "regret_course": _rounded(choice.regret_course(account, regret)),
    }


def calculus_fields(account: Account, company: Company) -> dict[str, object]:
    """The act in its context and over time."""
    layers = context.context_layers(account, company)
    weights = tuple(layers.values())
    return {
        "burdens": _rounded(context.burdens(account)),
        "context_layers": _rounded(layers),
        "utility_in_context": round(context.utility_in_context(account, weights), DIGITS),
        "utility_horizons": _rounded(context.utility_horizons(account, weights)),
    }


def cause_fields(account: Account) -> dict[str, object]:
    """The information of the causes about the outcome; missing where the outcome is sure."""
    shares = causes.paths(causes.joint(account))
    if shares is None:
        return {"causal_parts": None, "causal_paths": None}
    return {"causal_parts": _rounded(causes.parts(shares)), "causal_paths": _rounded(shares)}


def mood_fields(account: Account, company: Company, seed: int, language: str, index: int) -> dict[str, object]:
    """The log of the two, and what passes between them."""
    bond = moods.bond_of(account.situation.pair, company)
    days = moods.log_of(bond, stream(seed, language, index, "mood log"))
    return {
        "mood_log": days.round(DIGITS),
        "transfer": _rounded(moods.transfer(bond)),
    }


def _traits(account: Account, company: Company, member: Member) -> dict[str, float]:
    return _rounded(
        {
            "closeness": member.closeness,
            "similarity": similarity(account.situation, company.actor.person, member.person),
            "status": member.status,
            "influence": member.influence,
            "expressiveness": member.expressiveness,
        }
    )


def _rounded(values: Mapping[Any, float]) -> dict[str, float]:
    return {label: round(value, DIGITS) for label, value in values.items()}
