"""The [plugins.linear] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge


@attrs.frozen
class LinearSettings:
    """The same at every scale; strengths are chosen on the training records."""

    transfer: bool = False
    """Values also read the answers on labels, shares and votes that only records of other data sets have."""
    choice_records: int = attrs.field(default=0, validator=ge(0))
    """The strength of a logistic regression is chosen on at most so many training records, drawn by their ids; 0 for
    all. Penalties are those of a sum over records, as a prior is, so that they hardly depend on the number."""
    half: bool = False
    """Whether weights are kept as 16-bit numbers, which takes half the space; sums are computed in 32 bits."""
