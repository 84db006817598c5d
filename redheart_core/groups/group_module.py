"""A group's modules: built from their own random streams, fed with detached inputs, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol

import attrs
import torch
from torch import Tensor, nn

from redheart_core.contract.data import Tokenizer
from redheart_core.contract.errors import DataError, PluginError, ShapeError
from redheart_core.contract.fields import Field, Shape
from redheart_core.contract.nodes import BuildContext, Objective
from redheart_core.data.batch import Batch
from redheart_core.data.token_views import TOKENS
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.beside import widened
from redheart_core.groups.group import Group
from redheart_core.groups.honest import HonestAnswers
from redheart_core.groups.objective_checks import check_objective
from redheart_core.groups.plugin_calls import lending, setting_up
from redheart_core.groups.residual import Residual, check_reached, is_gate
from redheart_core.groups.serving import absent_outputs, serves
from redheart_core.groups.tensor_checks import check_range, check_shape
from redheart_core.groups.undrawn import Undrawn
from redheart_core.groups.weights_digest import FileDigest, tensors_digest
from redheart_core.nn.chunks import beside_chunks
from redheart_core.nn.named import Named, attribute_name, chosen_name
from redheart_core.storage.files import load_tensors
from redheart_core.storage.runtime import random_stream

CPU = torch.device("cpu")
"""Weights are drawn here whatever the device, so that they do not depend on it."""


class Answering(Protocol):
    """What can answer for a group: its module, or several weights of it together."""

    @property
    def group(self) -> Group: ...

    @property
    def fields(self) -> Mapping[str, Field]: ...

    @property
    def shapes(self) -> Mapping[str, Shape]: ...

    @property
    def objectives(self) -> Mapping[str, Objective]: ...

    @property
    def honest(self) -> HonestAnswers | None: ...

    @property
    def digests(self) -> Sequence[str]:
        """The SHA-256 of the file that each checkpoint that answers has, or would have."""
        ...

    def eval(self) -> Answering: ...

    def __call__(self, batch: Batch, compare: bool = False) -> dict[str, Tensor]: ...

    def with_disagreement(self, batch: Batch, compare: bool = False) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The same, and of several weights the standard deviation of each of their numbers."""
        ...


@attrs.frozen
class Surroundings:
    """What a module may know of the data and of other nodes when it is built."""

    fields: Mapping[str, Field]
    shapes: Mapping[str, Shape]
    """Per-record shapes, from output_shapes."""
    scale: str
    seed: int
    tokenizers: Mapping[str, Tokenizer] = attrs.field(factory=dict)
    """Of each view of tokens of the data."""
    restored: bool = False
    """A checkpoint is loaded right after a module is built, so that its parameters are not drawn (Undrawn)."""


class GroupModule(nn.Module):
    """The modules of a checkpoint group, computed in order.

    Parameters are named "node.parameter" in checkpoints. What comes from outside is detached here,
    so no gradient can leave the group.

    Attributes:
        nodes: What the plugins have built.
        residuals: What adds a node's answers to those of the baseline, for the nodes that start from it.
    """

    def __init__(self, group: Group, surroundings: Surroundings, device: torch.device) -> None:
        super().__init__()
        self.group = group
        self.fields = surroundings.fields
        self.shapes = surroundings.shapes
        self.honest: HonestAnswers | None = None
        """Of a fitted group whose fits give some; they belong to its weights."""
        self.nodes = Named()
        self.residuals = Named()
        for node in group.nodes:
            undrawn = Undrawn() if surroundings.restored else nullcontext()
            with random_stream(CPU, surroundings.seed, "initialise", group.name, node.name), undrawn:
                self.nodes[node.name] = build_node(node, surroundings, group.wanted(node))
            if node.residual_fields:
                self.residuals[node.name] = Residual(node, self.fields)
        self.objectives = make_objectives(group, surroundings)
        self.learning: Mapping[str, Callable[[dict[str, Tensor]], object]] = {}
        """What is called in training in place of a node's module, such as the module compiled."""
        self._read: FileDigest | None = None
        self.to(device)

    def forward(self, batch: Batch, compare: bool = False) -> dict[str, Tensor]:
        """All outputs of the group's nodes, "node.output" to (B, *shape); NaN for records that it does not serve.

        Args:
            batch: The records.
            compare: Compare the values of each node's inputs before and after, instead of counting writes alone.
        """
        if not self.group.languages:
            return self._compute(batch, compare)
        served = serves(self.group, batch.inputs["language"])
        if bool(served.all()):
            return self._compute(batch, compare)
        own = self._compute(batch.of(served), compare) if bool(served.any()) else {}
        outputs = absent_outputs(self.group, self.shapes, batch)
        for name, tensor in own.items():
            outputs[name][served] = tensor
        return outputs

    def with_disagreement(self, batch: Batch, compare: bool = False) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The outputs; one checkpoint disagrees with none."""
        return self(batch, compare), {}

    def _compute(self, batch: Batch, compare: bool) -> dict[str, Tensor]:
        """All outputs for records that the group serves."""
        known = {name: tensor.detach() for name, tensor in batch.inputs.items()}
        outputs: dict[str, Tensor] = {}
        calls = self.learning if self.training else {}
        for node in self.group.nodes:
            inputs = node_inputs(node, known)
            call = calls.get(node.name, self.nodes[node.name])
            given = in_float32(call_node(node, call, inputs, compare), known["mask"].device)
            own = check_outputs(node, given, self.shapes, batch, self.group.wanted(node))
            if node.name in self.residuals:
                own |= self.residuals[node.name](known, own)
            known |= own
            outputs |= own
        return outputs

    def check_ranges(self, outputs: Mapping[str, Tensor]) -> None:
        """Every output has to be finite and within its declared range."""
        for node in self.group.nodes:
            for output in node.spec.gives:
                if output.name not in self.group.wanted(node):
                    continue
                tensor = outputs[f"{node.name}.{output.name}"]
                check_range(tensor, output.low, output.high, f"output '{output.name}' of plugin '{node.name}'")

    @property
    def digests(self) -> tuple[str]:
        """That of what it answers with."""
        return (tensors_digest(self.parameter_dict(), self._read),)

    def parameter_dict(self) -> dict[str, Tensor]:
        """Name to tensor of everything that a checkpoint holds, buffers included."""
        return {stored_name(name): tensor for name, tensor in self.state_dict().items()}

    def read(self, file: Path, sha256: str) -> None:
        """Take over a checkpoint from its file, which is verified and read into the module's own memory at once.

        Raises:
            CheckpointError: It is missing or damaged; the module is of no use then.
            PluginError: As load.
        """
        self.load(load_tensors(file, sha256, into=self.parameter_dict()), sha256)

    def load(self, tensors: Mapping[str, Tensor], sha256: str | None = None) -> None:
        """Take over a checkpoint; names, shapes and types have to agree exactly, except that all tensors of float32
        may have been rounded to bfloat16.

        Args:
            tensors: All of it.
            sha256: Of the file that they were read from.

        Raises:
            PluginError: Names the tensors that are missing, unexpected or of another shape or type.
        """
        self._require_fit(tensors)
        self.load_state_dict({module_name(name): tensor for name, tensor in tensors.items()})
        self._read = None if sha256 is None else FileDigest.of(sha256, self.parameter_dict())

    def in_own_types(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A checkpoint's tensors as they are once the module has loaded them: what was rounded is float32 again.

        Raises:
            PluginError: As load.
        """
        own = self._require_fit(tensors)
        return {name: tensor.to(own[name].dtype) for name, tensor in tensors.items()}

    def _require_fit(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Refuse what load says; the module's own tensors."""
        own = self.parameter_dict()
        exact = {name for name in own.keys() & tensors.keys() if own[name].dtype == torch.float32}
        half = bool(exact) and all(tensors[name].dtype == torch.bfloat16 for name in exact)
        expected = {name: torch.bfloat16 if half and name in exact else tensor.dtype for name, tensor in own.items()}
        complaints = [f"missing: {name}" for name in sorted(own.keys() - tensors.keys())]
        complaints += [f"unexpected: {name}" for name in sorted(tensors.keys() - own.keys())]
        complaints += [
            f"{name}: {tuple(tensors[name].shape)} instead of {tuple(own[name].shape)}"
            for name in sorted(own.keys() & tensors.keys())
            if own[name].shape != tensors[name].shape
        ]
        complaints += [
            f"{name}: {_shown(tensors[name])} instead of {_shown(own[name])}"
            for name in sorted(own.keys() & tensors.keys())
            if expected[name] != tensors[name].dtype
        ]
        if complaints:
            raise PluginError(
                f"the checkpoint does not fit group '{self.group.name}'; it was made "
                f"by other plugin versions or settings: {'; '.join(complaints[:8])}"
            )
        return own


def _shown(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def stored_name(name: str) -> str:
    """How a checkpoint calls what a group's module calls so: "node.parameter"."""
    _, node, parameter = name.split(".", 2)
    return f"{chosen_name(node)}.{parameter}"


def module_name(stored: str) -> str:
    """How a group's module calls what a checkpoint calls so."""
    node, _, parameter = stored.partition(".")
    return f"{'residuals' if is_gate(stored) else 'nodes'}.{attribute_name(node)}.{parameter}"


def node_inputs(node: ActiveNode, known: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a node is given of all that is known."""
    inputs = {name: known[node.view(name)] for name in node.spec.reads}
    inputs["mask"] = known["mask"]
    if node.beside:
        inputs["embedding"] = beside_chunks(known["embedding"], [known[name] for name in node.beside])
    return inputs


def make_context(node: ActiveNode, surroundings: Surroundings, wanted: frozenset[str]) -> BuildContext:
    """What a bound node may know."""
    fields = (*node.spec.targets, *node.spec.read_fields)
    shapes = widened(surroundings.shapes, node)
    return BuildContext(
        settings=node.settings,
        scale=surroundings.scale,
        inputs={name: shapes[name] for name in node.spec.reads},
        fields={name: surroundings.fields[name] for name in fields},
        wanted=wanted,
        tokenizer=surroundings.tokenizers.get(node.tokens) if TOKENS in node.spec.reads else None,
        restored=surroundings.restored,
        absent=frozenset(node.absent) & frozenset(node.spec.reads),
        languages={read: codes for read, codes in node.languages if read in node.spec.reads},
    )


def make_objectives(group: Group, surroundings: Surroundings) -> dict[str, Objective]:
    """The objective of each node that has one, checked.

    Raises:
        PluginError: One does not fit its node; names the plugin.
    """
    objectives = {}
    for node in group.nodes:
        if node.spec.objective is not None:
            objective = make_objective(node, surroundings, group.wanted(node))
            objectives[node.name] = check_objective(node, objective, surroundings.fields, surroundings.shapes)
            check_reached(node, objective)
    return objectives


def make_objective(node: ActiveNode, surroundings: Surroundings, wanted: frozenset[str]) -> Objective:
    """Call a plugin's objective; its errors name it."""
    assert node.spec.objective is not None
    with setting_up(node.name, "objective", DataError):
        return node.spec.objective(make_context(node, surroundings, wanted))


def build_node(node: ActiveNode, surroundings: Surroundings, wanted: frozenset[str]) -> nn.Module:
    """Call a plugin's builder for the wanted outputs; its errors name it."""
    with setting_up(node.name, "build"):
        module = node.spec.build(make_context(node, surroundings, wanted))
    if not isinstance(module, nn.Module):
        raise PluginError(f"plugin '{node.name}' has to build an nn.Module, got {type(module).__name__}")
    lazy = [name for name, tensor in module.named_parameters() if isinstance(tensor, nn.UninitializedParameter)]
    if lazy:
        raise PluginError(
            f"plugin '{node.name}' has lazy layers ({', '.join(lazy)}); build all layers in the constructor"
        )
    return module


def call_node(
    node: ActiveNode, module: Callable[[dict[str, Tensor]], object], inputs: Mapping[str, Tensor], compare: bool = False
) -> Mapping[str, Tensor]:
    """Call a plugin's module; its errors name it, and it must not change its inputs (see lending)."""
    with lending(node.name, "forward", inputs, compare=compare):
        given = module(dict(inputs))
    if not isinstance(given, dict):
        raise ShapeError(f"plugin '{node.name}' has to return a dict of outputs, got {type(given).__name__}")
    return given


def in_float32(outputs: Mapping[str, Tensor], device: torch.device) -> Mapping[str, Tensor]:
    """Outputs of a forward pass, which autocast may have given in half precision; without it they stay as they are."""
    if not torch.is_autocast_enabled(device.type):
        return outputs
    half = torch.get_autocast_dtype(device.type)
    return {name: tensor.float() if tensor.dtype == half else tensor for name, tensor in outputs.items()}


def check_outputs(
    node: ActiveNode,
    given: Mapping[str, Tensor],
    shapes: Mapping[str, Shape],
    batch: Batch,
    wanted: frozenset[str],
) -> dict[str, Tensor]:
    """Exactly the wanted outputs, in their declared shapes; named "node.output"."""
    if given.keys() != wanted:
        raise ShapeError(
            f"plugin '{node.name}' has to give the outputs {', '.join(sorted(wanted))}, gave {', '.join(sorted(given))}"
        )
    outputs = {}
    for name, tensor in given.items():
        full = f"{node.name}.{name}"
        check_shape(tensor, shapes[full], batch.size, batch.chunks, f"output '{name}' of plugin '{node.name}'")
        outputs[full] = tensor
    return outputs
