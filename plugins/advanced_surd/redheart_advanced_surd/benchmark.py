"""How near the decomposition network comes to the exact SURD on systems that it has not seen.

python -m redheart_advanced_surd.benchmark prints the distances; the options are those of train_network.
"""

from __future__ import annotations

import argparse
from itertools import combinations, permutations

import numpy as np
import torch
from torch import Tensor, nn

from redheart_advanced_surd.decomposition import Decomposition
from redheart_advanced_surd.paths import MEMBERS, PATHS
from redheart_advanced_surd.systems import SOURCES, Systems, exact_systems, published_systems, random_systems
from redheart_core.nn.layers import trunk
from redheart_core.nn.losses import divergence
from redheart_core.storage.runtime import generator, random_stream

SAMPLES = 100_000
"""Pairs of steps of a published system (Martinez-Sanchez et al. 2024)."""
SETS = tuple(held for order in (1, 2, 3) for held in combinations(range(1, SOURCES + 1), order))


def dependence(pmfs: Tensor) -> Tensor:
    """What the network reads of (B, K, K, K, K): sqrt p(t, a) - sqrt(p(t) p(a)) for the tables of every set of sources.

    All zero for a target that depends on nothing; the squares of a set sum to twice
    1 - sum sqrt(p(t, a) p(t) p(a)), a Hellinger distance, not to a term of the decomposition.
    """
    target = pmfs.flatten(2).sum(-1)
    parts = []
    for held in SETS:
        rest = [1 + source for source in range(1, SOURCES + 1) if source not in held]
        table = (pmfs.sum(rest) if rest else pmfs).flatten(2)
        # a root has no slope at 0, which does not matter, as nothing is learnt about the input
        parts.append((table.sqrt() - (target.unsqueeze(-1) * table.sum(1, keepdim=True)).sqrt()).flatten(1))
    return torch.cat(parts, -1)


class DecompositionNetwork(nn.Module):
    """The plugin's decomposition network on a distribution instead of a text: (B, K, K, K, K) to logits (B, 10)."""

    def __init__(self, states: int, width: int) -> None:
        super().__init__()
        features = sum(states ** (1 + len(held)) for held in SETS)
        self.scale = float(states)
        self.encoder = trunk(features, 2 * width, 2 * width, width)
        self.decomposition = Decomposition(width, 0.0)

    def forward(self, pmfs: Tensor) -> Tensor:
        return self.decomposition(self.encoder(self.scale * dependence(pmfs)))  # type: ignore[no-any-return] # nn.Module.__call__ gives Any


def train_network(
    systems: Systems, steps: int, width: int, batch: int, learning_rate: float, seed: int
) -> DecompositionNetwork:
    """Train on decomposed systems; every batch sees them with other names of sources and states.

    Args:
        systems: What the exact calculator has decomposed.
        steps: Updates.
        width: W of the network.
        batch: Systems of an update.
        learning_rate: The highest rate; it falls to 0 along a cosine.
        seed: Of weights, order and names.
    """
    with random_stream(torch.device("cpu"), seed, "weights"):
        network = DecompositionNetwork(systems.pmfs.shape[1], width)
    draw = generator(seed, "systems")
    optimizer = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    pmfs, shares = torch.from_numpy(systems.pmfs), torch.from_numpy(systems.shares)
    for _ in range(steps):
        rows = torch.randint(len(pmfs), (batch,), generator=draw)
        given, exact = renamed(pmfs[rows], shares[rows], draw)
        optimizer.zero_grad()
        loss = divergence(network(given), exact, torch.ones_like(exact, dtype=torch.bool)).mean()
        loss.backward()  # type: ignore[no-untyped-call] # torch declares no types for it
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network.eval()


def renamed(pmfs: Tensor, shares: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same systems with sources and states numbered in another way, and their decompositions."""
    orders = tuple(permutations(range(SOURCES)))
    order = orders[int(torch.randint(len(orders), (), generator=draw))]
    pmfs = pmfs.permute(0, 1, *(2 + source for source in order))
    for axis in range(1, pmfs.dim()):
        pmfs = pmfs.index_select(axis, torch.randperm(pmfs.shape[axis], generator=draw))
    return pmfs, shares[:, _renamed_paths(order)]


def _renamed_paths(order: tuple[int, ...]) -> list[int]:
    """For each path the place where its share stood before source order[i] came to be called i."""
    places = []
    for path in PATHS:
        if path[0] in "RU":
            path = path[0] + "".join(sorted(str(order[int(source) - 1] + 1) for source in path[1:]))
        places.append(PATHS.index(path))
    return places


def distances(shares: Tensor, exact: Tensor) -> tuple[Tensor, Tensor]:
    """Total variation distance, 0 the same and 1 nothing in common, of ten paths and of four parts: (N,) each."""
    gaps = shares - exact
    parts = torch.stack([gaps[:, list(members)].sum(-1) for members in MEMBERS], -1)
    return gaps.abs().sum(-1) / 2, parts.abs().sum(-1) / 2


def main() -> None:
    """Train, and print the distances on held-out random systems, S29 and S30 beside those of a constant."""
    parser = argparse.ArgumentParser(prog="python -m redheart_advanced_surd.benchmark", description=main.__doc__)
    for name, default in (("systems", 12_000), ("steps", 3_000), ("width", 128), ("batch", 256), ("states", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    learnt = random_systems(options.systems, options.states, rng)
    named = published_systems(SAMPLES, options.states, rng)
    held = random_systems(1000, options.states, rng)
    network = train_network(learnt, options.steps, options.width, options.batch, options.learning_rate, options.seed)
    print(f"{'system':18} {'paths':>7} {'parts':>7} {'constant: paths':>16} {'parts':>7}")
    for name, systems in {"random, mean": held, **{n: exact_systems([pmf]) for n, pmf in named.items()}}.items():
        exact = torch.from_numpy(systems.shares)
        with torch.no_grad():
            found = distances(network(torch.from_numpy(systems.pmfs)).softmax(-1), exact)
        mean = distances(torch.from_numpy(learnt.shares).mean(0).expand_as(exact), exact)
        print(f"{name:18} {found[0].mean():7.3f} {found[1].mean():7.3f} {mean[0].mean():16.3f} {mean[1].mean():7.3f}")


if __name__ == "__main__":
    main()
