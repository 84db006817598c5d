"""A plugin as the checks see it, and how they complain about it."""

from __future__ import annotations

from typing import Literal

import attrs

from redheart_core.contract.calculators import CalculatorSpec
from redheart_core.contract.data import DatasetSpec, EncoderSpec
from redheart_core.contract.errors import PluginError, RedheartError
from redheart_core.contract.nodes import NodeSpec

Kind = Literal["analyzer", "head", "fusion", "dataset", "encoder", "calculator", "events"]


class ConformanceError(RedheartError, AssertionError):
    """A plugin breaks its contract; the message names it and says what was expected and what came."""


class NotApplicable(Exception):  # noqa: N818 # nothing is wrong when it is raised
    """A check has nothing to look at in this plugin; the message says why."""


@attrs.frozen
class Plugin:
    """One plugin and the one thing that it offers."""

    name: str
    kind: Kind
    spec: NodeSpec | DatasetSpec | EncoderSpec | CalculatorSpec | None
    """None for a plugin that only listens to events."""
    module: str
    """Importable name of the module with the hook implementations."""

    @property
    def node(self) -> NodeSpec:
        """The node's spec.

        Raises:
            PluginError: The plugin offers something else.
        """
        if not isinstance(self.spec, NodeSpec):
            raise PluginError(f"plugin '{self.name}' offers no node (kind: {self.kind})")
        return self.spec

    def require(self, holds: bool, complaint: str) -> None:
        """Raise a ConformanceError that names the plugin unless something holds."""
        if not holds:
            raise ConformanceError(f"plugin '{self.name}': {complaint}")
