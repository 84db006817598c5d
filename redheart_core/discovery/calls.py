"""Typed calls of the hooks; pluggy itself returns Any."""

from __future__ import annotations

import attrs
import pluggy

from redheart_core.contract.calculators import CalculatorSpec
from redheart_core.contract.data import DatasetSpec, EncoderSpec
from redheart_core.contract.events import EpochFinished, GroupStopped, RunFinished, RunStarted
from redheart_core.contract.nodes import NodeSpec


@attrs.frozen
class Hooks:
    """One method per hook."""

    relay: pluggy.HookRelay

    def provide_datasets(self) -> list[list[DatasetSpec]]:
        return list(self.relay.redheart_provide_datasets())

    def provide_encoders(self) -> list[list[EncoderSpec]]:
        return list(self.relay.redheart_provide_encoders())

    def provide_analyzers(self) -> list[list[NodeSpec]]:
        return list(self.relay.redheart_provide_analyzers())

    def provide_heads(self) -> list[list[NodeSpec]]:
        return list(self.relay.redheart_provide_heads())

    def provide_fusions(self) -> list[list[NodeSpec]]:
        return list(self.relay.redheart_provide_fusions())

    def provide_calculators(self) -> list[list[CalculatorSpec]]:
        return list(self.relay.redheart_provide_calculators())

    def before_run(self, event: RunStarted) -> None:
        self.relay.redheart_before_run(event=event)

    def after_epoch(self, event: EpochFinished) -> None:
        self.relay.redheart_after_epoch(event=event)

    def after_group_stopped(self, event: GroupStopped) -> None:
        self.relay.redheart_after_group_stopped(event=event)

    def after_run(self, event: RunFinished) -> None:
        self.relay.redheart_after_run(event=event)
