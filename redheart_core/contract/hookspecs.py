"""Every hook, in the order the host calls them.

A hook is called at set-up or once an epoch, never per batch; redheart_provide_* once, when plugins are loaded. The
implementations are imported with the plugin, so they must not import torch; the functions inside their specs may.

Legend of tensor shapes: B records, T chunks of a text, D features, L labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redheart_core.contract.markers import hookspec

if TYPE_CHECKING:
    from redheart_core.contract.agents import AgentSpec, EnvironmentSpec
    from redheart_core.contract.calculators import CalculatorSpec
    from redheart_core.contract.data import DatasetSpec, EncoderSpec
    from redheart_core.contract.events import EpochFinished, GroupStopped, RunFinished, RunStarted
    from redheart_core.contract.explanations import ExplanationSpec
    from redheart_core.contract.layers import LayerSpec
    from redheart_core.contract.models import ModelSpec
    from redheart_core.contract.nodes import NodeSpec
    from redheart_core.contract.signs import SignSpec


@hookspec
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer data sets."""
    raise NotImplementedError


@hookspec
def redheart_provide_encoders() -> list[EncoderSpec]:
    """Offer encoders from text to vectors."""
    raise NotImplementedError


@hookspec
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer analyzers: nodes that read fields or outputs of other groups."""
    raise NotImplementedError


@hookspec
def redheart_provide_heads() -> list[NodeSpec]:
    """Offer heads: nodes that read a module which the heads of their group share and train."""
    raise NotImplementedError


@hookspec
def redheart_provide_fusions() -> list[NodeSpec]:
    """Offer fusions: nodes that read several nodes' outputs for one task."""
    raise NotImplementedError


@hookspec
def redheart_provide_calculators() -> list[CalculatorSpec]:
    """Offer exact calculators for arrays that a user gives; they take no part in training."""
    raise NotImplementedError


@hookspec
def redheart_provide_environments() -> list[EnvironmentSpec]:
    """Offer environments in which agents act."""
    raise NotImplementedError


@hookspec
def redheart_provide_agents() -> list[AgentSpec]:
    """Offer ways in which agents learn from what they do in an environment."""
    raise NotImplementedError


@hookspec
def redheart_provide_models() -> list[ModelSpec]:
    """Offer trained models that the package holds; redheart.load finds them by name, active or not."""
    raise NotImplementedError


@hookspec
def redheart_provide_signs() -> list[SignSpec]:
    """Offer patterns for signs of a crisis in further languages or of further kinds, and helplines for them.

    The signs of every installed package count, active or not. They add to what core finds and take nothing of it back:
    help for a person in crisis cannot be switched off.
    """
    raise NotImplementedError


@hookspec
def redheart_provide_layers() -> list[LayerSpec]:
    """Offer layers of verification; every model is assembled with those of all installed packages, active or not."""
    raise NotImplementedError


@hookspec
def redheart_provide_explanations() -> list[ExplanationSpec]:
    """Offer explanations; those of all installed packages are given, active or not, where reasons are asked for."""
    raise NotImplementedError


@hookspec
def redheart_before_run(event: RunStarted) -> None:
    """A training run is about to start or to go on. Called once a process."""


@hookspec
def redheart_after_epoch(event: EpochFinished) -> None:
    """A group has finished an epoch; its checkpoint is safe. Called once per group and epoch."""


@hookspec
def redheart_after_group_stopped(event: GroupStopped) -> None:
    """A group has stopped at a fault. Called at most once per group."""


@hookspec
def redheart_after_run(event: RunFinished) -> None:
    """All groups are done. Called once, not after a kill."""
