"""Regret by imagining what each act would bring: the whole module."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from redheart_advanced_regret.course import Future, Past
from redheart_advanced_regret.posterior import Posterior
from redheart_advanced_regret.regrets import expected_regret, largest_regret, regret_matrix, saturated
from redheart_advanced_regret.tree import DecisionTree
from redheart_advanced_regret.world import World
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.growing import features_read, grow_chain, grow_recurrent
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp, trunk
from redheart_core.nn.recurrent import Recurrent

TREE_DEPTH = 3
"""Levels of decisions; 8 branches."""
ESTIMATES = 3
"""Regret by reading, by the world model, by the tree."""
LARGEST = 2.0
"""The largest difference of two payoffs."""


class AdvancedRegret(nn.Module):
    """Regret of a text in 0..1 with its uncertainty, and of each act that could have been done.

    Args:
        width_in: D of the embedding.
        width: Width of an encoded chunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        layers: Layers in which acts are compared.
        recurrent_layers: Layers over the chunks and over the horizons.
        acts: A.
        states: S.
        horizons: H of the regret's course.
        history: Numbers of an earlier scenario; 0 if there are none.
        wanted: The outputs to give; parts that no other output needs are only built for them.
        half_regret: Difference of payoffs that is a regret of one half.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        heads: int,
        layers: int,
        recurrent_layers: int,
        acts: int,
        states: int,
        horizons: int,
        history: int,
        wanted: Collection[str],
        half_regret: float,
        dropout: float,
    ) -> None:
        super().__init__()
        third, half, two_thirds, four_thirds = width // 3, width // 2, width * 2 // 3, width * 4 // 3
        self.wanted, self.half_regret = frozenset(wanted), half_regret
        self.encoder = trunk(width_in, four_thirds, four_thirds, width, dropout=dropout)
        self.past = Recurrent(width, two_thirds, recurrent_layers)
        self.history = Past(history, third) if history else None
        self.state = trunk(width + two_thirds + (third if history else 0), width, dropout=dropout)
        self.score = mlp(width, two_thirds, third, 1, dropout=dropout)
        self.world = World(width=width, heads=heads, layers=layers, acts=acts, states=states, dropout=dropout)
        self.belief = mlp(width, third, states)
        expects = self.wanted & {"state_logits", "act_regret"}
        self.expects = mlp(width, third, states) if expects else None
        self.scores = {"tree_regret": acts, "tree_max_regret": acts}
        self.scores = {name: size for name, size in self.scores.items() if name in self.wanted}
        leaves = 1 + sum(self.scores.values())
        case = width + 2 * acts
        self.tree = DecisionTree(
            width=case,
            deciders=(half,),
            branches=(two_thirds, third, width // 4),
            depth=TREE_DEPTH,
            scores=leaves,
            dropout=dropout,
        )
        future = "regret_course" in self.wanted
        self.future = (
            Future(
                width=width,
                heads=heads,
                layers=recurrent_layers,
                horizons=horizons,
                estimates=ESTIMATES,
                dropout=dropout,
            )
            if future
            else None
        )
        self.posterior = Posterior(width, ESTIMATES, third if history else 0, dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D), and the history (B, P, L) where it is read, to the wanted outputs."""
        mask = inputs["mask"]
        sequence = self.encoder(inputs["embedding"])
        known = [masked_mean(torch.cat([sequence, self.past(sequence, mask)], -1), mask)]
        past = None
        if self.history is not None:
            past = self.history(inputs["history"])
            known.append(past)
        state = self.state(torch.cat(known, -1))

        world = self.world(state, sequence, mask)
        regrets = regret_matrix(world.payoffs, world.possible_logits.sigmoid())
        expected, largest = expected_regret(regrets, self.belief(state).softmax(-1)), largest_regret(regrets)
        choice = world.choice_logits.softmax(-1)
        imagined = saturated((choice * expected).sum(-1), self.half_regret)
        leaves = self.tree(torch.cat([state, expected, largest], -1))
        tree, *tables = leaves.split([1, *self.scores.values()], -1)
        estimates = torch.cat([self.score(state).sigmoid(), imagined.unsqueeze(-1), tree], -1)
        posterior = self.posterior(state, estimates, past)

        outputs = {
            "regret": posterior[:, 0],
            "uncertainty": posterior[:, 1],
            "posterior": posterior,
            "estimates": estimates,
            "payoffs": world.payoffs,
            "possible_logits": world.possible_logits,
            "choice_logits": world.choice_logits,
            "chosen_act": choice,
            "act_max_regret": largest,
        }
        if self.expects is not None:
            logits = self.expects(state)
            probabilities = logits.softmax(-1)
            outputs["state_logits"], outputs["state_probability"] = logits, probabilities
            outputs["act_regret"] = expected_regret(regrets, probabilities)
        outputs |= {name: LARGEST * table for name, table in zip(self.scores, tables, strict=True)}
        if self.future is not None:
            outputs["regret_course"] = self.future(state, sequence, mask, estimates)
        return {name: tensor for name, tensor in outputs.items() if name in self.wanted}

    def grow_from(self, smaller: AdvancedRegret) -> None:
        """Take over what a smaller one computes."""
        sequence = grow_chain(self.encoder, smaller.encoder, features_read(self.encoder, smaller.encoder))
        known, past = [sequence, grow_recurrent(self.past, smaller.past, sequence)], None
        if self.history is not None:
            assert smaller.history is not None
            past = self.history.grow_from(smaller.history)
            known.append(past)
        state = Axis.repeated(smaller.world.acts.shape[1], self.world.acts.shape[1])
        grow_chain(self.state, smaller.state, Axis.joined(*known), state)
        self.world.grow_from(smaller.world, state, sequence)
        for name in ("score", "belief", *(["expects"] if self.expects is not None else [])):
            grow_chain(self.get_submodule(name), smaller.get_submodule(name), state)
        self.tree.grow_from(smaller.tree, Axis.joined(state, Axis.same(2 * len(self.world.acts))))
        estimates = Axis.same(ESTIMATES)
        if self.future is not None:
            assert smaller.future is not None
            self.future.grow_from(smaller.future, state, sequence, estimates)
        self.posterior.grow_from(smaller.posterior, state, estimates, past)
