"""BERT out of the files that the transformers library writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import safetensors
import safetensors.torch
from torch import Tensor

from redheart_core.contract.errors import RedheartError
from redheart_core.nn.bert import Bert, BertShape

_PLAIN = {
    "model_type": ("bert",),
    "hidden_act": ("gelu", None),
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False, None),
    "is_encoder_decoder": (False, None),
    "add_cross_attention": (False, None),
}
"""What config.json says of an encoder that Bert computes; other kinds of BERT are left to the library."""
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def plain_shape(config: Mapping[str, Any]) -> BertShape | None:
    """The shape that a config.json gives; None if it is of another architecture."""
    if any(config.get(name) not in allowed for name, allowed in _PLAIN.items()):
        return None
    names = [field.name for field in attrs.fields(BertShape)]
    return BertShape(**{name: config[name] for name in names if config.get(name) is not None})


def read_bert(
    shape: BertShape, files: Sequence[Path], place: str, error: type[RedheartError], *, checkpointing: bool = False
) -> Bert:
    """The encoder with the weights of its files, in single precision.

    Args:
        shape: Of its config.json.
        files: With the weights.
        place: Names the encoder in messages.
        error: Class of the error.
        checkpointing: As for Bert.

    Raises:
        RedheartError: Of the class error: a file is damaged, or a weight is missing or of another shape.
    """
    bert = Bert(shape, checkpointing=checkpointing)
    own = bert.state_dict()
    try:
        given = {_name(name): tensor for file in files for name, tensor in safetensors.torch.load_file(file).items()}
    except (OSError, safetensors.SafetensorError) as reason:
        raise error(f"model = {place!r} cannot be loaded: {reason}") from reason
    missing = sorted(own.keys() - given.keys())
    if missing:
        raise error(
            f"model = {place!r}: its files lack {len(missing)} weights of the architecture in its "
            f"config.json ({', '.join(missing[:3])}); take a whole model"
        )
    wrong = [name for name, tensor in own.items() if given[name].shape != tensor.shape]
    if wrong:
        raise error(
            f"model = {place!r} cannot be loaded: {wrong[0]} has the shape {tuple(given[wrong[0]].shape)}, its "
            f"config.json says {tuple(own[wrong[0]].shape)}; take a whole model"
        )
    weights: dict[str, Tensor] = {name: given[name].float() for name in own}
    bert.load_state_dict(weights, assign=True)
    return bert.requires_grad_()


def _name(name: str) -> str:
    """That of a weight in Bert; files of a model for a task have "bert." before it, and old ones other last parts."""
    for old, new in _OLD_NAMES.items():
        name = name.replace(old, new)
    return name.removeprefix("bert.")
