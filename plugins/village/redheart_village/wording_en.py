"""The English wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from redheart_village.matters_en import MATTERS_EN
from redheart_village.people import Gender, Relation
from redheart_village.phrases import Wording

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
    matters=MATTERS_EN,
    openings=(
        "That autumn {problem}",
        "It was early in the year, and {problem}",
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
    facts={
        "stakes": {
            "low": (
                "not much hung on it",
                "it was a small thing, really",
                "nobody would have been ruined by it",
                "there was little to win or lose",
            ),
            "middle": (
                "something hung on it",
                "it was no trifle, but no matter of life either",
                "it mattered a fair amount",
                "there was a good deal to think about",
            ),
            "high": (
                "everything hung on it",
                "there was nothing to fall back on",
                "more was at stake than ever before",
                "it was all that was left",
            ),
        },
        "days": {
            "low": (
                "a few days later it would all be past",
                "it was a matter of days",
                "such things do not last",
                "by the end of the week it would be over",
            ),
            "middle": (
                "it was a matter of weeks",
                "one would feel it until the next full moon",
                "it would take a month to fade",
                "it would stay for some weeks",
            ),
            "high": (
                "one would feel it for many months",
                "it would last until next year at least",
                "such a thing stays for a long time",
                "it was a matter of seasons and not of days",
            ),
        },
        "delay": {
            "low": (
                "the effect would show within hours",
                "one would know the same day",
                "there was no time at all before it",
                "it was going to happen at once",
            ),
            "middle": (
                "it would be a week before anyone felt it",
                "the effect would come in some days",
                "it was still a few days off",
                "after a week or so it would show",
            ),
            "high": (
                "the effect was still months away",
                "it would be long before anyone felt it",
                "only the next season would show it",
                "it lay far in the future",
            ),
        },
        "crowd": {
            "low": (
                "nobody else was concerned",
                "it was a thing between two people only",
                "no other house was touched by it",
                "the others had no part in it",
            ),
            "middle": (
                "a handful of others would feel it too",
                "a few more families were concerned",
                "some people from the lane depended on it as well",
                "it touched the household next door too",
            ),
            "high": (
                "the whole village would feel it",
                "dozens of people depended on it",
                "there was hardly a house that it did not touch",
                "young and old were all concerned",
            ),
        },
        "fecundity": {
            "low": (
                "nothing more would follow from it",
                "it would end where it began",
                "it was a thing that happens once",
                "it would leave no trace",
            ),
            "middle": (
                "something might follow from it",
                "it could well happen a second time",
                "there might be more of it to come",
                "it was not clear whether it would end there",
            ),
            "high": (
                "one such day brings many more",
                "it was sure to lead to more of the same",
                "it would go on by itself like a wheel",
                "it was only the first of many",
            ),
        },
        "purity": {
            "low": (
                "it had two sides, sweet and bitter",
                "every such thing has its price",
                "the opposite would not be far behind",
                "feelings about it were bound to be mixed",
            ),
            "middle": (
                "there was a little of the other side in it",
                "it was not quite so simple",
                "it was mostly one thing, and a little another",
                "a small doubt was part of it",
            ),
            "high": (
                "it was what it was and nothing else",
                "there was no other side to it",
                "nothing would water it down",
                "the feeling would be unmixed",
            ),
        },
        "odds": {
            "low": (
                "the old people shook their heads",
                "hardly anyone believed that luck would help",
                "all the signs were bad",
                "chances were poor",
            ),
            "middle": (
                "nobody could say how it would go",
                "it stood on a knife's edge",
                "half of the people said one thing and half another",
                "it was like the toss of a coin",
            ),
            "high": (
                "most people thought it would go well",
                "all the signs were good",
                "luck seemed to be on this side",
                "there was good reason to be hopeful",
            ),
        },
        "lead": {
            "low": (
                "the ways were much alike",
                "one way seemed as good as another",
                "it made little difference which way to go",
            ),
            "middle": (
                "one way seemed a little better",
                "there was something to be said for each way",
                "the scales leaned to one side",
            ),
            "high": (
                "one way was clearly the best",
                "anyone could see what was best",
                "there was no comparison between the ways",
            ),
        },
    },
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
        "In the following days {luck}, and {result}",
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
