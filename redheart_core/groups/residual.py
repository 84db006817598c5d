"""What a node adds to the baseline's answers, times gates that begin at zero.

At the start a node answers as the baseline does, to the last bit. A gate is one learnt number for each label, as in
ReZero (Bachlechner et al. 2021), so that a label of which the node knows nothing more stays with the baseline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from redheart_core.contract.errors import PluginError
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import Objective
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.binding import addend
from redheart_core.nn.answers import finish

GATE = "gate/"
"""Begins the names of gates, which no attribute of a plugin's module is called."""


def is_gate(name: str) -> bool:
    """Whether a parameter of a checkpoint, "node.parameter", is a gate."""
    return name.partition(".")[2].startswith(GATE)


class Residual(nn.Module):
    """The answers of a node on some fields as those of the baseline and what the node adds.

    Probabilities are added as logits; of values the distance from the middle of the field's range counts, and the
    sum is cut off at its ends.

    Args:
        node: Bound, with residual fields.
        fields: The fields of the data set.
    """

    def __init__(self, node: ActiveNode, fields: Mapping[str, Field]) -> None:
        super().__init__()
        self.node = node
        self.fields = {name: fields[name] for name in node.residual_fields}
        for field in self.fields.values():
            self.register_parameter(GATE + field.name, nn.Parameter(torch.zeros(field.shape)))

    @property
    def starts(self) -> tuple[str, ...]:
        """The baseline's answers that it reads."""
        return tuple(f"{self.node.baseline}.{addend(self.node.spec, name)}" for name in self.fields)

    def forward(self, known: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that take the place of the node's own.

        Args:
            known: Holds the baseline's answers, "node.output" to (B, *shape).
            outputs: The node's own.
        """
        replaced: dict[str, Tensor] = {}
        for field in self.fields.values():
            gate, output = getattr(self, GATE + field.name), addend(self.node.spec, field.name)
            start, own = known[f"{self.node.baseline}.{output}"], outputs[f"{self.node.name}.{output}"]
            if output == field.name:
                middle = (field.low + field.high) / 2
                answer = {output: (start + gate * (own - middle)).clamp(field.low, field.high)}
            else:
                answer = finish(field, start + gate * own)
            replaced |= {f"{self.node.name}.{name}": tensor for name, tensor in answer.items()}
        return replaced


@contextmanager
def open_gates(residuals: nn.ModuleDict) -> Iterator[None]:
    """Inside, every gate is 1, so that gradients reach what is behind it."""
    gates = {name: gate.detach().clone() for name, gate in residuals.named_parameters()}
    with torch.no_grad():
        for gate in residuals.parameters():
            gate.fill_(1.0)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, gate in residuals.named_parameters():
                gate.copy_(gates[name])


def check_reached(node: ActiveNode, objective: Objective) -> None:
    """Every answer that is added to the baseline's has to be one that the node's losses look at.

    Raises:
        PluginError: One is not, so that nothing would ever be added.
    """
    looked_at = {term.output for term in objective.losses}
    idle = [name for name in node.residual_fields if not looked_at & {name, addend(node.spec, name)}]
    if idle:
        raise PluginError(
            f"plugin '{node.name}': no loss looks at its answer on {', '.join(idle)}, so that it would stay that of "
            f"'{node.baseline}'; add a loss on that output, or set residual = false under [plugins.{node.name}]"
        )
