"""Explanations: what a plugin declares to say why the answers on a text are as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import attrs
from attrs.validators import in_

from redheart_core.contract.builders import name_builders, to_function
from redheart_core.contract.models import NoSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from redheart_core.contract.fields import Field

EXPLANATION_KINDS = ("shares", "calculation")


@attrs.frozen(eq=False)
class ExplainedAnswer:
    """A model's calibrated answer on a field: (L,) numbers of its elements, NaN where there is none."""

    field: Field
    value: NDArray[Any]
    usual: NDArray[Any]
    """Means over the training records."""
    between: NDArray[Any]
    """(2, L) ends of the intervals."""
    threshold: NDArray[Any]
    """From which probability on a label that is 0 or 1 counts as predicted."""
    members: Mapping[str, NDArray[Any]]
    """By "plugin.output" what was fused; empty if nothing was."""


class ExplainedText(Protocol):
    """A text with what a model answers it, and what the model would answer else."""

    @property
    def text(self) -> str:
        """In NFC."""

    @property
    def answers(self) -> Mapping[str, ExplainedAnswer]:
        """By field."""

    def of_texts(self, texts: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """What the model answers to N other texts, (N, L) by field; NaN for one of which the encoder knows nothing."""

    def of_members(self, field: str, members: NDArray[Any]) -> NDArray[Any]:
        """What the fusion of a field makes of other numbers for its members, (N, members, L) to (N, L)."""


@attrs.frozen
class ReasonRow:
    """What one part adds to a number."""

    part: str
    """For people: a sentence, "plugin.output", or "field.label"."""
    adds: float
    value: float | None = None
    """Of a calculation alone: the number that goes in."""
    weight: float | None = None
    """That the calculation gives it, if any."""
    factor: float | None = None
    """What the calculation makes of it."""


@attrs.frozen
class Reason:
    """Why one number of an answer is as it is: what the rows add sums to value - usual."""

    field: str
    label: str
    """Of the field's elements."""
    usual: float
    """The answer without the parts."""
    value: float
    """The model's answer."""
    rows: tuple[ReasonRow, ...]
    turning: tuple[int, ...] | None = None
    """Places of the fewest rows without which the answer turns; None if none do, or it is not known."""


@attrs.frozen
class ExplanationSpec:
    """A kind of reasons. explain may be named as "package.module:function"."""

    name: str
    meaning: str
    heading: str
    """Of its rows, for people, such as "because of"."""
    explain: Callable[[ExplainedText], Sequence[Reason]] = attrs.field(converter=to_function)
    """Reasons of some of the answered numbers, each at most once; equal texts give equal reasons."""
    kind: str = attrs.field(default="shares", validator=in_(EXPLANATION_KINDS))
    """Shares of the difference from the usual; or rows of an exact calculation, which have a value and a factor."""
    fields: tuple[str, ...] = ()
    """Of which it explains answers; empty for any."""
    minimum_core: str = "0.1"
    settings: ClassVar[type[Any]] = NoSettings

    def __attrs_post_init__(self) -> None:
        name_builders(self)
