"""An answer on labels in a few words: what is likely, what perhaps, and of their opposites one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from redheart_core.models.findings import Answer, LabelValue

MOSTLY, PERHAPS, UNLIKELY = 0.5, 0.2, 0.1
"""From which probability on a label is mostly so and perhaps so, and up to which one outside of the set is unlikely."""
MOST = 3
"""Labels of each kind that are named."""
MOST_NAMES = 8
"""Labels of a set that are named; a larger one is open, and they are counted."""
WORDS = (
    "mostly {names}",
    "perhaps {names}",
    "{names} is unlikely",
    "little {names}",
    " and ",
    " or ",
    "may be true: {names}",
    "may also be true: {names}",
    "may be largest: {names}",
    "{count} of {all} labels may be true",
    "{count} more of {all} labels may be true",
    "{count} of {all} labels may be largest",
    "none",
)
_PLEASANT = ("joy", "love", "기쁨", "행복", "즐거움/신남")
_UNPLEASANT = ("sadness", "anger", "fear", "disgust", "슬픔", "화남/분노", "공포/무서움")
_OPPOSITES = {
    **dict.fromkeys((*_PLEASANT, "amusement", "excitement", "optimism", "trust", "뿌듯함"), _UNPLEASANT),
    **dict.fromkeys(
        (*_UNPLEASANT, "annoyance", "disappointment", "grief", "remorse", "nervousness", "짜증", "절망"), _PLEASANT
    ),
    **dict.fromkeys(("안타까움/실망", "서러움", "불안/걱정", "죄책감", "힘듦/지침", "불평/불만"), _PLEASANT),
    "gratitude": ("anger", "annoyance"),
    "고마움": ("화남/분노", "짜증"),
    "approval": ("disapproval",),
    "disapproval": ("approval",),
}
"""Label to those that speak against it, the plainest first."""


@attrs.frozen
class Summary:
    """Labels of an answer that has a set; none is named twice."""

    mostly: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    unlikely: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    """The other labels of the set, the largest value first."""
    shares: bool = False
    """Whether the labels share one whole."""
    all: int = 0
    """How many labels there are to choose from."""

    @property
    def open(self) -> bool:
        """Whether the set holds too many labels to name them."""
        return len(self.mostly) + len(self.perhaps) + len(self.further) > MOST_NAMES

    def words(self, say: Callable[[str], str] = str, label: Callable[[str], str] = str) -> str:
        """For people: what is likely, what is not, and what else is in the set.

        Args:
            say: Each of WORDS to the same in another language.
            label: The name of a label likewise.
        """
        return "; ".join(one for one in (self.first_words(say, label), self.set_words(say, label)) if one)

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `text` is what people read."""
        labels = {name: list(getattr(self, name)) for name in ("mostly", "perhaps", "unlikely", "further")}
        return {"text": self.words(), **labels}

    def first_words(self, say: Callable[[str], str] = str, label: Callable[[str], str] = str) -> str:
        """What is likely and what is not; empty where nothing is likely enough."""

        def part(words: str, names: tuple[str, ...], joint: str) -> list[str]:
            named = [label(one) for one in names]
            listed = say(joint).join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)
            return [say(words).format(names=listed)] if names else []

        likely = part("mostly {names}", self.mostly, " and ")
        likely += part("perhaps {names}", self.perhaps, " or ")
        little = part("little {names}" if self.shares else "{names} is unlikely", self.unlikely, " or ")
        return "; ".join([*([", ".join(likely)] if likely else []), *little])

    def set_words(self, say: Callable[[str], str] = str, label: Callable[[str], str] = str) -> str:
        """The labels of the set that are not named yet; empty where all are."""
        named = bool(self.mostly or self.perhaps)
        if named and not self.further:
            return ""
        if self.open:
            words = "{count} of {all} labels may be largest" if self.shares else "{count} of {all} labels may be true"
            words = "{count} more of {all} labels may be true" if named else words
            return say(words).format(count=len(self.further), all=self.all)
        words = "may be largest: {names}" if self.shares else "may be true: {names}"
        words = "may also be true: {names}" if named else words
        return say(words).format(names=", ".join(map(label, self.further)) or say("none"))


def labels_in_set(answer: Answer) -> tuple[str, ...] | None:
    """The set of an answer, the largest value first: labels that may be true, or of which one may be largest."""
    if answer.certainty is None or answer.certainty.unlike:
        return None
    names = answer.certainty.together if answer.about.binary else answer.certainty.leading
    if names is None and answer.about.binary and all(one.in_set is not None for one in answer.values):
        names = tuple(one.label for one in answer.values if one.in_set)
    given = {one.label: one.value for one in answer.values}
    return None if names is None else tuple(sorted(names, key=lambda name: -given[name]))


def is_unlike(answer: Answer) -> bool:
    """Whether the text is unlike those that the answer was measured on."""
    return answer.certainty is not None and answer.certainty.unlike


def borne_out(answer: Answer) -> tuple[LabelValue, ...]:
    """What an answer claims and stands behind, in its order: what people are shown.

    Of labels those in the set that are at least perhaps so, of an open set those that are mostly so; of shares and
    numbers those whose interval does not hold what is usual. Without a set or an interval nothing speaks against them.
    It stands behind nothing on a text unlike those that it was measured on.
    """
    if is_unlike(answer):
        return ()
    if not answer.about.binary:
        return tuple(one for one in answer.telling if not _as_usual(one))
    held = labels_in_set(answer)
    least = PERHAPS if held is None or len(held) <= MOST_NAMES else MOSTLY
    return tuple(one for one in answer.telling if one.value >= least and (held is None or one.label in held))


def narrowed(answer: Answer) -> Summary | None:
    """The labels that may be true where an answer stands behind none of them, if there are few; None elsewhere."""
    held = labels_in_set(answer) if answer.about.binary and not borne_out(answer) else None
    return Summary(further=held, all=len(answer.values)) if held and len(held) <= MOST_NAMES else None


def stated_labels(answer: Answer) -> tuple[str, ...]:
    """What an answer on labels says where there is room for names alone; empty where it stands behind none.

    What it claims; of shares with a set the labels of which one is the largest, if these are few enough to name.
    """
    held = None if answer.about.binary else labels_in_set(answer)
    if held is None:
        return tuple(one.label for one in borne_out(answer))
    return held if len(held) <= MOST_NAMES else ()


def _as_usual(value: LabelValue) -> bool:
    """Whether a number may be what is usual, by its interval."""
    if value.low is None or value.high is None or value.training_mean is None:
        return False
    return value.low <= value.training_mean <= value.high


def summarize(answer: Answer) -> Summary | None:
    """What an answer on labels comes to; None of one that has no set."""
    held = labels_in_set(answer)
    if held is None:
        return None
    found = _of_labels(answer) if answer.about.binary else _of_shares(held)
    named = (*found.mostly, *found.perhaps)
    found = attrs.evolve(found, further=tuple(one for one in held if one not in named), all=len(answer.values))
    against = dict.fromkeys(two for one in named for two in _OPPOSITES.get(one, ()))
    if not against.keys().isdisjoint(named):  # mixed feelings
        return found
    low = set(_low(answer, held))
    return attrs.evolve(found, unlikely=tuple(one for one in against if one in low)[:1])


def _of_labels(answer: Answer) -> Summary:
    """Labels that the answer stands behind."""
    mostly = [one.label for one in borne_out(answer) if one.value >= MOSTLY]
    perhaps = [one.label for one in borne_out(answer) if one.value < MOSTLY]
    return Summary(tuple(mostly[:MOST]), tuple(perhaps[:MOST]))


def _of_shares(held: tuple[str, ...]) -> Summary:
    """The label that has the largest share, if the set leaves no other."""
    return Summary(mostly=held if len(held) == 1 else (), shares=True)


def _low(answer: Answer, held: tuple[str, ...]) -> Iterator[str]:
    """Labels that are surely not: hardly probable, or with an interval below the usual share; never one of the set."""
    for one in answer.values:
        if one.label in held:
            continue
        if answer.about.binary:
            low = one.value <= UNLIKELY
        else:
            low = one.high is not None and one.training_mean is not None and one.high < one.training_mean
        if low:
            yield one.label
