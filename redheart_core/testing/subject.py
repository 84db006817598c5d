"""What a check looks at: a node at scale tiny, the nodes around it, and some real embedded records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.config.tables import TrainSettings
from redheart_core.contract.data import Tokenizer
from redheart_core.contract.errors import PluginError
from redheart_core.contract.fields import Field, Shape
from redheart_core.contract.nodes import SCALES, VIEWS, NodeSpec, Output
from redheart_core.contract.tensors import has_any
from redheart_core.data.batch import Batch
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.binding import resolve_node
from redheart_core.groups.graph import bind_nodes, check_targets, output_shapes, plan_groups
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import CPU, GroupModule, Surroundings
from redheart_core.storage.settings import read_table
from redheart_core.testing.discovery import load_all, load_installed
from redheart_core.testing.fitting import fit_group
from redheart_core.testing.members import stand_ins
from redheart_core.testing.plugin import ConformanceError, Plugin
from redheart_core.training.group_trainer import GroupFault, GroupTrainer

SEED = 20260
UPDATES = 100
SETTINGS = TrainSettings(
    scale="tiny", epochs=1, learning_rate=1e-2, final_rate=1.0, warmup_updates=0, weight_decay=0.0, seed=SEED
)
"""A constant rate that a module with thousands of parameters learns with quickly."""


@attrs.frozen(eq=False)
class Sample:
    """Some real embedded records with all their fields."""

    records: Batch
    fields: Mapping[str, Field]
    tokenizers: Mapping[str, Tokenizer] = attrs.field(factory=dict)
    """Of the tokens, if the records have any, by view."""


@attrs.frozen(eq=False, slots=False)
class Subject:
    """A node with all that it needs to be built, run and trained."""

    plugin: Plugin
    nodes: tuple[ActiveNode, ...]
    """The node itself, those it reads, and, if it has no objective, those of its group that train it."""
    group: Group
    """The checkpoint group of the node."""
    fields: Mapping[str, Field]
    records: Batch
    """Real records; inputs hold the outputs of lower groups too."""
    tokenizers: Mapping[str, Tokenizer] = attrs.field(factory=dict)
    _fits: dict[int, Mapping[str, Tensor]] = attrs.field(factory=dict, init=False, repr=False)
    """Weights that a fit has computed, by seed."""

    @property
    def name(self) -> str:
        return self.plugin.name

    @property
    def node(self) -> ActiveNode:
        """The node that is checked."""
        return next(node for node in self.nodes if node.name == self.name)

    @property
    def size(self) -> int:
        """How many records there are."""
        return self.records.size

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Per-record shapes of all inputs and outputs."""
        return self.surroundings().shapes

    def surroundings(self, scale: str = "tiny", seed: int = SEED) -> Surroundings:
        """What a module may know when it is built at a scale."""
        views = {view: self.records.inputs[view].shape[-1] for view in VIEWS if view in self.records.inputs}
        nodes = [at_scale(node, scale) for node in self.nodes]
        shapes = output_shapes(nodes, self.fields, views["embedding"], views.get("terms", 0), self.tokenizers)
        return Surroundings(self.fields, shapes, scale, seed, self.tokenizers)

    def module(self, seed: int = SEED) -> GroupModule:
        """The group, new; if it is one that is fitted, with the weights of a fit to the records, made once a seed."""
        if not self.group.fitted:
            return self.blank(seed)
        if seed not in self._fits:
            self._fits[seed] = {name: tensor.clone() for name, tensor in self.fitted(seed).parameter_dict().items()}
        module = self.blank(seed)
        module.load(self._fits[seed])
        return module

    def fitted(self, seed: int = SEED) -> GroupModule:
        """The group, new, and fitted anew if it is one that is fitted."""
        module = self.blank(seed)
        if self.group.fitted:
            fit_group(module, self.records, seed)
        return module

    def blank(self, seed: int = SEED, *, restored: bool = False) -> GroupModule:
        """The group as it is built; restored if a checkpoint is loaded right after."""
        return GroupModule(self.group, attrs.evolve(self.surroundings(seed=seed), restored=restored), CPU)

    def trainer(self) -> GroupTrainer:
        """The group, new, with an optimizer at a constant rate."""
        return GroupTrainer(self.group, self.surroundings(), SETTINGS, UPDATES, CPU)

    def step(self, trainer: GroupTrainer, batch: Batch, step: int) -> None:
        """One update of the island.

        Raises:
            ConformanceError: Loss or gradient is not finite.
        """
        try:
            trainer.step(batch, 1, step)
        except GroupFault as fault:
            raise ConformanceError(f"plugin '{self.name}': {fault}") from fault

    def batch(self, rows: Iterable[int], chunks: int | None = None) -> Batch:
        """Some records, padded no further than they need, or cut to so many chunks."""
        index = torch.tensor(list(rows))
        longest = int(self.records.inputs["mask"][index].sum(1).max()) if chunks is None else chunks
        inputs = {
            name: tensor[index].narrow(axis, 0, longest) if (axis := self.chunk_axis(name)) else tensor[index]
            for name, tensor in self.records.inputs.items()
        }
        return Batch(inputs, {name: tensor[index] for name, tensor in self.records.targets.items()})

    def chunk_axis(self, name: str) -> int:
        """The axis of a batched input or output that counts chunks; 0 if none does."""
        shape: Shape = ("T",) if name == "mask" else self.shapes[name]
        return 1 + shape.index("T") if "T" in shape else 0

    def own(self, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The outputs of the checked node alone, "node.output" to tensor."""
        return {f"{self.name}.{given.name}": outputs[f"{self.name}.{given.name}"] for given in self.given}

    @property
    def given(self) -> tuple[Output, ...]:
        """The outputs that the node gives in its group."""
        wanted = self.group.wanted(self.node)
        return tuple(output for output in self.node.spec.gives if output.name in wanted)


def make_subject(plugin: Plugin, sample: Sample, beside: Sequence[Plugin] = ()) -> Subject:
    """Put a node among the nodes that it reads.

    Args:
        plugin: Offers the node; what it gathers is answered by stand-ins.
        sample: The records.
        beside: Plugins that need not be installed; they come before installed ones of the same name.

    Raises:
        RedheartError: What it reads or learns is not there, or what it reads does not build.
    """
    known = {other.name: other for other in beside} | {plugin.name: plugin}
    coverage = {name: int(has_any(tensor).sum()) for name, tensor in sample.records.targets.items()}
    usable = {name: sample.fields[name] for name, count in coverage.items() if count}
    gathers = () if plugin.node.gathers_from else resolve_node(plugin.node, usable).gathers
    gathered = [usable[name] for name in gathers if name in usable]
    found = _with_what_it_reads([plugin, *stand_ins(gathered)], known)
    if plugin.node.objective is None:
        mates = [other for other in _everyone(known) if _group_name(other.node) == _group_name(plugin.node)]
        found = _with_what_it_reads([plugin, *mates], known)
    nodes = bind_nodes([activate(other) for other in found.values()], usable)
    check_targets(nodes, sample.fields, coverage, "sample")
    groups = plan_groups(nodes)
    group = next(group for group in groups if plugin.name in {node.name for node in group.nodes})
    subject = Subject(plugin, nodes, group, sample.fields, sample.records, sample.tokenizers)
    inputs = dict(sample.records.targets) | dict(sample.records.inputs)
    for lower in groups[: groups.index(group)]:
        module = GroupModule(lower, subject.surroundings(), CPU).eval()
        with torch.no_grad():
            inputs |= module(Batch(inputs, {}))
    wanted = {*VIEWS, "mask", *group.inputs}
    records = Batch({name: tensor for name, tensor in inputs.items() if name in wanted}, sample.records.targets)
    return attrs.evolve(subject, records=records)


def activate(plugin: Plugin) -> ActiveNode:
    """A plugin's node with its defaults at scale tiny, as plugins.toml would resolve it."""
    spec = plugin.node
    if plugin.kind not in ("analyzer", "head", "fusion"):
        raise PluginError(f"plugin '{plugin.name}' offers no node (kind: {plugin.kind})")
    return ActiveNode(spec, plugin.kind, plugin.name, "", "", _group_name(spec), scale_settings(spec, "tiny"))


def at_scale(node: ActiveNode, scale: str) -> ActiveNode:
    """The same node at another scale."""
    return attrs.evolve(node, settings=scale_settings(node.spec, scale))


def scale_settings(spec: NodeSpec, scale: str) -> Any:
    """A node's defaults at a scale.

    Raises:
        RedheartError: The scale is missing, or its table does not fit the settings class.
    """
    if scale not in spec.scales:
        raise ConformanceError(
            f"plugin '{spec.name}' has to declare the scales {', '.join(SCALES)}; "
            f"it declares {', '.join(spec.scales) or 'none'}"
        )
    return read_table(spec.settings, spec.scales[scale], f"scale '{scale}' of plugin '{spec.name}'")


def _group_name(spec: NodeSpec) -> str:
    return spec.group or spec.name


def _with_what_it_reads(plugins: Iterable[Plugin], known: Mapping[str, Plugin]) -> dict[str, Plugin]:
    found: dict[str, Plugin] = {}
    waiting = list(plugins)
    while waiting:
        plugin = waiting.pop()
        if plugin.name in found:
            continue
        found[plugin.name] = plugin
        read = [name.partition(".")[0] for name in plugin.node.reads if "." in name]
        for source in (*read, *plugin.node.gathers_from):
            if source not in found:
                waiting.append(known[source] if source in known else load_installed(source))
    return found


def _everyone(known: Mapping[str, Plugin]) -> list[Plugin]:
    """All nodes that are there."""
    plugins = {plugin.name: plugin for plugin in load_all()} | dict(known)
    return [plugins[name] for name in sorted(plugins) if isinstance(plugins[name].spec, NodeSpec)]
