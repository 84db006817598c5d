"""Regret straight from the embedding: chunk encoder, LSTM, soft decision tree, ensemble."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.chunks import last_chunk, masked_mean
from redheart_core.nn.growing import features_read, grow_chain, grow_recurrent, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, RecordDropout, mlp, trunk
from redheart_core.nn.parallel import ParallelMlp
from redheart_core.nn.recurrent import Recurrent


class SoftDecisionTree(nn.Module):
    """A binary tree whose inner nodes decide by degrees (Frosst and Hinton 2017): (B, W) to (B,) in 0..1.

    One network per level gives the decisions of the level's 2^level nodes. The result
    is the mean of the leaves, weighted with the probability of the way to each.
    """

    def __init__(self, width: int, hidden: tuple[int, ...], depth: int, dropout: float) -> None:
        super().__init__()
        self.levels = nn.ModuleList(mlp(width, *hidden, 2**level, dropout=dropout) for level in range(depth))
        # from little to much regret, so that decisions differ in effect from the start
        self.leaves = nn.Parameter(torch.linspace(-2.0, 2.0, 2**depth))

    def ways(self, state: Tensor) -> Tensor:
        """Probability of the way to each leaf: (B, W) to (B, 2^depth), sums to one."""
        ways = state.new_ones(state.shape[0], 1)
        for level in self.levels:
            right = level(state).sigmoid()
            ways = torch.stack([ways * (1 - right), ways * right], -1).flatten(1)
        return ways

    def forward(self, state: Tensor) -> Tensor:
        return self.ways(state) @ self.leaves.sigmoid()

    def grow_from(self, smaller: SoftDecisionTree, state: Axis) -> None:
        """Further levels decide between equal leaves."""
        for larger, level in zip(self.levels, smaller.levels, strict=False):
            grow_chain(larger, level, state)
        with torch.no_grad():
            self.leaves.copy_(smaller.leaves.repeat_interleave(len(self.leaves) // len(smaller.leaves)))


class Past(nn.Module):
    """A recurrent layer over earlier scenarios of the same person: (B, S, L), NaN where missing, to (B, W).

    Scenarios come oldest first. A person without any has the result 0.
    """

    def __init__(self, labels: int, width: int) -> None:
        super().__init__()
        self.scenarios = Recurrent(2 * labels, width, 1)

    def forward(self, history: Tensor) -> Tensor:
        filled, present = fill_missing_input(history)
        places = torch.arange(1, history.shape[1] + 1, device=history.device)
        lengths = (present.any(-1) * places).amax(-1)
        mask = places <= lengths.clamp(min=1).unsqueeze(-1)
        states = self.scenarios(torch.cat([filled, present.to(filled.dtype)], -1), mask)
        return last_chunk(states, mask) * (lengths > 0).unsqueeze(-1)

    def grow_from(self, smaller: Past) -> Axis:
        """What it gives then."""
        labels = self.scenarios.forwards[0].get_parameter("weight_ih_l0").shape[1]
        return grow_recurrent(self.scenarios, smaller.scenarios, Axis.same(labels))


class NeuralRegret(nn.Module):
    """Regret of a text in 0..1, by a score, a tree and an ensemble, and of the acts and over the years.

    Args:
        width_in: D of the embedding.
        width: Width of an encoded chunk; all others are fixed ratios of it.
        recurrent_layers: Layers of the bidirectional LSTM over the chunks.
        tree_depth: Levels of the decision tree.
        members: M of the ensemble.
        acts: Number of acts whose regret is learnt; 0 if there are none.
        course: Number of times at which regret is learnt; 0 if there are none.
        history: Numbers of each earlier scenario of the same person; 0 if there are none.
        dropout: Share of activations dropped in training; twice that in the ensemble.
        input_dropout: Share of the embedding that the simulator loses in training.
        skip_dropout: Share of the mean embedding that the linear skips lose in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        recurrent_layers: int,
        tree_depth: int,
        members: int,
        acts: int,
        course: int,
        history: int,
        dropout: float,
        input_dropout: float,
        skip_dropout: float,
    ) -> None:
        super().__init__()
        sixth, third, half, two_thirds = width // 6, width // 3, width // 2, width * 2 // 3
        self.input_dropout = RecordDropout(input_dropout)
        self.simulator = trunk(width_in, width * 4 // 3, width * 4 // 3, width, width, dropout=dropout)
        self.propagation = nn.ModuleDict({"chunks": Recurrent(width, two_thirds, recurrent_layers, both_ways=True)})
        if history:
            self.propagation["past"] = Past(history, sixth)
        self.summary = trunk(2 * two_thirds, two_thirds, third, dropout=dropout)
        self.tree = SoftDecisionTree(width, (two_thirds, half, third), tree_depth, dropout)
        self.members = ParallelMlp(members, width, two_thirds, half, width // 4, 1, dropout=min(2 * dropout, 0.5))
        summaries = third + (sixth if history else 0)
        answers = {"regret": mlp(width + summaries, two_thirds, third, sixth, 1, dropout=dropout)}
        if acts:
            answers["act_regret"] = mlp(width, half, third, acts, dropout=dropout)
        if course:
            answers["regret_course"] = mlp(summaries, third, course, dropout=dropout)
        self.quantifier = nn.ModuleDict(answers)
        sizes = {"regret": 1, "members": members, "act_regret": acts, "regret_course": course}
        self.skips = LinearSkips(width_in, {name: size for name, size in sizes.items() if size}, skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D), and "history" (B, S, L) if it is read, to the outputs that the plugin declares."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        simulated = self.simulator(self.input_dropout(embedding))
        state = masked_mean(simulated, mask)
        summary = self.summary(masked_mean(self.propagation["chunks"](simulated, mask), mask))
        if "past" in self.propagation:
            summary = torch.cat([summary, self.propagation["past"](inputs["history"])], -1)
        skips = self.skips(embedding, mask)
        score = self.quantifier["regret"](torch.cat([state, summary], -1)) + skips["regret"]
        members = (self.members(state).squeeze(-1) + skips["members"]).sigmoid()
        outputs = {
            "regret": score.squeeze(-1).sigmoid(),
            "tree": self.tree(state),
            "members": members,
            "uncertainty": members.std(-1, unbiased=False),
        }
        if "act_regret" in self.quantifier:
            outputs["act_regret"] = 2 * (self.quantifier["act_regret"](state) + skips["act_regret"]).sigmoid()
        if "regret_course" in self.quantifier:
            outputs["regret_course"] = (self.quantifier["regret_course"](summary) + skips["regret_course"]).sigmoid()
        return outputs

    def grow_from(self, smaller: NeuralRegret) -> None:
        """Take over what a smaller one computes."""
        state = grow_chain(self.simulator, smaller.simulator, features_read(self.simulator, smaller.simulator))
        course = grow_recurrent(self.propagation["chunks"], smaller.propagation["chunks"], state)
        summary = grow_chain(self.summary, smaller.summary, course)
        if "past" in self.propagation:
            past, old_past = self.propagation["past"], smaller.propagation["past"]
            assert isinstance(past, Past)
            assert isinstance(old_past, Past)
            summary = Axis.joined(summary, past.grow_from(old_past))
        self.tree.grow_from(smaller.tree, state)
        grow_chain(self.members, smaller.members, state)
        columns = {"regret": Axis.joined(state, summary), "act_regret": state, "regret_course": summary}
        for name, larger in self.quantifier.items():
            grow_chain(larger, smaller.quantifier[name], columns[name])
        grow_same(self.skips, smaller.skips)
