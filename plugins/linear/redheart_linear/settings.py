"""The [plugins.linear] table."""

from __future__ import annotations

import attrs


@attrs.frozen
class LinearSettings:
    """Nothing to set: the penalties are chosen on the validation records, the same at every scale."""
