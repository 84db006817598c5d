"""Low-rank adapters (LoRA, Hu et al. 2022) as text_transformer writes them, added to an encoder's weights."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from redheart_core import RedheartError

SCALE = 2.0
"""Of the product of an adapter's maps: alpha is twice the rank in text_transformer."""
_NAME = re.compile(r"(?:\w+\.)?base\.(?P<layer>[\w.]+)\.lora_(?P<map>[AB])")


def read_adapters(path: Path, error: type[RedheartError]) -> dict[str, Tensor]:
    """The maps in a group's weights, by the name of the layer with ".A" or ".B" behind; half precision.

    Raises:
        RedheartError: Of the class error: there is no such file, or it holds no adapters.
    """
    try:
        tensors = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as reason:
        raise error(f"adapters: {path} cannot be read ({reason}); name a .safetensors file of a group") from reason
    found = {name: match for name in tensors if (match := _NAME.fullmatch(name))}
    if not found:
        raise error(
            f"adapters: {path} holds none; name the weights of a group that text_transformer has trained with lora > 0"
        )
    return {f"{match['layer']}.{match['map']}": tensors[name].half() for name, match in found.items()}


def adapted(base: nn.Module, adapters: Mapping[str, Tensor], where: str, error: type[RedheartError]) -> nn.Module:
    """A copy of an encoder with the adapters' products added to its weights; the embeddings are shared, not copied.

    Args:
        base: Stays as it is.
        adapters: As read_adapters gives them.
        where: They come from, for messages.
        error: Class of the error.

    Raises:
        RedheartError: They belong to another encoder.
    """
    shared = {id(module): module for name, module in base.named_children() if name == "embeddings"}
    made = copy.deepcopy(base, shared)
    modules = dict(made.named_modules())
    for layer in sorted({name.rpartition(".")[0] for name in adapters}):
        module = modules.get(layer)
        first, second = adapters.get(f"{layer}.A"), adapters.get(f"{layer}.B")
        if not isinstance(module, nn.Linear) or first is None or second is None or second.ndim != 2:
            raise error(f"adapters: the layer {layer} of {where} is not whole or not in the encoder; {_REMEDY}")
        if (second.shape[0], first.shape[1]) != tuple(module.weight.shape) or second.shape[1] != first.shape[0]:
            raise error(
                f"adapters: {layer} of {where} is for a layer of {second.shape[0]} x {first.shape[1]}, the encoder's "
                f"has {' x '.join(map(str, module.weight.shape))}; {_REMEDY}"
            )
        with torch.no_grad():
            module.weight.add_(SCALE * (second.float() @ first.float()))
    return made


_REMEDY = "name as model the encoder that they were trained beside"
