"""How far a training in an environment is: one file with all that it goes on from, beside each group's epochs.

Agents learn side by side, so they can only go on together, from the end of one epoch of all of them. The file of an
epoch counts once all groups have written theirs: a kill at any moment leaves one from which the epochs after it are
made again, to the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.agents.context import AgentsContext
from redheart_core.agents.replay import Replay
from redheart_core.agents.trainer import AgentTrainer, load_learner
from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import load_tensors, make_folder, remove_file, save_tensors
from redheart_core.storage.sealed import SealedFile


@attrs.frozen
class JointState:
    """agents/state.json: from where all agents go on."""

    epoch: int
    file: str
    sha256: str


JOINT_STATE = SealedFile(
    JointState, "agents", 1, "restore the run's folder from a copy, or train again into another folder"
)


def restore(
    run: RunFolder, trainers: Sequence[AgentTrainer], replay: Replay, listening: Tensor | None
) -> tuple[int, Tensor | None]:
    """Take over the newest state of all agents; the epoch that it is the end of, 0 if there is none, and the weights
    of communication.

    Raises:
        CheckpointError: It is missing or damaged, or of other networks.
    """
    folder = run.path / "agents"
    found = JOINT_STATE.read_if_there(folder / "state.json")
    if found is None:
        return 0, listening
    tensors = load_tensors(folder / found.file, found.sha256)
    for trainer in trainers:
        load_learner(trainer.learner, trainer.spec, _within(tensors, f"{trainer.group}/weights/"))
        trainer.load_optimizer(_within(tensors, f"{trainer.group}/optimizer/"))
    replay.load(_within(tensors, "replay/"))
    return found.epoch, tensors.get("listening")


def save(
    run: RunFolder, epoch: int, trainers: Sequence[AgentTrainer], replay: Replay, listening: Tensor | None
) -> JointState:
    """Write the file of an epoch; it counts once commit is called."""
    tensors = {f"replay/{name}": one for name, one in replay.tensors().items()}
    for trainer in trainers:
        tensors |= {f"{trainer.group}/weights/{name}": one for name, one in trainer.weights().items()}
        tensors |= {f"{trainer.group}/optimizer/{name}": one for name, one in trainer.optimizer_tensors().items()}
    if listening is not None:
        tensors["listening"] = listening
    folder, file = run.path / "agents", f"state-{epoch:04d}.safetensors"
    make_folder(folder)
    return JointState(epoch, file, save_tensors(folder / file, tensors))


def commit(run: RunFolder, state: JointState) -> None:
    """Let a state count, and remove all others."""
    folder = run.path / "agents"
    JOINT_STATE.write(folder / "state.json", state)
    for path in folder.glob("state-*.safetensors"):
        if path.name != state.file:
            remove_file(path)


def drop_state(run: RunFolder) -> None:
    """Remove the state that a finished training no longer goes on from, which holds its whole replay."""
    folder = run.path / "agents"
    for path in (folder / "state.json", *folder.glob("state-*.safetensors")):
        if path.exists():
            remove_file(path)


def checkpoint(trainer: AgentTrainer, agent: int, listening: Tensor | None) -> dict[str, Tensor]:
    """What an agent's epoch holds: its networks, and whom it listens to."""
    own = {} if listening is None else {"listening": listening[agent].clone()}
    return {**trainer.weights(), **own}


def open_team(
    context: AgentsContext, weights: Mapping[str, Mapping[str, Tensor]]
) -> tuple[list[AgentTrainer], Tensor | None]:
    """The agents of checkpoints by group, in the order of the environment, and whom they listen to.

    Raises:
        CheckpointError: They are of other agents or networks.
    """
    trainers = context.trainers()
    rows = []
    groups = [trainer.group for trainer in trainers]
    if sorted(groups) != sorted(weights):
        raise CheckpointError(f"the checkpoints are of {', '.join(weights)}, the environment has {', '.join(groups)}")
    for trainer in trainers:
        own = dict(weights[trainer.group])
        if context.agents.communication:
            if "listening" not in own:
                raise CheckpointError(f"the checkpoint of group '{trainer.group}' does not say whom it listens to")
            rows.append(own.pop("listening"))
        load_learner(trainer.learner, trainer.spec, own)
    return trainers, torch.stack(rows) if rows else None


def _within(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
