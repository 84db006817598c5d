"""The engine of an exported model: ONNX Runtime for its graphs, PyTorch for the groups that have none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.contract.fields import Field, Shape
from redheart_core.contract.nodes import Objective
from redheart_core.data.batch import Batch
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering, Surroundings, make_objectives
from redheart_core.groups.honest import HonestAnswers
from redheart_core.groups.serving import serves
from redheart_core.models.engine import TorchEngine
from redheart_core.models.manifest import ModelManifest
from redheart_export.graph import SPREAD
from redheart_export.manifest import ExportManifest, GraphFile, files_of
from redheart_export.session import open_session, run_session


@attrs.frozen
class OnnxEngine:
    """The groups' graphs in ONNX Runtime."""

    folder: Path
    manifest: ModelManifest
    exported: ExportManifest

    @property
    def files(self) -> Mapping[str, str]:
        return files_of(self.manifest, self.exported)

    def read_files(self, group: str) -> tuple[str, ...]:
        """Those of the group where it stayed on PyTorch; ONNX Runtime verifies nothing."""
        return TorchEngine(self.folder, self.manifest).read_files(group) if group in self.exported.kept else ()

    def open_group(self, group: Group, surroundings: Surroundings, device: torch.device) -> Answering:
        """A group's graph, or its own modules where it stayed on PyTorch.

        Raises:
            CheckpointError: The folder does not hold the group, or another device than the CPU is asked for.
            MissingResourceError: ONNX Runtime is not installed.
        """
        if device.type != "cpu":
            raise CheckpointError(
                f"{self.folder} was exported, which computes on the CPU, and {device} was asked for; leave the device "
                "out, or load the model that it was made from"
            )
        if group.name in self.exported.kept:
            return TorchEngine(self.folder, self.manifest).open_group(group, surroundings, device)
        if group.name not in self.exported.graphs:
            raise CheckpointError(
                f"{self.folder} holds no graph of group '{group.name}'; export the model again with redheart export"
            )
        graph = self.exported.graphs[group.name]
        session = open_session(self.folder / graph.file, self.manifest.training.threads)
        objectives = make_objectives(group, surroundings)
        reads = tuple(one.name for one in session.get_inputs())
        return OnnxGroup(group, surroundings.fields, surroundings.shapes, objectives, graph, session, reads)


@attrs.frozen(eq=False)
class OnnxGroup:
    """What answers for a group by its graph."""

    group: Group
    fields: Mapping[str, Field]
    shapes: Mapping[str, Shape]
    objectives: Mapping[str, Objective]
    graph: GraphFile
    session: Any = attrs.field(repr=False)
    reads: tuple[str, ...]
    """What the graph is given."""

    @property
    def honest(self) -> HonestAnswers | None:
        """None: they belong to the training records of a run."""
        return None

    @property
    def digests(self) -> tuple[str, ...]:
        """That of the graph, and those of the files that it shares with others."""
        return (self.graph.sha256, *self.graph.shared.values())

    def eval(self) -> OnnxGroup:
        return self

    def __call__(self, batch: Batch, compare: bool = False) -> dict[str, Tensor]:
        return self.with_disagreement(batch, compare)[0]

    def with_disagreement(self, batch: Batch, compare: bool = False) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The outputs, NaN for records that the group does not serve, and of several members the standard deviation.

        Args:
            batch: The records.
            compare: Nothing: a graph changes no inputs.
        """
        names = [*self.graph.outputs]
        names += [SPREAD + name for name in self.graph.outputs if self.graph.members > 1]
        given = {name: batch.inputs[name].numpy() for name in self.reads}
        arrays = run_session(self.session, names, given)
        found = dict(zip(names, map(torch.from_numpy, arrays), strict=True))
        if self.group.languages:
            silent = ~serves(self.group, batch.inputs["language"])
            for tensor in found.values():
                tensor[silent] = torch.nan
        spreads = {name.removeprefix(SPREAD): tensor for name, tensor in found.items() if name.startswith(SPREAD)}
        return {name: found[name] for name in self.graph.outputs}, spreads
