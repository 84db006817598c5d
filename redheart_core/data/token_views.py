"""Names of the views of tokens: "tokens" is that of the data's first tokenizer, "tokens/2" that of the second.

The tokenizer is in the folder of that name, in a store and in a model alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from redheart_core.contract.data import Tokenizer

TOKENS = "tokens"
"""The first one; what a node calls the one that it reads, whichever that is."""


def token_view(place: int) -> str:
    """The view of a tokenizer by its place among those of the data."""
    return TOKENS if place == 0 else f"{TOKENS}/{place + 1}"


def by_view(first: Tokenizer | None, more: Iterable[Tokenizer]) -> dict[str, Tokenizer]:
    """The tokenizers of data by view."""
    return {} if first is None else {token_view(place): one for place, one in enumerate((first, *more))}


def token_views(names: Iterable[str]) -> tuple[str, ...]:
    """Those of some names that are views of tokens; no field and no output has such a name."""
    return tuple(name for name in names if name.partition("/")[0] == TOKENS)


def tokens_file(view: str) -> str:
    """The file of a store with the tokens of its texts."""
    return f"{view.replace('/', '-')}.safetensors"
