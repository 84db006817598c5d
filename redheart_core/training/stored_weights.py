"""The weights of an epoch as its file holds them, by the group's checkpoint_dtype; and what training goes on from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import torch
from torch import Tensor

from redheart_core.config.tables import CheckpointDtype
from redheart_core.contract.errors import CheckpointError
from redheart_core.training.group_trainer import PRECISIONS, GroupFault, GroupTrainer

_MASTER = "master/"
"""Before the names of float32 weights in a state file."""
_NOTHING: Mapping[str, Tensor] = MappingProxyType({})


def rounded(tensors: Mapping[str, Tensor], dtype: CheckpointDtype) -> dict[str, Tensor]:
    """A checkpoint's tensors as a file holds them: those of float32 to the nearest number of a type; others stay."""
    return {
        name: tensor.to(PRECISIONS[dtype]) if tensor.dtype == torch.float32 else tensor
        for name, tensor in tensors.items()
    }


@contextmanager
def as_stored(trainer: GroupTrainer, average: Mapping[str, Tensor] = _NOTHING) -> Iterator[Mapping[str, Tensor]]:
    """Inside, the module has the weights that the file of an epoch holds, which are given; afterwards its own again.

    Args:
        trainer: Of the group.
        average: Parameters that stand in for the module's own.

    Raises:
        GroupFault: A number is too large for the type.
    """
    module, dtype = trainer.module, trainer.settings.checkpoint_dtype
    live = module.parameter_dict()
    if not average and dtype == "float32":
        yield live
        return
    own = {name: tensor.clone() for name, tensor in live.items()}
    exact = {**own, **average}
    weights = rounded(exact, dtype)
    for name, tensor in weights.items():
        if tensor is not exact[name] and not torch.equal(tensor.isinf(), exact[name].isinf()):
            raise GroupFault(
                f"'{name}' has numbers that {dtype} cannot hold; write checkpoint_dtype = \"float32\" under "
                f"[groups.{trainer.group.name}]"
            )
    module.load(weights)
    try:
        yield weights
    finally:
        module.load(own)


def state_tensors(trainer: GroupTrainer) -> dict[str, Tensor]:
    """What training goes on from beside the file of an epoch: the optimizer's state, and all that was rounded there."""
    return trainer.optimizer_tensors() | {f"{_MASTER}{name}": tensor for name, tensor in masters(trainer).items()}


def masters(trainer: GroupTrainer) -> dict[str, Tensor]:
    """The weights of which the file of an epoch has rounded ones; none if it has them as they are."""
    if trainer.settings.checkpoint_dtype == "float32":
        return {}
    return {name: tensor for name, tensor in trainer.module.parameter_dict().items() if tensor.dtype == torch.float32}


def go_on(trainer: GroupTrainer, weights: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Take over the end of an epoch.

    Args:
        trainer: New.
        weights: From the file of the epoch.
        state: What state_tensors gave.

    Raises:
        CheckpointError: The state belongs to other parameters, or to files of another type.
    """
    found = {name.removeprefix(_MASTER): tensor for name, tensor in state.items() if name.startswith(_MASTER)}
    wrong = sorted(found.keys() ^ masters(trainer).keys())
    if wrong:
        raise CheckpointError(
            f"the state of group '{trainer.group.name}' does not fit checkpoint_dtype = "
            f'"{trainer.settings.checkpoint_dtype}": it has to hold in float32 what is rounded in the file of the '
            f"epoch, which differs for {', '.join(wrong[:5])}; restore the run from a copy"
        )
    trainer.module.load({**weights, **found})
    trainer.load_optimizer({name: tensor for name, tensor in state.items() if not name.startswith(_MASTER)})
