"""An answer on labels in a few words: what is likely, what perhaps, and of their opposites one that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from redheart_core.models.findings import Answer

MOSTLY, PERHAPS, UNLIKELY = 0.5, 0.2, 0.1
"""From which probability on a label is mostly so and perhaps so, and up to which one outside of the set is unlikely."""
MOST = 3
"""Labels of each kind that are named."""
WORDS = ("mostly {names}", "perhaps {names}", "{names} is unlikely", "little {names}", " and ", " or ")
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
    """Labels of an answer."""

    mostly: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    unlikely: tuple[str, ...] = ()
    shares: bool = False
    """Whether the labels share one whole."""

    def words(self, say: Callable[[str], str] = str, label: Callable[[str], str] = str) -> str:
        """For people.

        Args:
            say: Each of WORDS to the same in another language.
            label: The name of a label likewise.
        """

        def part(words: str, names: tuple[str, ...], joint: str) -> list[str]:
            named = [label(one) for one in names]
            listed = say(joint).join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)
            return [say(words).format(names=listed)] if names else []

        likely = part("mostly {names}", self.mostly, " and ")
        likely += part("perhaps {names}", self.perhaps, " or ")
        little = part("little {names}" if self.shares else "{names} is unlikely", self.unlikely, " or ")
        return "; ".join([", ".join(likely), *little])


def summarize(answer: Answer, held: tuple[str, ...] | None) -> Summary | None:
    """What an answer stands behind; None of one that says nothing in few words.

    Args:
        answer: Of labels that are 0 or 1, or of shares; others have no summary.
        held: Its set, redheart.page.open_labels.
    """
    if not held:
        return None
    found = _of_labels(answer, held) if answer.about.binary else _of_shares(held)
    if not found.mostly and not found.perhaps:
        return None
    named = (*found.mostly, *found.perhaps)
    against = dict.fromkeys(two for one in named for two in _OPPOSITES.get(one, ()))
    if not against.keys().isdisjoint(named):  # mixed feelings
        return found
    low = set(_low(answer, held))
    return attrs.evolve(found, unlikely=tuple(one for one in against if one in low)[:1])


def _of_labels(answer: Answer, held: tuple[str, ...]) -> Summary:
    """Labels that are predicted and in the set."""
    claimed = [one for one in answer.telling if one.label in held]
    mostly = [one.label for one in claimed if one.value >= MOSTLY]
    perhaps = [one.label for one in claimed if PERHAPS <= one.value < MOSTLY]
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
