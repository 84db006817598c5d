"""The encoder of a model without the rest of it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from redheart.crisis import Safety, load_safety
from redheart.finding import find_model
from redheart.models import Model
from redheart.threads import keeping_threads
from redheart_core.storage.presence import require_model_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redheart_core.data.encoding import TextEncoder
    from redheart_core.data.identity import EncoderIdentity
    from redheart_registry import Registry


class EncoderOfModel:
    """Loaded when it is first needed; its identity is known before."""

    def __init__(self, model: str | Path | Model | None) -> None:
        """Take a model, its folder or name; None is the installed one."""
        self._model = model

    @cached_property
    def folder(self) -> Path:
        """Of the model."""
        folder = self._model.folder if isinstance(self._model, Model) else find_model(self._model)[0]
        require_model_folder(folder)
        return folder

    @cached_property
    def identity(self) -> EncoderIdentity:
        """What makes its vectors comparable with others."""
        if isinstance(self._model, Model):
            return self._model.assembled.encoder_identity
        from redheart_core.models.manifest import read_manifest

        return read_manifest(self.folder).data.encoder

    @cached_property
    def registry(self) -> Registry:
        """Where the encoder's plugins are active."""
        from redheart_registry import load_registry

        return load_registry({"active": list(self.identity.names)})

    @cached_property
    def encoder(self) -> TextEncoder:
        """The encoder, compared with its identity."""
        if isinstance(self._model, Model):
            return self._model.encoder
        from redheart_core.data.encoding import load_encoder

        with keeping_threads():
            specs = [self.registry.encoder(name)[0] for name in self.identity.names]
            return load_encoder(specs, self.folder / "encoder", self.identity)

    @cached_property
    def safety(self) -> Safety:
        """Finds signs of a crisis."""
        return self._model.safety if isinstance(self._model, Model) else load_safety()

    def encode(self, text: str, where: str) -> NDArray[np.float32]:
        """The vectors of a text's chunks, (T, D).

        Raises:
            DataError: The text is refused, or the encoder knows no part of it.
        """
        with keeping_threads():
            vectors: NDArray[np.float32] = self.encoder.encode_text(text, where)[0].numpy()
        return vectors
