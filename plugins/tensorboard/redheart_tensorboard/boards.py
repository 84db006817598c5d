"""A summary writer for each group."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from redheart_core import EpochFinished, RedheartError, RunStarted
from redheart_core.storage.files import writing

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


@attrs.frozen(eq=False)
class Boards:
    """The writers of a run; each has the folder RUN/tensorboard/GROUP."""

    folder: Path
    writers: Mapping[str, SummaryWriter]

    def write(self, event: EpochFinished) -> None:
        """Put the figures of an epoch on disk, with the epoch as the step.

        Raises:
            FileError: They cannot be written.
        """
        worth = ("loss/validation", event.validation_loss)
        if event.agent_return is not None:
            worth = ("return", event.agent_return)
        figures = {
            "loss/train": event.train_loss,
            worth[0]: worth[1],
            "learning_rate": event.learning_rate,
            "seconds": event.seconds,
            **{f"metrics/{name}": value for name, value in event.metrics.items() if value is not None},
        }
        writer = self.writers[event.group]
        with writing(self.folder / event.group):
            for tag, value in figures.items():
                writer.add_scalar(tag, value, event.epoch)
            writer.flush()

    def close(self) -> None:
        """End the files; raises as write does."""
        with writing(self.folder):
            for writer in self.writers.values():
                writer.close()


def open_boards(event: RunStarted) -> Boards:
    """Begin to write a run, or go on; epochs that will be trained again are struck out.

    Raises:
        RedheartError: TensorBoard is not installed.
        FileError: The files cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError as missing:
        if missing.name != "tensorboard":
            raise
        raise RedheartError(
            "plugin 'tensorboard' needs the TensorBoard library: pip install 'redheart[tensorboard]', "
            "or leave the plugin out (--disable tensorboard)"
        ) from missing
    folder = event.folder / "tensorboard"
    writers = {}
    for group in event.groups:
        with writing(folder / group):
            _await_next_second(folder / group)
            # TensorBoard takes the first mark of this kind for a beginning and each later one for a restart, which
            # hides all steps from there on; so the very first process sets one too.
            writers[group] = SummaryWriter(str(folder / group), purge_step=event.epochs_done.get(group, 0) + 1)
    return Boards(folder, writers)


def _await_next_second(folder: Path) -> None:
    """Return once a new file is the last one by name.

    TensorBoard reads the files of a folder by name: the second in which one began, the host, the process and a count
    without leading zeros, so that the tenth of a second would be read before the ninth.
    """
    seconds = [int(path.name.split(".")[3]) for path in folder.glob("events.out.tfevents.*")]
    while int(time.time()) in seconds:
        time.sleep(0.02)
