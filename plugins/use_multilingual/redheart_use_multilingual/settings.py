"""The [plugins.use_multilingual] table."""

from __future__ import annotations

import attrs


@attrs.frozen
class UseMultilingualSettings:
    """Nothing to set: the weights are those of one package, and a vector is always made in the same way."""
