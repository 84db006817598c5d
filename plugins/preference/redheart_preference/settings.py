"""The [plugins.preference] table."""

from __future__ import annotations

import attrs
from attrs.validators import ge, le


@attrs.frozen
class PreferenceSettings:
    """How much may be learnt from; width and strength are chosen on the training pairs."""

    acts: int = attrs.field(default=2400, validator=[ge(2), le(100_000)])
    """Pairs are learnt from while they have at most so many different acts, drawn by their ids; each takes D numbers
    in the module, and the fit memory by the square of their number."""
    directions: int = attrs.field(default=256, validator=[ge(1), le(4096)])
    """Acts are compared in so many directions of their vectors, those in which the training acts differ most."""
    validation: bool = False
    """Whether the validation pairs are learnt from too, once width and strength are chosen. Figures on them then say
    nothing: for a model that is to be given away, and is measured on the test split alone."""
    half: bool = False
    """Whether the vectors of these acts are kept as 16-bit numbers, which takes half the space."""
