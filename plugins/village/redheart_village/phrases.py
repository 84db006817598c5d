"""What the wording of a language consists of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import attrs

from redheart_village.acts import Act, Matter
from redheart_village.people import Gender, Relation

Level = Literal["low", "middle", "high"]
Facts = Literal["stakes", "days", "delay", "crowd", "fecundity", "purity", "odds", "lead"]

_FORMS = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")


def form(phrase: str, which: Literal["first", "second"]) -> str:
    """A phrase with every [first|second] settled; phrases without brackets stay as they are."""
    return _FORMS.sub(r"\1" if which == "first" else r"\2", phrase)


class Mention(Protocol):
    """A person as texts name it; the format spec picks case or particle."""

    def __format__(self, spec: str) -> str: ...


@attrs.frozen
class MatterWords:
    """Phrases of one matter."""

    problem: tuple[str, ...]
    acts: Mapping[Act, tuple[str, ...]]
    fair: tuple[str, ...]
    foul: tuple[str, ...]
    gain: tuple[str, ...]
    loss: tuple[str, ...]


@attrs.frozen
class Wording:
    """Everything that the text of a language is made of.

    Clauses have no capital and no full stop. {A} acts, {O} is the other, {F} the
    one the story is about, {P} the one who feels the outcome.
    """

    language: str
    names: Mapping[Gender, tuple[str, ...]]
    mention: Callable[[str | None, Gender], Mention]
    """Name, or None for the one who tells, and gender."""
    matters: Mapping[Matter, MatterWords]
    openings: tuple[str, ...]
    """Frames of the first sentence around {problem}."""
    relation: Callable[[Relation, Gender, Gender, Literal["agent", "other", None]], str]
    """Relation, genders of agent and other, and which of them tells, to a clause with {A} and {O}."""
    promise: tuple[str, ...]
    facts: Mapping[Facts, Mapping[Level, tuple[str, ...]]]
    """Clauses on how large a quantity of the world is."""
    choices: tuple[str, ...]
    """Frames around {options}."""
    no_choice: tuple[str, ...]
    barred: tuple[str, ...]
    """Frames around {option}, which could not be done."""
    decisions: tuple[str, ...]
    """Frames around {act} in the first form or {done} in the second."""
    outcomes: tuple[str, ...]
    """Frames around {luck} in the first and {result} in the second form."""
    outcomes_against: tuple[str, ...]
    """The same where luck and result do not go together."""
    open_ends: tuple[str, ...]
    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    own_doing: tuple[str, ...]
    """The focus person has acted."""
    not_asked: tuple[str, ...]
    """Somebody else has acted."""
    wiser: tuple[str, ...]
    """Frames around {option}, which would have been better."""
    content: tuple[str, ...]
    """Nothing else would have been better."""
    cues: Mapping[str, tuple[str, ...]]
    """Per emotion, what the focus person shows of it."""
    distractions: tuple[str, ...]
    join_options: Callable[[Sequence[str]], str]
    join_clauses: Callable[[str, str], str]
    """Two fact clauses to one; the first still in both forms."""
