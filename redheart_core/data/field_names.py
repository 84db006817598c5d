"""What a field may be called."""

from __future__ import annotations

import re

from redheart_core.contract.errors import DataError
from redheart_core.contract.nodes import VIEWS

RESERVED = (*VIEWS, "mask", "language")
"""What every node is given by these names."""

ANSWERS_END = ("_logits", "_quantiles")
"""How outputs end that stand beside the answer on a field."""

_NAME = re.compile(r"[^\W\d]\w*")


def check_field_name(name: str, where: str) -> None:
    """A name can stand in "node.field", beside the views of a text, and beside logits and quantiles of answers.

    Args:
        name: Of the field.
        where: Names what declares it, such as "[plugins.my_plugin.fields.mood]".

    Raises:
        DataError: The name is of another form.
    """
    if not _NAME.fullmatch(name) or name in RESERVED or name.endswith(ANSWERS_END):
        raise DataError(
            f"{where}: a field cannot be named '{name}'; a name is one word of letters, digits and underscores that "
            f"does not end in {' or '.join(ANSWERS_END)}, and not {', '.join(RESERVED)}"
        )
