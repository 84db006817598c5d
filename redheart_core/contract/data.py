"""Frozen value types of data: records, data sets and encoders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import attrs

from redheart_core.contract.builders import name_builders, to_function
from redheart_core.contract.fields import Field

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SplitName = Literal["train", "validation", "calibration", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "calibration", "test")


def _comparable(values: Mapping[str, object]) -> dict[str, object]:
    """Values that == compares as a whole, arrays too."""
    import numpy as np

    return {
        name: (value.shape, value.dtype.str, value.tobytes()) if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


@attrs.frozen
class Record:
    """One scenario as a data set gives it."""

    id: str
    """Unique within the data set; decides the split."""
    text: str
    """Empty in a data set without texts."""
    values: Mapping[str, object] = attrs.field(eq=_comparable)
    """Field name to raw value, as Field.to_numbers takes it."""
    where: str
    """Where it was read, for error messages: "train.jsonl.gz line 7"."""
    split: SplitName | None = None
    """The publisher's own, "train" or "test", or any of SPLITS where a data set divides all of its records itself; None
    leaves the choice to redheart."""
    language: str | None = None
    """BCP 47 code such as "en"; None if the data set does not say. A model answers in the languages that its validation
    records state, and in any where some state none."""
    source: str | None = None
    """The data set, where several are joined; None stands for the one that gives the record."""
    cluster: str | None = None
    """Records of one cluster, such as a comment and its translation, of joined data sets too, stay in one split and
    count as one in intervals, like near-duplicates; None belongs to no other record."""


@attrs.frozen
class Provenance:
    """Where a data set is from and what its licence is."""

    licence: str | None
    """SPDX expression, such as "CC-BY-4.0"; None if it is not stated."""
    source: str | None
    """Who publishes it and where; None if it is not stated."""


@attrs.frozen
class Upcoming:
    """The end of a time series as a data set gives it, from which a model says what comes next."""

    series: str
    """Its name; empty of the only one."""
    time: str
    """Of the last step that is known."""
    values: Mapping[str, object]
    """What nodes read, as Record.values."""
    times: Mapping[str, tuple[str, ...]]
    """Of each field that is answered: the time of each place on its first axis, or the one time of a field without."""
    where: str
    """As Record.where."""


@attrs.frozen
class DatasetSpec:
    """A source of records. Its functions may be named as "package.module:function"."""

    name: str
    meaning: str
    """One sentence: what it is, how much, from where."""
    settings: type[Any]
    """attrs class of the [plugins.<name>] table."""
    fields: Callable[[Any], tuple[Field, ...]] = attrs.field(converter=to_function)
    """Settings to the target fields that the records may hold, with their labels."""
    records: Callable[[Any], Iterator[Record]] = attrs.field(converter=to_function)
    """Settings to records, in a fixed order. Raises DataError naming file and line."""
    licence: str | None = None
    """SPDX expression of the records' licence, which travels with every model that learns from them; None if it is not
    stated."""
    source: str | None = None
    """Who publishes the records and where."""
    members: tuple[DatasetSpec, ...] = ()
    """The data sets that it joins."""
    sample: Mapping[str, Any] | None = None
    """Settings that give a few hundred records in seconds, from the package alone; None if there are none."""
    texts: bool = True
    """Whether records have texts; without any no encoder is needed, and nodes read fields alone."""
    upcoming: Callable[[Any, Mapping[str, Field]], Iterator[Upcoming]] | None = attrs.field(
        default=None, converter=attrs.converters.optional(to_function)
    )
    """Settings and the fields that a model was trained with to the end of every series, of which `redheart forecast`
    says what comes next; it puts the user's into `files` of the settings. Raises DataError naming file and line. None
    if records have no order in time."""
    minimum_core: str = "0.1"

    def __attrs_post_init__(self) -> None:
        name_builders(self)

    @property
    def provenance(self) -> dict[str, Provenance]:
        """Of it, or of each data set that it joins, by name."""
        return {one.name: Provenance(one.licence, one.source) for one in self.members or (self,)}


@attrs.frozen
class Tokenizer:
    """What makes tokens comparable; travels with store, run and model."""

    name: str
    """A folder's name, the package and folder, the hub's name, or "learnt:SIZE"."""
    sha256: str
    """Of its tokenizer.json without padding and truncation."""
    size: int
    """Ids are below it."""
    before: tuple[int, ...]
    """Ids that it puts before a text, such as that of [CLS]; the view "tokens" leaves them out."""
    after: tuple[int, ...]
    """Likewise after a text, such as that of [SEP]."""
    padding: int
    """Id that a model reads at places without a token."""


EXAMPLE_WIDTH = 768
"""Of the embeddings for which sizes and times are given."""
EXAMPLE_TOKENIZERS = {"tokens": Tokenizer("example", "", 30_000, (1,), (2,), 0)}
"""By view; stands for any where sizes and times are given without data."""


class Encoder(Protocol):
    """Turns chunks of text into vectors. The same one serves training and analysis."""

    @property
    def revision(self) -> str:
        """What was fitted or loaded, such as a model's name and commit."""

    @property
    def width(self) -> int:
        """Length D of a vector."""

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        """N chunks to (N, D) float32; the result for a chunk does not depend on its neighbours beyond rounding.

        Alone and in company a chunk's vectors differ by at most 1e-5 of their length. Equal calls give equal bits.
        A chunk of which the encoder knows no part becomes a zero vector.
        """

    def save(self, folder: Path) -> None:
        """Write everything that load needs into an existing empty folder; same state, same bytes."""


@attrs.frozen
class EncoderSpec:
    """A way to make an encoder. Its functions may be named as "package.module:function"."""

    name: str
    meaning: str
    settings: type[Any]
    fit: Callable[[Any, Sequence[str]], Encoder] = attrs.field(converter=to_function)
    """Settings and the chunks of the train split to an encoder."""
    load: Callable[[Path], Encoder] = attrs.field(converter=to_function)
    """Read what save wrote. Raises StoreError if it is not whole."""
    sample: Mapping[str, Any] | None = None
    """Settings with which it is fitted in seconds, from the package alone; None if there are none."""
    minimum_core: str = "0.1"

    def __attrs_post_init__(self) -> None:
        name_builders(self)
