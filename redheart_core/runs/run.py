"""The folder of a run: what was decided once, and the state of every group."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import attrs

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.description import RUN_DESCRIPTION, RunDescription
from redheart_core.runs.origin import find_origin
from redheart_core.storage.files import make_folder
from redheart_core.storage.locks import updating
from redheart_core.storage.presence import require_run


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
            origin = begun.origin if begun is not None else find_origin()
            RUN_DESCRIPTION.write(self.file, attrs.evolve(description, origin=origin))
