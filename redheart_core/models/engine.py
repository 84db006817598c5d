"""What computes the groups of a model: PyTorch here; others, such as ONNX Runtime, have the same three members."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

import attrs
import torch

from redheart_core.contract.errors import CheckpointError
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering, GroupModule, Surroundings
from redheart_core.models.manifest import ModelManifest
from redheart_core.storage.files import load_tensors
from redheart_core.storage.paths import file_inside


class Engine(Protocol):
    """Opens what answers for each group of a model folder."""

    @property
    def files(self) -> Mapping[str, str]:
        """By their way from the model folder the files that it reads, with their SHA-256 to verify."""
        ...

    def read_files(self, group: str) -> Collection[str]:
        """Those of the files that open_group verifies itself as it reads them; nobody else has to."""
        ...

    def open_group(self, group: Group, surroundings: Surroundings, device: torch.device) -> Answering:
        """What answers for a group.

        Raises:
            CheckpointError: The folder does not hold what the group needs.
        """
        ...


@attrs.frozen
class TorchEngine:
    """The groups' own modules with the weights of the model's files."""

    folder: Path
    manifest: ModelManifest

    @property
    def files(self) -> Mapping[str, str]:
        return {one.file: one.sha256 for group in self.manifest.groups.values() for one in group.files}

    def read_files(self, group: str) -> tuple[str, ...]:
        """All that the model has of it."""
        stored = self.manifest.groups.get(group)
        return () if stored is None else tuple(one.file for one in stored.files)

    def open_group(self, group: Group, surroundings: Surroundings, device: torch.device) -> Answering:
        """A group with the weights of the model's files.

        Raises:
            CheckpointError: It has parameters that training or fitting sets, and the model no file for them; or a file
                is missing or damaged, or leads out of the folder.
        """
        stored = self.manifest.groups.get(group.name)
        files = () if stored is None else stored.files
        module = GroupModule(group, attrs.evolve(surroundings, restored=bool(files)), device)
        if stored is None or (not files and needs_weights(module)):
            raise CheckpointError(
                f"{self.folder} holds no weights of group '{group.name}'; untrained modules never answer, so assemble "
                "the model again with redheart crossover"
            )
        if files:
            module.read(file_inside(self.folder, files[0].file), files[0].sha256)
        if len(files) < 2:
            return module.eval()
        states = [module.parameter_dict()]
        for one in files[1:]:
            states.append(module.in_own_types(load_tensors(file_inside(self.folder, one.file), one.sha256)))
        on_device = [{name: tensor.to(device) for name, tensor in state.items()} for state in states]
        return Ensemble(module, on_device, [one.sha256 for one in files]).eval()


def needs_weights(module: GroupModule) -> bool:
    """Whether a group has parameters that training or fitting sets; a calculator has none."""
    return module.group.fitted or any(parameter.requires_grad for parameter in module.parameters())
