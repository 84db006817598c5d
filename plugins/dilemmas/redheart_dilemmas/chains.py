"""Which pairs stay together: each act is in several pairs, so that pairs hang together in long chains."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

Act = TypeVar("Act", bound=Hashable)


def act_sets(pairs: Sequence[tuple[Act, Act]], size: int) -> dict[Act, int]:
    """The number of the set that each act belongs to: so many acts one after another along the chains.

    Chains are followed from acts with one pair on, then from what is left, in the order of the pairs.
    """
    of_act: dict[Act, list[int]] = {}
    for number, pair in enumerate(pairs):
        for act in pair:
            of_act.setdefault(act, []).append(number)
    places: dict[Act, int] = {}
    for start in sorted(of_act, key=lambda act: len(of_act[act]) > 1):
        waiting = [start]
        while waiting:
            act = waiting.pop()
            if act in places:
                continue
            places[act] = len(places)
            others = (other for number in of_act[act] for other in pairs[number])
            waiting.extend(other for other in others if other not in places)
    return {act: place // size for act, place in places.items()}
