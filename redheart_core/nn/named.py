"""Modules by names that users choose."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView
from functools import cache
from keyword import iskeyword

from torch import nn

_PLAIN = nn.ModuleDict()


class Named(nn.ModuleDict):
    """A ModuleDict that also takes the names of a module's attributes, such as "type", and keywords, such as "class".

    torch refuses the former, and what torch.export writes with the latter is no Python; a data set may name a field so.
    In the names of parameters they get an underscore at the end; all other names stay.
    """

    def __getitem__(self, key: str) -> nn.Module:
        return super().__getitem__(attribute_name(key))

    def __setitem__(self, key: str, module: nn.Module) -> None:
        super().__setitem__(attribute_name(key), module)

    def __contains__(self, key: str) -> bool:
        return super().__contains__(attribute_name(key))

    def __iter__(self) -> Iterator[str]:
        return map(chosen_name, super().__iter__())

    def keys(self) -> KeysView[str]:
        return dict.fromkeys(self).keys()

    def items(self) -> ItemsView[str, nn.Module]:
        return dict(zip(self, self.values(), strict=True)).items()


def attribute_name(name: str) -> str:
    """How a Named calls a module of this name in the names of parameters."""
    return f"{name}_" if _is_taken(name) else name


def chosen_name(attribute: str) -> str:
    """The name of a module that a Named calls so in the names of parameters."""
    return attribute.removesuffix("_") if _is_taken(attribute) else attribute


@cache
def _is_taken(name: str) -> bool:
    plain = name.rstrip("_")
    return iskeyword(plain) or hasattr(_PLAIN, plain)
