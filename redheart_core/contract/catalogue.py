"""The catalogue: the fields that redheart knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from redheart_core.contract.fields import Field, text_field

AFFECT: tuple[str, ...] = ("valence", "arousal", "dominance", "certainty", "surprise", "anticipation")
"""Axes of the affect space, each -1..1 with 0 as neutral."""

OTHERS = 5
"""Most other persons of a record who live through the same event."""
PAST = 8
"""Most earlier scenarios of the same person."""
LOG_DAYS = 64
"""Days of the mood log."""

_EMOTIONS = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger")
_EKMAN = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
_CIRCUMSTANCES = ("intensity", "duration", "certainty", "propinquity", "fecundity", "purity", "extent")
_PARTS = ("synergistic", "unique", "redundant", "leak")
_PATHS = ("R123", "R12", "R13", "R23", "U1", "U2", "U3", "S12+S13+S23", "S123", "leak")
_LAYERS = ("cultural", "temporal", "social", "personal", "moral", "situational")
_CULTURES = ("korean", "western", "eastern", "global")
_TRAITS = ("closeness", "similarity", "status", "influence", "expressiveness")
_ACTS = ("bold", "safe", "kind", "wrong", "wait")
_STATES = ("fair_unseen", "fair_seen", "foul_unseen", "foul_seen")
_GOEMOTIONS = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
    *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
    *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
)
_KOTE = (
    *("불평/불만", "환영/호의", "감동/감탄", "지긋지긋", "고마움", "슬픔", "화남/분노", "존경", "기대감"),
    *("우쭐댐/무시함", "안타까움/실망", "비장함", "의심/불신", "뿌듯함", "편안/쾌적", "신기함/관심", "아껴주는"),
    *("부끄러움", "공포/무서움", "절망", "한심함", "역겨움/징그러움", "짜증", "어이없음", "없음", "패배/자기혐오"),
    *("귀찮음", "힘듦/지침", "즐거움/신남", "깨달음", "죄책감", "증오/혐오", "흐뭇함(귀여움/예쁨)", "당황/난처"),
    *("경악", "부담/안_내킴", "서러움", "재미없음", "불쌍함/연민", "놀람", "행복", "불안/걱정", "기쁨", "안심/신뢰"),
)
"""In the order of their numbers, as in the publisher's list; 없음 is no emotion."""
_HORIZONS = tuple(f"day_{days}" for days in (1, 3, 7, 14, 30, 60, 90, 180, 365, 730))


def _votes(name: str, meaning: str, *labels: str) -> Field:
    return Field(name, meaning, 0.0, 1e9, unit="votes", labels=labels, counts=True)


def _shares(name: str, meaning: str, *labels: str, to: int = 0) -> Field:
    return Field(name, meaning, 0.0, 1.0, labels=labels, simplex=True, axes=(to,) if to else ())


def _unit(name: str, meaning: str, *labels: str, to: int = 0) -> Field:
    return Field(name, meaning, 0.0, 1.0, labels=labels, axes=(to,) if to else ())


def _signed(name: str, meaning: str, *labels: str, to: int = 0) -> Field:
    return Field(name, meaning, -1.0, 1.0, labels=labels, axes=(to,) if to else ())


def _rated(name: str, meaning: str, *labels: str) -> Field:
    """Labels of which several may be 1, or none."""
    return Field(name, meaning, 0.0, 1.0, labels=labels, binary=True)


def _catalogue(*fields: Field) -> Mapping[str, Field]:
    return MappingProxyType({field.name: field for field in fields})


CATALOGUE: Mapping[str, Field] = _catalogue(
    _shares("emotion", "share of each emotion in the scenario", *_EMOTIONS),
    Field("regret", "how much there is to regret: 0 nothing, 1 everything", 0.0, 1.0),
    _unit(
        "bentham",
        "circumstances of the pleasure or pain after Bentham (1789, ch. IV), each mapped to 0..1",
        *_CIRCUMSTANCES,
    ),
    Field("utility", "bounded value of the act by the hedonic calculus, V / (V0 + |V|)", -1.0, 1.0),
    _unit(
        "choice_factors",
        "the situation of choice: real alternatives, uncertainty of outcomes, expected loss, margin of the best act",
        *("selection", "uncertainty", "risk", "decision"),
    ),
    _votes("votes", "votes of a crowd on who is in the wrong", "AUTHOR", "OTHER", "EVERYBODY", "NOBODY", "INFO"),
    # two acts that are compared
    text_field("first_act", "the first of two acts that are compared, in words"),
    text_field("second_act", "the second of them"),
    _votes("less_ethical", "votes of raters on which of two acts is the less ethical one", "first", "second"),
    _votes("less_ethical_again", "the same of other raters", "first", "second"),
    # what raters say of a text
    _rated(
        "goemotions",
        "1 for each emotion that raters see in the text, by the taxonomy of GoEmotions (Demszky et al. 2020)",
        *_GOEMOTIONS,
    ),
    _rated(
        "ekman",
        "1 for each basic emotion after Ekman that raters see in the text, and for neutral if they see none",
        *_EKMAN,
    ),
    _rated(
        "kote",
        "1 for each emotion that raters see in the Korean text, by the taxonomy of KOTE (Jeon et al. 2024)",
        *_KOTE,
    ),
    Field(
        "vad",
        "mean rating of valence, arousal and dominance on the scale of self-assessment manikins: 1 low, 5 high",
        *(1.0, 5.0),
        labels=AFFECT[:3],
    ),
    # persons who live through the same event
    _signed("self_before", "affect of the self, who acts, before the event", *AFFECT),
    _signed("self_after", "affect of the self, who acts, after the event", *AFFECT),
    _signed(
        "others_before", "affect before the event of up to five others, the most concerned first", *AFFECT, to=OTHERS
    ),
    _signed("others_after", "affect of the same others after the event", *AFFECT, to=OTHERS),
    _unit("others_traits", "what the same others are to the self and to the community", *_TRAITS, to=OTHERS),
    _shares("others_culture", "the culture that each of the same others lives in", *_CULTURES, to=OTHERS),
    _signed("projection", "affect that the self would have in the place of the first other", *AFFECT),
    _signed("community", "affect of the whole community after the event", *AFFECT),
    _signed(
        "history",
        "affect, regret and utility of the self in earlier scenarios, oldest first",
        *(*AFFECT, "regret", "utility"),
        to=PAST,
    ),
    _unit(
        "culture", "Korean concepts: jeong (bond), han (hopeless grief), chemyeon (face)", "jeong", "han", "chemyeon"
    ),
    # causes
    _shares("causal_parts", "exact SURD of the causes of the outcome, as shares of its entropy", *_PARTS),
    _shares("causal_paths", "the same by path, for three causes 1, 2, 3; the synergies of two are one path", *_PATHS),
    # choice
    _signed(
        "payoffs", "bounded score of each act, missing if it cannot be done, in each state", *_STATES, to=len(_ACTS)
    ),
    _shares("state_probability", "probability of each state", *_STATES),
    Field("act_regret", "expected regret of each act, missing if it cannot be done", 0.0, 2.0, labels=_ACTS),
    Field(
        "act_max_regret",
        *("largest regret of each act over the states, missing if it cannot be done", 0.0, 2.0),
        labels=_ACTS,
    ),
    _shares("chosen_act", "1 for the act that was done", *_ACTS),
    _unit("regret_course", "regret a day, a month, a year and ten years later", "day", "month", "year", "decade"),
    # calculus
    _signed(
        "burdens",
        "of the act: cost for outsiders, redistribution towards those in need, damage to oneself",
        *("external_cost", "redistribution", "self_damage"),
    ),
    Field(
        "context_layers",
        *("weight of each layer of context in the hedonic calculus; 1 is neutral", 0.3, 2.5),
        labels=_LAYERS,
    ),
    _signed("utility_in_context", "bounded value of the act with all layers of context"),
    _signed("utility_horizons", "bounded value that the act has brought by each horizon", *_HORIZONS),
    # two persons over time
    Field(
        "mood_log",
        *("daily valence of the self and of the first other, whose moods are coupled", -100.0, 100.0),
        labels=("agent", "other"),
        axes=(LOG_DAYS,),
    ),
    Field(
        "transfer",
        *("exact transfer entropy of that coupling at a lag of one day", 0.0, 2.0, "nats"),
        labels=("agent_to_other", "other_to_agent"),
    ),
    _unit("legal_risk", "legal risk of the act in each domain", "education", "business", "social", "politics", "life"),
    # signals of the person who feels
    Field("eeg", "electroencephalogram by time and channel", -20.0, 20.0, "50 uV", axes=(128, 32)),
    Field("ecg", "electrocardiogram by time and lead", -10.0, 10.0, "mV", axes=(128, 12)),
    Field("gsr", "skin conductance by time and electrode", -10.0, 10.0, "10 uS", axes=(128, 4)),
    Field("image", "grey picture of the face, 0 dark", 0.0, 1.0, axes=(1, 16, 16)),
    Field("audio", "features of the voice by frame", -10.0, 10.0, axes=(64, 20)),
)
"""The fields that redheart knows; a data set may give these or declare its own."""
