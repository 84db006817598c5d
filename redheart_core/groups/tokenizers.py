"""Which of the data's tokenizers each node reads the tokens of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from redheart_core.contract.data import Tokenizer
from redheart_core.contract.errors import SettingsError
from redheart_core.data.token_views import TOKENS
from redheart_core.data.tokenizer import open_tokenizer
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.plugin_calls import setting_up


def choose_tokenizers(nodes: Iterable[ActiveNode], tokenizers: Mapping[str, Tokenizer]) -> tuple[ActiveNode, ...]:
    """The nodes, each with its view of tokens and, where there was a choice, the SHA-256 of its tokenizer.

    The only tokenizer of the data is that of every node whose table names none. Of several it is the one that the
    table names, or that of the node's own pretrained model.

    Args:
        nodes: Of a run or a model.
        tokenizers: Of the data, by view.

    Raises:
        SettingsError: The data lack the tokenizer of a node, or a node could read any of several; names the node.
    """
    return tuple(_choose(node, tokenizers) for node in nodes)


def _choose(node: ActiveNode, tokenizers: Mapping[str, Tokenizer]) -> ActiveNode:
    if TOKENS not in node.spec.reads:
        if node.tokenizer:
            raise SettingsError(f"[plugins.{node.name}] tokenizer: this plugin reads no tokens; leave it out")
        return node
    if not tokenizers or (len(tokenizers) == 1 and not node.tokenizer):
        return node
    view = _named(node, tokenizers) if node.tokenizer else _own(node, tokenizers)
    return attrs.evolve(node, tokens=view, tokenizer=tokenizers[view].sha256)


def _named(node: ActiveNode, tokenizers: Mapping[str, Tokenizer]) -> str:
    """The view of the tokenizer that the node's table names."""
    said = f"[plugins.{node.name}] tokenizer = {node.tokenizer!r}"
    found = [view for view, one in tokenizers.items() if node.tokenizer in (one.name, one.sha256)]
    if len(found) > 1:
        digests = ", ".join(tokenizers[view].sha256 for view in found)
        raise SettingsError(f"{said}: several of the data are called so; name its SHA-256 instead ({digests})")
    if not found:
        raise SettingsError(
            f"{said}: the data have the tokens of {_listed(tokenizers)}; name one of these, or prepare the data with "
            f"it too: {_remedy(tokenizers, node.tokenizer)}"
        )
    return found[0]


def _own(node: ActiveNode, tokenizers: Mapping[str, Tokenizer]) -> str:
    """The view of the tokenizer that belongs to the node's pretrained model."""
    place = None
    if node.spec.tokenizer is not None:
        with setting_up(node.name, "tokenizer", SettingsError):
            place = node.spec.tokenizer(node.settings)
    if place is None:
        first = next(iter(tokenizers.values())).name
        raise SettingsError(
            f"plugin '{node.name}' can read the tokens of any tokenizer, and the data have those of "
            f"{_listed(tokenizers)}; say which: --set {node.name}.tokenizer={first}"
        )
    wanted = open_tokenizer(place).identity.sha256
    for view, one in tokenizers.items():
        if one.sha256 == wanted:
            return view
    raise SettingsError(
        f"plugin '{node.name}' reads the tokens of {place}, and the data have those of {_listed(tokenizers)}; prepare "
        f"the data with its tokenizer too: {_remedy(tokenizers, place)}"
    )


def _listed(tokenizers: Mapping[str, Tokenizer]) -> str:
    return " and ".join(one.name for one in tokenizers.values())


def _remedy(tokenizers: Mapping[str, Tokenizer], place: str) -> str:
    return f"--set data.tokenizer={'+'.join([*(one.name for one in tokenizers.values()), place])}"
