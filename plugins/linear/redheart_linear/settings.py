"""The [plugins.linear] table."""

from __future__ import annotations

import attrs


@attrs.frozen
class LinearSettings:
    """The same at every scale; strengths are chosen on the training records."""

    transfer: bool = False
    """Values also read the answers on labels, shares and votes that only records of other data sets have."""
