"""Layers of verification: what a plugin declares to have texts recognised of which a model knows too little."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.builders import name_builders, to_function
from redheart_core.contract.models import NoSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class LayerTexts:
    """N texts as a layer sees them."""

    texts: Sequence[str]
    """In NFC."""
    languages: Sequence[str]
    """ISO 639 codes, "und" where none is known."""
    vectors: NDArray[Any]
    """(N, D) float32: the mean of the encoder's vectors over the chunks of each text."""
    known: NDArray[Any]
    """(N, 2) float64: the shares of a text's words, and of pairs and triples of characters in them, that the model's
    terms hold; NaN if it has none."""


@attrs.frozen
class LayerSpec:
    """A limit of what a model knows. Its functions may be named as "package.module:function"."""

    name: str
    meaning: str
    fit: Callable[[LayerTexts], Mapping[str, NDArray[Any]]] = attrs.field(converter=to_function)
    """Training texts to the arrays that a model keeps, at most 500 kB; equal texts give equal arrays."""
    score: Callable[[Mapping[str, NDArray[Any]], LayerTexts], NDArray[Any]] = attrs.field(converter=to_function)
    """The arrays and N texts to (N,) float64: the higher, the less is known of such a text; each for itself, up to
    rounding. NaN where the layer has nothing to say. From which score on nothing is answered, core finds out on the
    calibration texts of each language."""
    reason: str
    """What a text beyond the limit is, such as "too long"."""
    remedy: str
    """What would help."""
    minimum_core: str = "0.1"

    def __attrs_post_init__(self) -> None:
        name_builders(self)

    @property
    def settings(self) -> type[Any]:
        """None; so that layers are checked like all other plugins."""
        return NoSettings
