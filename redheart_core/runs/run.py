"""The folder of a run: what was decided once, and the state of every group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.description import RUN_DESCRIPTION, RunDescription
from redheart_core.runs.origin import find_origin
from redheart_core.storage.files import load_tensors, make_folder, save_tensors
from redheart_core.storage.locks import updating
from redheart_core.storage.presence import require_run

if TYPE_CHECKING:
    from torch import Tensor


@attrs.frozen
class RunFolder:
    """A run on disk: run.json, events.jsonl and groups/NAME/."""

    path: Path

    @property
    def exists(self) -> bool:
        return self.file.exists()

    @property
    def file(self) -> Path:
        return self.path / "run.json"

    def read(self) -> RunDescription:
        """What the run was begun with.

        Raises:
            CheckpointError: No run, a damaged one, or one of another format.
        """
        require_run(self.path)
        return RUN_DESCRIPTION.read(self.file)

    def stamp(self, groups: Sequence[str]) -> str:
        """SHA-256 of all that a choice among the epochs of these groups follows from."""
        found = hashlib.sha256()
        for file in (self.file, *(self.group(name).manifest_file for name in groups)):
            found.update(file.read_bytes())
        return found.hexdigest()

    def group(self, name: str) -> GroupFolder:
        return GroupFolder(self.path, name)

    @property
    def starts(self) -> Mapping[str, str]:
        """SHA-256 of the weights that groups begin with in place of those that are drawn; none before it was begun."""
        return self.read().starts if self.exists else {}

    def add_start(self, group: str, tensors: Mapping[str, Tensor]) -> str:
        """Write the weights that a group begins with; run.json names them by the SHA-256 that this returns."""
        make_folder(self.start_file(group).parent)
        return save_tensors(self.start_file(group), tensors)

    def start(self, group: str) -> dict[str, Tensor] | None:
        """The weights that a group begins with, verified; None for those that are drawn.

        Raises:
            CheckpointError: The file is missing or its SHA-256 is another.
        """
        expected = self.starts.get(group)
        return None if expected is None else load_tensors(self.start_file(group), expected)

    def start_file(self, group: str) -> Path:
        return self.path / "starts" / f"{group}.safetensors"

    def settings(self) -> TrainSettings:
        return self.read().training

    def group_settings(self) -> dict[str, GroupSettings]:
        """The [groups.<name>] tables that it was begun with."""
        return {name: group.settings for name, group in self.read().groups.items()}

    def begin(self, description: RunDescription) -> None:
        """Write run.json, or check that what is there agrees; new plugins in new groups may join.

        Raises:
            CheckpointError: Something that decides the numbers is another than at the start.
        """
        make_folder(self.path)
        with updating(self.path):  # several processes may begin it together
            begun = self.read() if self.exists else None
            if begun is not None:
                begun.require_same(description, self.path)
                description = attrs.evolve(description, origin=begun.origin, starts=begun.starts, learnt=begun.learnt)
            else:
                description = attrs.evolve(description, origin=find_origin())
            RUN_DESCRIPTION.write(self.file, description)
