"""Layers of verification: what a plugin declares to have answers doubted, supported, weighed or held back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from attrs.validators import in_

from redheart_core.contract.builders import name_builders, to_function
from redheart_core.contract.models import NoSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from redheart_core.contract.fields import Field

LAYER_KINDS = ("limit", "consistency", "evidence", "context")


@attrs.frozen(eq=False)
class LayerAnswers:
    """What a model says on a field of N texts: (N, L) numbers of the field's elements, NaN where it says nothing."""

    field: Field
    answer: NDArray[Any]
    """The model's own, calibrated."""
    between: NDArray[Any]
    """(2, N, L) ends of its intervals, NaN where there are none."""
    members: Mapping[str, NDArray[Any]]
    """By "plugin.output": what was fused, or the answer and the others that are given."""
    cases: NDArray[Any]
    """(N, K, L) labels of the nearest cases, NaN where a case has none; K = 0 without a memory."""


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
    answers: Mapping[str, LayerAnswers] = attrs.field(factory=dict)
    """By field; none for a limit or a context, which come before the answers."""
    fields: Mapping[str, NDArray[Any]] = attrs.field(factory=dict)
    """Fields of the records beside the text, (N, *shape), NaN where missing; likewise."""
    distances: NDArray[Any] | None = None
    """(N, K) cosine distances of the nearest cases, the nearest first; None without a memory."""


@attrs.frozen
class LayerSpec:
    """A layer of verification. Its functions may be named as "package.module:function"."""

    name: str
    meaning: str
    score: Callable[[Mapping[str, NDArray[Any]], LayerTexts], NDArray[Any]] = attrs.field(converter=to_function)
    """The arrays of fit and N texts to (N,) float64: the higher, the more there is against the answers; each for
    itself, up to rounding. NaN where the layer has nothing to say. From which score on a text is beyond what is usual,
    core finds out on the calibration texts of each language. A context gives stakes: 0 usual, 1 raised, 2 high."""
    reason: str
    """What a text beyond the limit is, such as "too long ({score:.0f} letters, usual up to {limit:.0f})"."""
    remedy: str = ""
    """What would help."""
    kind: str = attrs.field(default="limit", validator=in_(LAYER_KINDS))
    """Beyond a limit nothing is answered, beyond a consistency or evidence there is a warning; these see the answers.
    A context is never beyond: the higher the stakes, the surer an answer has to be."""
    fit: Callable[[LayerTexts], Mapping[str, NDArray[Any]]] = attrs.field(default=lambda _: {}, converter=to_function)
    """Texts to the arrays that a model keeps, at most 500 kB; equal texts give equal arrays. A limit is fitted on
    training texts, a consistency or evidence on validation texts with their answers, a context never."""
    notes: Callable[[Mapping[str, NDArray[Any]], LayerTexts], Sequence[Mapping[str, Sequence[str]]]] | None = (
        attrs.field(default=None, converter=attrs.converters.optional(to_function))
    )
    """The same to what it has found in each text, for people: heading to names or short sentences."""
    minimum_core: str = "0.1"
    settings: ClassVar[type[Any]] = NoSettings

    def __attrs_post_init__(self) -> None:
        name_builders(self)
