"""Ways to make one model of a group's epochs with nothing trained anew; validation alone decides inside each.

They are tried in the order of METHODS, as far as comparing costs a group no more than training it did (Pool.affords).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch

from redheart_core.runs.manifest import EpochEntry
from redheart_core.selection.picks import Pick, Pool

RADII = (1, 2, 3)
"""Epochs on either side that a neighbour average takes."""
SHARES = (0.25, 0.5, 0.75)
"""Of the second epoch in an interpolation."""
SOUP = 5
"""Epochs in a uniform soup."""
GREEDY = 8
"""Best epochs that a greedy soup tries."""
OFFSETS = (-4, -2, 0, 2, 4)
"""Epochs from the best one that a neighbour ensemble takes."""
TOP = (3, 5, 7)
"""Sizes of a top ensemble."""
PARENTS, CHILDREN, GENERATIONS = 4, 4, 3
"""Of the evolutionary search."""

T = TypeVar("T")
Method = Callable[[Pool, torch.Generator], Pick | None]
"""A pool and a random stream to a pick; None if the group's epochs do not allow it, or the work that is left is
less than the search."""


def selection(pool: Pool, stream: torch.Generator) -> Pick:
    """The epoch of the lowest validation loss, or the moving average at its end."""
    return Pick.single("selection", pool.manifest.best)


def moving_average(pool: Pool, stream: torch.Generator) -> Pick | None:
    """The best of the moving averages that were saved beside the epochs, where [groups.<name>] ema is on."""
    averages = sorted(pool.manifest.averages, key=lambda entry: (entry.validation_loss, entry.epoch))
    return Pick.single("ema", averages[0]) if averages else None


def second_half(pool: Pool, stream: torch.Generator) -> Pick:
    """The mean of the weights of the second half of the epochs (SWA, Izmailov et al. 2018)."""
    last = pool.epochs[-1].epoch
    return Pick.mixed("swa", [entry for entry in pool.epochs if entry.epoch > last // 2])


def neighbour_average(pool: Pool, stream: torch.Generator) -> Pick:
    """The mean of the weights of the best epoch and of those around it; validation chooses how many."""
    return _best(pool, [Pick.mixed("neighbour average", _around(pool, range(-r, r + 1))) for r in RADII])


def interpolation(pool: Pool, stream: torch.Generator) -> Pick | None:
    """A point between the best epoch and the second best, in weights."""
    if len(pool.ranked) < 2:
        return None
    pair = pool.ranked[:2]
    return _best(pool, [Pick.mixed("interpolation", pair, (1 - share, share)) for share in SHARES])


def uniform_soup(pool: Pool, stream: torch.Generator) -> Pick:
    """The mean of the weights of the best epochs (Wortsman et al. 2022)."""
    return Pick.mixed("uniform soup", pool.ranked[:SOUP])


def greedy_soup(pool: Pool, stream: torch.Generator) -> Pick | None:
    """Epochs from the best on, each kept if the mean of weights then has a lower loss (Wortsman et al. 2022)."""
    if not pool.affords(min(len(pool.ranked), GREEDY) - 1):
        return None

    def mixed(entries: Sequence[EpochEntry]) -> Pick:
        return Pick.mixed("greedy soup", entries)

    return mixed(keep_greedily(pool.ranked, lambda entries: float(pool.losses(mixed(entries)).mean())))


def keep_greedily(ranked: Sequence[T], loss: Callable[[Sequence[T]], float]) -> list[T]:
    """The best candidate, and of the next ones, in their order, each that lowers the loss of all that are kept.

    Args:
        ranked: Candidates, best first; the first GREEDY are tried.
        loss: Of a mix of candidates.
    """
    kept = list(ranked[:1])
    best = loss(kept)
    for candidate in ranked[1:GREEDY]:
        if (now := loss([*kept, candidate])) < best:
            kept, best = [*kept, candidate], now
    return kept


def evolution(pool: Pool, stream: torch.Generator) -> Pick | None:
    """Shares of the best epochs' weights, changed at random, the better half surviving each generation."""
    entries = pool.ranked[:PARENTS]
    if len(entries) < 2 or not pool.affords(CHILDREN * GENERATIONS):
        return None
    population = [torch.eye(len(entries), dtype=torch.float64)[place] for place in range(len(entries))]
    for _ in range(GENERATIONS):
        parents = [population[place] for place in torch.randint(len(population), (2 * CHILDREN,), generator=stream)]
        for first, second in zip(parents[::2], parents[1::2], strict=True):
            share = float(torch.rand((), generator=stream, dtype=torch.float64))
            noise = 0.1 * torch.rand(len(entries), generator=stream, dtype=torch.float64)
            child = share * first + (1 - share) * second + noise
            population.append(child / child.sum())
        population.sort(key=lambda shares: float(pool.losses(_evolved(entries, shares)).mean()))
        population = population[:PARENTS]
    return _evolved(entries, population[0])


def neighbour_ensemble(pool: Pool, stream: torch.Generator) -> Pick:
    """The best epoch and those two and four before and after it, answering together."""
    return Pick.together("neighbour ensemble", _around(pool, OFFSETS))


def top_ensemble(pool: Pool, stream: torch.Generator) -> Pick:
    """The best epochs answering together; validation chooses how many."""
    sizes = sorted({min(size, len(pool.ranked)) for size in TOP})
    return _best(pool, [Pick.together("top ensemble", pool.ranked[:size]) for size in sizes])


METHODS: Mapping[str, Method] = {
    "selection": selection,
    "ema": moving_average,
    "uniform soup": uniform_soup,
    "top ensemble": top_ensemble,
    "greedy soup": greedy_soup,
    "neighbour average": neighbour_average,
    "neighbour ensemble": neighbour_ensemble,
    "swa": second_half,
    "interpolation": interpolation,
    "evolution": evolution,
}
"""In the order in which they are tried: what has gained most for its work first."""
SELECTION: dict[str, Method] = {"selection": selection}
"""Where nothing else is to be tried."""


def _evolved(entries: Sequence[EpochEntry], shares: torch.Tensor) -> Pick:
    return Pick.mixed("evolution", entries, [float(share) for share in shares])


def _around(pool: Pool, offsets: Sequence[int]) -> list[EpochEntry]:
    """The epochs at these distances from the best one, as far as they are on disk."""
    best = pool.ranked[0].epoch
    return [entry for entry in pool.epochs if entry.epoch - best in offsets]


def _best(pool: Pool, picks: Sequence[Pick]) -> Pick:
    """The pick of the lowest validation loss, the earlier one of equals."""
    return min(picks, key=lambda pick: float(pool.losses(pick).mean()))
