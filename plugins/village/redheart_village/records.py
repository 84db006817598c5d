"""The records of the data set: world, labels and text put together."""

from __future__ import annotations

from collections.abc import Iterator

from redheart_core import Record
from redheart_village.account import Account, account_for, own_score
from redheart_village.acts import Act
from redheart_village.appraisal import Appraisal, appraise, emotion
from redheart_village.company import gather
from redheart_village.feelings import feel
from redheart_village.further import calculus_fields, cause_fields, choice_fields, mood_fields, person_fields
from redheart_village.labels import choice_factors, labels_of, regret
from redheart_village.past import past_of
from redheart_village.phrases import Wording
from redheart_village.settings import VillageSettings
from redheart_village.signals import signal_fields
from redheart_village.streams import stream
from redheart_village.text import Seen, tell
from redheart_village.wording_en import ENGLISH
from redheart_village.wording_ko import KOREAN
from redheart_village.world import STATES, live

WISER_BY = 0.15
"""From this regret on, people say afterwards what would have been wiser."""


def make_records(settings: VillageSettings) -> Iterator[Record]:
    """All English records, then all Korean ones; a record depends on seed, language and number alone."""
    for wording, count in ((ENGLISH, settings.english), (KOREAN, settings.korean)):
        for index in range(count):
            yield make_record(settings.seed, wording, index, signals=settings.signals)


def make_record(seed: int, wording: Wording, index: int, signals: bool = False) -> Record:
    """One record of a language, counted from 0."""
    language = wording.language
    account = account_for(live(seed, language, index))
    episode = account.episode
    view = appraise(account)
    emotions = emotion(view)
    outcome = account.outcomes[episode.chosen][STATES.index(episode.state)]
    seen = Seen(
        feelings=emotions,
        pleased={"agent": own_score(outcome, "agent") > 0.0, "other": own_score(outcome, "other") > 0.0},
        lead=choice_factors(account)["decision"],
        wiser=_wiser(account),
    )
    return Record(
        id=f"village-{language}-{index:05d}",
        text=tell(episode, seen, wording, stream(seed, language, index, "text")),
        values=labels_of(account, emotions) | _further(account, view, seed, language, index, signals),
        where=f"village record {language} {index}",
        language=language,
    )


def _further(
    account: Account, view: Appraisal, seed: int, language: str, index: int, signals: bool
) -> dict[str, object]:
    """The fields beyond the first five: each part draws from a stream of its own."""
    company = gather(stream(seed, language, index, "company"), language, account.situation)
    past = past_of(seed, language, index, company.actor)
    feelings = feel(account, company, past.mood, stream(seed, language, index, "others"))
    focus = feelings.actor_after if account.episode.focus == "agent" else feelings.others_after[0]
    return {
        **person_fields(account, company, past, feelings, view),
        **choice_fields(account, regret(account)),
        **calculus_fields(account, company),
        **cause_fields(account),
        **mood_fields(account, company, seed, language, index),
        **(signal_fields(focus, stream(seed, language, index, "signals")) if signals else {}),
    }


def _wiser(account: Account) -> Act | None:
    """The best act in the state that came, if it was worth the talk."""
    state = STATES.index(account.episode.state)
    scores = {act: row[state] for act, row in zip(account.situation.acts, account.payoffs, strict=True)}
    best = max(scores, key=lambda act: scores[act])
    return best if scores[best] - scores[account.episode.chosen] >= WISER_BY else None
