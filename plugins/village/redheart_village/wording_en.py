"""The English wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from redheart_village.facts_en import FACTS_EN
from redheart_village.land_en import LAND_EN
from redheart_village.people import Gender, Relation
from redheart_village.phrases import Wording
from redheart_village.town_en import TOWN_EN

_SELF = {"": "I", "obj": "me", "pos": "my", "them": "me", "their": "my", "they": "I"}
_PRONOUNS: Mapping[Gender, Mapping[str, str]] = {
    "female": {"them": "her", "their": "her", "they": "she"},
    "male": {"them": "him", "their": "his", "they": "he"},
}


@attrs.frozen
class EnglishMention:
    """A person in an English text: "" or "obj" the name, "pos" Mira's, "them", "their", "they" pronouns."""

    name: str | None
    """None is the one who tells."""
    gender: Gender

    def __format__(self, spec: str) -> str:
        if self.name is None:
            return _SELF[spec]
        if spec in ("", "obj"):
            return self.name
        if spec == "pos":
            return self.name + "'s"
        return _PRONOUNS[self.gender][spec]


_ROLES: Mapping[Relation, Mapping[Gender, str]] = {
    "child": {"female": "daughter", "male": "son"},
    "spouse": {"female": "wife", "male": "husband"},
    "friend": {"female": "friend", "male": "friend"},
    "cousin": {"female": "cousin", "male": "cousin"},
    "neighbour": {"female": "neighbour", "male": "neighbour"},
    "rival": {"female": "rival", "male": "rival"},
}
_PARENT: Mapping[Gender, str] = {"female": "mother", "male": "father"}


def relation(kind: Relation, agent: Gender, other: Gender, teller: Literal["agent", "other"] | None) -> str:
    """A clause on what the other is to the agent, from the teller's side."""
    if kind == "stranger":
        return "{A} hardly knew {O:obj}"
    if teller == "other":
        role = _PARENT[agent] if kind == "child" else _ROLES[kind][agent]
        return "{A} is {O:their} " + role
    return ("{O} is {A:pos} " if teller == "agent" else "{O} was {A:pos} ") + _ROLES[kind][other]


def join_options(options: Sequence[str]) -> str:
    """a, b or c."""
    return options[0] if len(options) == 1 else ", ".join(options[:-1]) + " or " + options[-1]


def join_clauses(first: str, second: str) -> str:
    """Two clauses in one sentence."""
    return f"{first}, and {second}"


ENGLISH = Wording(
    language="en",
    names={
        "female": (
            *("Mira", "Anna", "Lena", "Ruth", "Clara", "Ida", "Nora", "Helen", "Greta", "Sofia", "Marta", "Edith"),
            *("Vera", "Judith", "Lucy", "Rosa", "Agnes", "Emma", "Irene", "Paula", "Selma", "Tessa", "Hanna", "Olga"),
        ),
        "male": (
            *("Jonas", "Peter", "Emil", "Karl", "Simon", "Oscar", "Felix", "Hugo", "Martin", "Theo", "Victor", "Paul"),
            *("Adam", "Ivan", "Leon", "Henry", "Max", "Robert", "Stefan", "Tom", "Walter", "Albert", "Daniel", "Erik"),
        ),
    },
    mention=EnglishMention,
    matters={**LAND_EN, **TOWN_EN},
    openings=(
        "That year {problem}",
        "It was still dark, and {problem}",
        "When {F} came down to the square, {problem}",
        "By Tuesday {problem}",
        "{F} never forgot it: {problem}",
        "In the upper village {problem}",
        "One evening {F} heard that {problem}",
        "As far as {F} knew, {problem}",
        "It began on a grey morning; {problem}",
        "After the bells {F} saw how things stood: {problem}",
        "At that time {problem}, or so {F} was told",
        "{F} had only just woken up, and {problem}",
    ),
    relation=relation,
    promise=(
        "{A} had promised to stand by {O:obj} in this",
        "{A} had given {O:obj} {A:their} word",
        "there was a promise to {O:obj} that {A} had made in spring",
        "{O} was counting on what {A} had sworn",
    ),
    facts=FACTS_EN,
    choices=(
        "{A} could {options}",
        "One way was to {options}",
        "It was possible to {options}",
        "{A} thought about it: to {options}",
        "Another person might {options}",
        "{A} had been advised to {options}",
        "There was also the chance to {options}",
    ),
    no_choice=(
        "There was no other way",
        "{A} saw nothing else to do",
        "It was not as if there were a choice",
        "Only one path was open",
    ),
    barred=(
        "To {option} was out of the question",
        "{A} would have liked to {option}, but could not",
        "It was too late to {option}",
        "Nobody could expect {A:obj} to {option}",
    ),
    decisions=(
        "In the end {A} {done}",
        "{A} {done}",
        "{A} decided to {act}",
        "So {A} {done}",
        "After a short night {A} {done}",
        "{A} made up {A:their} mind to {act}",
        "Without many words {A} {done}",
        "What {A} did was to {act}",
    ),
    outcomes=(
        "{luck}, and {result}",
        "Then {luck}; {result}",
        "As it turned out, {luck}, and soon {result}",
        "{result}, for {luck}",
        "{luck}, so {result}",
        "Before long {luck}, and {result}",
    ),
    outcomes_against=(
        "{luck}, but {result}",
        "Although {luck}, {result}",
        "{luck}; all the same, {result}",
        "{result}, even though {luck}",
    ),
    open_ends=(
        "How it ended cannot be told yet",
        "Nothing has come of it so far",
        "{F} waited for news and had none so far",
        "The answer is not in yet",
        "Today it is still open what will come of it",
        "It has not been decided to this day",
        "To {F:obj} the end of it is still unknown",
        "Everything is still in the air",
    ),
    seen=(
        "A neighbour had seen it all",
        "By evening people were talking about what {A} had done",
        "Two children had watched from the wall",
        "{A:pos} deed was told at the well",
        "It did not go unnoticed",
        "The priest happened to walk by",
    ),
    unseen=(
        "Nobody had been watching",
        "No one ever asked about it",
        "Not a soul knew what {A} had done",
        "It stayed hidden",
        "The lane was empty at that hour",
        "There were no witnesses",
    ),
    own_doing=(
        "It was {F:pos} own doing",
        "{F} had nobody else to thank or to blame",
        "No one but {F:obj} had decided it",
        "{F} had it in {F:their} own hands",
    ),
    not_asked=(
        "{F} had not been asked",
        "{F} could only stand by and take what came",
        "{F:pos} opinion did not count in this",
        "It was done over {F:pos} head",
    ),
    wiser=(
        "Looking back, it would have been wiser to {option}",
        "Today everyone says that it would have been better to {option}",
        "If only the choice had been to {option}",
        "To {option} would have gone better, as one knows now",
    ),
    content=(
        "Looking back, nothing else would have gone better",
        "Nobody has named a better way since",
        "Given the same choice, {A} would do it again",
        "It was as good as it could be made",
    ),
    cues={
        "joy": (
            "{F} hummed all the way home",
            "{F} could not help smiling",
            "That evening {F} opened the good wine",
            "{F} skipped down the steps",
            "There was a light in {F:pos} eyes",
        ),
        "trust": (
            "{F} left the door unlocked that night",
            "{F} felt that one could lean on people",
            "{F} nodded and asked no questions",
            "To {F:obj} it seemed in good hands",
            "{F} slept calmly, relying on the others",
        ),
        "fear": (
            "{F} lay awake and listened",
            "{F:pos} hands would not keep still",
            "{F} looked over {F:their} shoulder on the way",
            "At each knock {F} started",
            "{F} did not dare to think ahead",
        ),
        "surprise": (
            "{F} had to read it twice",
            "{F} stood there with an open mouth",
            "That was the last thing {F} had expected",
            "{F} could not believe it",
            "{F} asked again whether it was true",
        ),
        "sadness": (
            "{F} sat by the window for a long time",
            "{F} ate nothing that evening",
            "{F} walked home slowly and alone",
            "{F} wept without a sound",
            "The house seemed empty to {F:obj}",
        ),
        "disgust": (
            "{F} washed {F:their} hands twice",
            "{F} felt sick at the thought of it",
            "{F} turned away and spat",
            "It left a foul taste in {F:pos} mouth",
            "{F} could not look at it any longer",
        ),
        "anger": (
            "{F} slammed the door",
            "{F} clenched {F:their} fists",
            "{F} threw the cup at the wall",
            "{F} swore under {F:their} breath",
            "{F:pos} face turned red",
        ),
    },
    distractions=(
        "The baker's cat slept through it all",
        "It was the year of the two eclipses",
        "Somewhere a door was banging",
        "The miller was painting his fence blue",
        "On the same day the post coach lost a wheel",
        "Swallows were nesting under the town hall",
        "The clock on the tower was ten minutes slow",
        "Somebody was baking plum cake",
        "A pedlar was selling ribbons at the corner",
        "The schoolmaster had a cold again",
        "Two hens had got onto the chapel roof",
        "Later there was talk of a new bridge",
        "The innkeeper told a long story about his uncle",
        "It smelled of cut grass",
    ),
    join_options=join_options,
    join_clauses=join_clauses,
)
