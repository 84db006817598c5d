"""The causes of the outcome: luck, being seen and the act, and their information about how the focus person fares."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from redheart_village import calculus
from redheart_village.account import HALF_OWN, RHO, Account
from redheart_village.acts import PROFILES, Act
from redheart_village.world import TWIST, Luck, choice_probabilities, lot_of, norm_of, pulls, standing_of

LEVELS = (-0.4, -0.1, 0.1, 0.4)
"""Own scores of the focus person at which one level of the outcome ends and the next begins."""

_EDGES_HEDONS = tuple(HALF_OWN * edge / (1.0 - abs(edge)) for edge in LEVELS)
TUPLES = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
"""Of sources, by their axis."""
LUCKS: tuple[Luck, Luck] = ("fair", "foul")

Pmf = NDArray[np.float64]


def joint(account: Account) -> Pmf:
    """Exact p(level, luck, seen, act) before anybody acts, of shape (5, 2, 2, possible acts).

    The act is a softmax choice, luck and being seen are independent of it, and within these the level
    depends on the hidden twist alone, which is uniform.
    """
    situation = account.situation
    acts = choice_probabilities(situation)
    given = np.array([_levels(account, act) for act in situation.acts])
    # the order of STATES is that of luck by seen
    weights = np.outer(acts, situation.probabilities).reshape(len(acts), 2, 2, 1)
    pmf: Pmf = (given * weights).transpose(3, 1, 2, 0)
    return pmf


def _levels(account: Account, act: Act) -> list[list[list[float]]]:
    """p(level | act, state) by luck, seen and level; the second seen is the first where nobody cares."""
    full = calculus.lot_value(lot_of(account.situation, act, 1.0), RHO)
    standing = standing_of(norm_of(account.situation, act)) if account.episode.focus == "agent" else ()
    base = math.fsum(calculus.lot_value(felt.lot, RHO) for felt in standing)
    by_luck = []
    for luck in LUCKS:
        pull = _pull(account, act, luck)
        unseen = level_probabilities(pull, full, 0.0)
        by_luck.append([unseen, level_probabilities(pull, full, base) if base else unseen])
    return by_luck


def _pull(account: Account, act: Act, luck: Luck) -> float:
    """Strength of what the focus person feels at a twist of 1."""
    effect = PROFILES[act].fair if luck == "fair" else PROFILES[act].foul
    felt = pulls(account.situation, effect, twist=1.0)
    return next(pull for role, pull, _ in felt if role == account.episode.focus)


def level_probabilities(pull: float, full: float, base: float) -> list[float]:
    """The share of twists with which somebody's own score falls into each level.

    Args:
        pull: Signed strength of what is felt at a twist of 1.
        full: Hedons of the strongest feeling of that kind.
        base: Hedons besides, that no twist changes.
    """
    below = [_share_below(edge - base, pull, full) for edge in _EDGES_HEDONS]
    return [high - low for low, high in zip([0.0, *below], [*below, 1.0], strict=True)]


def _share_below(net: float, pull: float, hedons: float) -> float:
    """Share of twists t for which sign(pull) min(|pull| t, 1) hedons is below net."""
    low, high = TWIST
    if pull == 0.0 or hedons == 0.0:
        return float(net > 0.0)
    # the intensity at which the person has exactly net; more of it is further out on the side of the pull
    intensity = (net if pull > 0.0 else -net) / hedons
    inner = 1.0 if intensity > 1.0 else min(max((intensity / abs(pull) - low) / (high - low), 0.0), 1.0)
    return inner if pull > 0.0 else 1.0 - inner


def paths(pmf: Pmf) -> Mapping[str, float] | None:
    """Shares of H(level) by path, by SURD (Martinez-Sanchez et al. 2024); None if the level never varies.

    R_A = sum_t p(t) max(0, min of the members' specific information - max of the others'), U_i the case of one
    member; synergy of order m = sum_t p(t) (largest of order m - largest of a lower order), at least 0.
    """
    p = pmf.sum((1, 2, 3))
    pmf, p = pmf[p > 0.0], p[p > 0.0]
    entropy = float(-(p * np.log2(p)).sum())
    if len(p) < 2:
        return None
    one, two, three, *pairs, every = _specific(pmf, p)
    single = np.maximum(np.maximum(one, two), three)
    pair = np.maximum.reduce([single, *pairs])
    none = np.zeros_like(p)

    def total(inside: list[Pmf], outside: list[Pmf]) -> float:
        gap = np.minimum.reduce(inside) - np.maximum.reduce([none, *outside])
        return float((p * np.maximum(gap, 0.0)).sum()) / entropy

    shares = {
        "R123": total([one, two, three], []),
        "R12": total([one, two], [three]),
        "R13": total([one, three], [two]),
        "R23": total([two, three], [one]),
        "U1": total([one], [two, three]),
        "U2": total([two], [one, three]),
        "U3": total([three], [one, two]),
        "S12+S13+S23": float((p * (pair - single)).sum()) / entropy,
        "S123": float((p * np.maximum(every - pair, 0.0)).sum()) / entropy,
    }
    return {**shares, "leak": max(0.0, 1.0 - math.fsum(shares.values()))}


def parts(shares: Mapping[str, float]) -> dict[str, float]:
    """The paths by kind."""
    sums = {
        kind: math.fsum(share for name, share in shares.items() if name.startswith(letter))
        for kind, letter in (("synergistic", "S"), ("unique", "U"), ("redundant", "R"))
    }
    return {**sums, "leak": shares["leak"]}


def _specific(pmf: Pmf, p: Pmf) -> Pmf:
    """i_A(t) in bits of each of TUPLES, (7, T): sum_a p(a|t) log2(p(a|t) / p(a))."""
    sums, groups = _marginals(pmf.shape[1:])
    joint = pmf.reshape(len(p), -1) @ sums
    given = joint / p[:, None]
    ratio = np.divide(given, joint.sum(0), out=np.ones_like(given), where=given > 0.0)
    information: Pmf = groups @ (given * np.log2(ratio)).T
    return np.maximum(information, 0.0)


@functools.cache
def _marginals(shape: tuple[int, ...]) -> tuple[Pmf, Pmf]:
    """What sums cells of the sources to those of each of TUPLES, (cells, M), and which of them are whose, (7, M)."""
    cells = np.indices(shape).reshape(len(shape), -1)
    columns, owners = [], []
    for number, axes in enumerate(TUPLES):
        for place in np.ndindex(*(shape[axis] for axis in axes)):
            columns.append(np.all([cells[axis] == at for axis, at in zip(axes, place, strict=True)], axis=0))
            owners.append(np.arange(len(TUPLES)) == number)
    return np.array(columns, dtype=float).T, np.array(owners, dtype=float).T
