"""From an episode to a short text that tells part of it, and hints at more."""

from __future__ import annotations

import random
from collections.abc import Mapping

import attrs

from redheart_village.acts import PROFILES, Act
from redheart_village.phrases import Facts, Level, Mention, Wording, form
from redheart_village.streams import between, chance, pick, pick_weighted, shuffled
from redheart_village.world import WITNESSED_NORM, Episode, norm_of

LENGTHS: Mapping[int, float] = {5: 1.0, 6: 2.0, 7: 4.0}
"""Most sentences that a text may have, and how often."""
SLIP = 0.1
"""Share of facts that are told at random, because people are wrong."""

_BOUNDS: Mapping[Facts, tuple[float, float]] = {
    "stakes": (0.33, 0.66),
    "days": (10.0, 45.0),
    "delay": (1.5, 15.0),
    "crowd": (1.0, 10.0),
    "fecundity": (0.3, 0.6),
    "purity": (0.5, 0.8),
    "odds": (0.38, 0.62),
    "lead": (0.5, 0.75),
}
"""From where on a quantity is middle, and high."""

_TOLD: Mapping[Facts, float] = {"stakes": 0.65, "crowd": 0.8}
"""How often a fact is told; the others half of the time."""


@attrs.frozen
class Seen:
    """What the telling knows beyond the episode."""

    feelings: Mapping[str, float]
    """Shares of the emotions of the focus person; one of them may show."""
    pleased: Mapping[str, bool]
    """Per "agent" and "other", whether the outcome was good for them."""
    lead: float
    """How clearly one act was the best, 0..1."""
    wiser: Act | None
    """The act that would have been much better in the state that came, if there is one."""


def tell(episode: Episode, seen: Seen, wording: Wording, rng: random.Random) -> str:
    """One text of an episode, 3 to 7 sentences; rng decides what is told, in which words and order."""
    first_person = chance(rng, 0.5)
    people = _cast(episode, wording, first_person, rng)
    opening = pick(rng, wording.openings).replace(
        "{problem}", pick(rng, wording.matters[episode.situation.matter].problem)
    )
    before = _present(
        _relation(episode, wording, first_person, rng),
        _promise(episode, wording, rng),
        _barred(episode, wording, rng),
        *_facts(episode, seen, wording, rng),
    )
    choices = _present(_choices(episode, wording, rng))
    core = [_decision(episode, wording, rng), _ending(episode, seen, wording, rng)]
    after = _present(
        _witness(episode, wording, rng),
        _agency(episode, wording, rng),
        _hindsight(episode, seen, wording, rng),
        _cue(seen, wording, rng),
        _distraction(wording, rng),
    )
    room = int(pick_weighted(rng, LENGTHS)) - _count([opening, *choices, *core])
    kept = _fitting(shuffled(rng, [*before, *after]), room)
    sentences = [
        opening,
        *shuffled(rng, [*choices, *(sentence for sentence in kept if sentence in before)]),
        *core,
        *(sentence for sentence in kept if sentence in after),
    ]
    return " ".join(_finish(sentence.format(**people)) for sentence in sentences)


def _cast(episode: Episode, wording: Wording, first_person: bool, rng: random.Random) -> dict[str, Mention]:
    """Names for the agent {A}, the other {O} and the focus person {F}."""
    pair = episode.situation.pair
    agent_name = pick(rng, wording.names[pair.agent.gender])
    other_name = pick(rng, [name for name in wording.names[pair.other.gender] if name != agent_name])
    focus_is_agent = episode.focus == "agent"
    agent = wording.mention(None if first_person and focus_is_agent else agent_name, pair.agent.gender)
    other = wording.mention(None if first_person and not focus_is_agent else other_name, pair.other.gender)
    return {"A": agent, "O": other, "F": agent if focus_is_agent else other}


def _relation(episode: Episode, wording: Wording, first_person: bool, rng: random.Random) -> str | None:
    if not chance(rng, 0.4):
        return None
    pair = episode.situation.pair
    teller = episode.focus if first_person else None
    return wording.relation(pair.relation, pair.agent.gender, pair.other.gender, teller)


def _promise(episode: Episode, wording: Wording, rng: random.Random) -> str | None:
    if not (chance(rng, 0.75) and episode.situation.pair.promise):
        return None
    return pick(rng, wording.promise)


def _choices(episode: Episode, wording: Wording, rng: random.Random) -> str | None:
    """The acts that were left, most of them, and now and then the chosen one among them."""
    situation = episode.situation
    if len(situation.acts) == 1:
        return pick(rng, wording.no_choice) if chance(rng, 0.8) else None
    words = wording.matters[situation.matter].acts
    options = [
        form(pick(rng, words[act]), "first")
        for act in shuffled(rng, situation.acts)
        if chance(rng, 0.2 if act == episode.chosen else 0.85)
    ]
    if not options:
        return None
    return pick(rng, wording.choices).replace("{options}", wording.join_options(options))


def _barred(episode: Episode, wording: Wording, rng: random.Random) -> str | None:
    if not chance(rng, 0.08):
        return None
    words = wording.matters[episode.situation.matter].acts[episode.situation.barred]
    return pick(rng, wording.barred).replace("{option}", form(pick(rng, words), "first"))


def _decision(episode: Episode, wording: Wording, rng: random.Random) -> str:
    phrase = pick(rng, wording.matters[episode.situation.matter].acts[episode.chosen])
    frame = pick(rng, wording.decisions)
    return frame.replace("{act}", form(phrase, "first")).replace("{done}", form(phrase, "second"))


def _ending(episode: Episode, seen: Seen, wording: Wording, rng: random.Random) -> str:
    if not episode.known:
        return pick(rng, wording.open_ends)
    words = wording.matters[episode.situation.matter]
    fair = episode.state.luck == "fair"
    luck = pick(rng, words.fair if fair else words.foul)
    role = episode.focus if chance(rng, 0.75) else pick(rng, ("agent", "other"))
    result = pick(rng, words.gain if seen.pleased[role] else words.loss)
    frames = wording.outcomes if fair == seen.pleased[role] else wording.outcomes_against
    frame = pick(rng, frames).replace("{luck}", form(luck, "first"))
    frame = frame.replace("{luck_end}", form(luck, "second")).replace("{result}", result)
    return frame.replace("{P", "{A" if role == "agent" else "{O")


def _witness(episode: Episode, wording: Wording, rng: random.Random) -> str | None:
    matters = abs(norm_of(episode.situation, episode.chosen)) >= WITNESSED_NORM
    if not (episode.known and chance(rng, 0.8 if matters else 0.1)):
        return None
    return pick(rng, wording.seen if episode.state.seen else wording.unseen)


def _agency(episode: Episode, wording: Wording, rng: random.Random) -> str | None:
    if not chance(rng, 0.35):
        return None
    return pick(rng, wording.own_doing if episode.focus == "agent" else wording.not_asked)


def _hindsight(episode: Episode, seen: Seen, wording: Wording, rng: random.Random) -> str | None:
    """What would have been better, for those who know how it ended."""
    if not (episode.known and len(episode.situation.acts) > 1 and chance(rng, 0.4)):
        return None
    if seen.wiser is None:
        return pick(rng, wording.content)
    words = wording.matters[episode.situation.matter].acts[seen.wiser]
    return pick(rng, wording.wiser).replace("{option}", form(pick(rng, words), "first"))


def _cue(seen: Seen, wording: Wording, rng: random.Random) -> str | None:
    if not chance(rng, 0.7):
        return None
    # what shows is rather the strong feelings
    shown = pick_weighted(rng, {label: share**1.5 for label, share in seen.feelings.items()})
    return pick(rng, wording.cues[shown])


def _distraction(wording: Wording, rng: random.Random) -> str | None:
    return pick(rng, wording.distractions) if chance(rng, 0.15) else None


def _facts(episode: Episode, seen: Seen, wording: Wording, rng: random.Random) -> list[str]:
    """Some facts of the situation in rough words, two to a sentence."""
    situation, profile = episode.situation, PROFILES[episode.chosen]
    sizes: dict[Facts, float] = {
        "stakes": situation.stakes,
        "days": situation.days,
        "delay": situation.delay_days,
        "crowd": situation.crowd,
        "fecundity": situation.fecundity + profile.fecundity,
        "purity": situation.purity + profile.purity,
        "odds": situation.fair,
    }
    if len(situation.acts) > 1:
        sizes["lead"] = seen.lead
    clauses = [
        pick(rng, wording.facts[fact][_level(fact, sizes[fact], rng)])
        for fact in shuffled(rng, list(sizes))
        if chance(rng, _TOLD.get(fact, 0.5))
    ]
    sentences = []
    while clauses:
        last = form(clauses.pop(), "second")
        sentences.append(wording.join_clauses(form(clauses.pop(), "first"), last) if clauses else last)
    return sentences


def _level(fact: Facts, size: float, rng: random.Random) -> Level:
    levels: tuple[Level, ...] = ("low", "middle", "high")
    if chance(rng, SLIP):
        return pick(rng, levels)
    middle, high = _BOUNDS[fact]
    # people do not agree on where much begins
    blur = between(rng, 0.85, 1.15)
    return levels[(size * blur >= middle) + (size * blur >= high)]


def _fitting(sentences: list[str], room: int) -> list[str]:
    """The first of the sentences, as long as there is room for them."""
    while sentences and _count(sentences) > room:
        sentences = sentences[:-1]
    return sentences


def _count(sentences: list[str]) -> int:
    return sum(1 + sentence.count(". ") for sentence in sentences)


def _present(*sentences: str | None) -> list[str]:
    return [sentence for sentence in sentences if sentence is not None]


def _finish(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:] + "."
