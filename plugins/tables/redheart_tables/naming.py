"""Labels that a column holds as names, as most tables have them: `topic` with `billing`, or `billing; delivery`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from redheart_core import DataError, Field
from redheart_core.contract.names import composed

_BETWEEN = re.compile("[,;|]")
"""Divides names in a cell; a label has none of them."""
_WITHIN = re.compile(r"[\s-]+")
"""Divides the words of a name, where the label has an underscore."""


def is_named(field: Field) -> bool:
    """Whether names alone can say a value of the field: which labels are 1, or which one is chosen."""
    return bool(field.labels) and not field.axes and (field.binary or field.simplex or field.counts)


def of_names(field: Field, value: str | Sequence[object], where: str) -> dict[str, float] | None:
    """1 for each label that a cell or a list names and 0 for the others; None of a cell without a name.

    A list without a name says that no label is 1, which a cell cannot.

    Args:
        field: One with is_named.
        value: Names, in a cell divided by one of , ; |; spaces and hyphens within one are underscores of the label.
        where: Names the place in messages.

    Raises:
        DataError: A name is none of the labels, or stands twice; or there is another number than one of them where the
            labels share a whole.
    """
    if isinstance(value, str) and not value.strip():
        return None
    cells = _BETWEEN.split(value) if isinstance(value, str) else value
    names = [_label(field, one, where) for one in cells]
    if len({*names}) < len(names):
        raise DataError(f"{where}: a label stands twice in {value!r:.60}")
    if not field.binary and len(names) != 1:
        labels = ", ".join(field.labels)
        raise DataError(f"{where}: expects one of the labels {labels}, got {len(names)} of them: {value!r:.60}")
    return {label: float(label in names) for label in field.labels}


def _label(field: Field, name: object, where: str) -> str:
    if isinstance(name, str):
        written = composed(name.strip())
        for label in (written, _WITHIN.sub("_", written)):
            if label in field.labels:
                return label
    raise DataError(f"{where}: expects names of the labels {', '.join(field.labels)}, got {name!r:.60}")
