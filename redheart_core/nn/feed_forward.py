"""Feed-forward blocks, whose hidden units may be removed one by one.

Such a block is a linear map to hidden units, an activation of each unit by itself, and a linear map of these to the
result. Nothing else reads the units, and no norm is among them, so that a block without some of them is a smaller block
of the same kind.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import attrs
from torch import nn

from redheart_core.contract.errors import PluginError


@attrs.frozen(eq=False)
class FeedForward:
    """Where the two linear maps of a block are."""

    module: nn.Module
    """Holds both."""
    first: str
    """The map to the hidden units, as module.get_submodule takes it."""
    second: str
    """The map of the hidden units to the result, likewise."""

    def maps(self) -> tuple[nn.Linear, nn.Linear]:
        """Both maps as they compute now.

        Raises:
            PluginError: They are no linear maps, or the second does not read what the first gives.
        """
        first, second = self._linear(self.first), self._linear(self.second)
        if first.out_features != second.in_features:
            raise PluginError(
                f"{type(self.module).__name__} declares a feed-forward block of '{self.first}', which gives "
                f"{first.out_features} units, and '{self.second}', which reads {second.in_features}; both have to be "
                "the same units"
            )
        return first, second

    def replace(self, first: nn.Linear, second: nn.Linear) -> None:
        """Compute with other maps from now on."""
        self.module.set_submodule(self.first, first)
        self.module.set_submodule(self.second, second)

    def _linear(self, name: str) -> nn.Linear:
        found = self.module.get_submodule(name)
        if isinstance(found, LinearMap):
            found = found.merged()
        if not isinstance(found, nn.Linear):
            raise PluginError(
                f"{type(self.module).__name__} declares '{name}' as a linear map of a feed-forward block, but it is a "
                f"{type(found).__name__}; name an nn.Linear or a LinearMap"
            )
        return found


class HasFeedForward(nn.Module):
    """A module with feed-forward blocks, which `redheart export --prune` finds by this class."""

    @abstractmethod
    def feed_forward(self) -> Sequence[FeedForward]:
        """Its own blocks, in the order in which they compute, without those of the modules that it registers."""
        raise NotImplementedError


class LinearMap(nn.Module):
    """A linear map of several parts, such as a layer and its adapter.

    In a graph (torch.compiler.is_exporting) the parts' sum is one constant, or with parts_are_apart() there are the
    parts, of which several groups share some.
    """

    @abstractmethod
    def merged(self) -> nn.Linear:
        """The same map as one layer."""
        raise NotImplementedError


_APART = ContextVar("_APART", default=False)


@contextmanager
def parts_apart(apart: bool) -> Iterator[None]:
    """Inside, graphs have the parts of linear maps where that is wanted: they take less room and more time."""
    token = _APART.set(apart)
    try:
        yield
    finally:
        _APART.reset(token)


def parts_are_apart() -> bool:
    """Whether a graph that is made now has the parts of linear maps."""
    return _APART.get()


def feed_forward_blocks(root: nn.Module) -> list[FeedForward]:
    """All blocks of a module and of those in it, in their order."""
    return [block for module in root.modules() if isinstance(module, HasFeedForward) for block in module.feed_forward()]
