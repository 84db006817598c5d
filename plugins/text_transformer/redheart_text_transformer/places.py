"""Where a pretrained encoder may be, and what it needs."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from redheart_core import MissingResourceError, SettingsError
from redheart_core.storage.pretrained import pretrained_folder
from redheart_text_transformer.settings import TextTransformerSettings

ELSEWHERE = "REDHEART_TEXT_TRANSFORMER_BASE"
"""Environment variable: a folder with the encoder, for where none of the settings' places is there."""


def find_base(settings: TextTransformerSettings) -> tuple[str, Path]:
    """The first place of the settings where there is an encoder, or else the folder that the environment names.

    Raises:
        MissingResourceError: There is none.
    """
    reasons = []
    for place in (*settings.places, *([os.environ[ELSEWHERE]] if ELSEWHERE in os.environ else [])):
        try:
            return place, pretrained_folder(place, SettingsError)
        except SettingsError as reason:
            reasons.append(str(reason))
    raise MissingResourceError(
        f"no encoder: {'; '.join(reasons)}; or name a folder with the same files in the environment "
        f"variable {ELSEWHERE}"
    )


def require_library() -> None:
    """Refuse an encoder whose library is not installed.

    Raises:
        MissingResourceError: It is not.
    """
    if find_spec("transformers") is None:
        raise MissingResourceError(
            "transformers is not installed, which computes encoders other than BERT: "
            "pip install 'redheart[transformers]'"
        )
