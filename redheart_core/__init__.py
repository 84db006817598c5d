"""redheart's public API that needs no torch.

Names are imported when they are first used, as a listing of plugins needs few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redheart_core._calculators import CalculatorInput, CalculatorSpec, calculate
    from redheart_core._catalogue import AFFECT, CATALOGUE
    from redheart_core._data import SPLITS, DatasetSpec, Encoder, EncoderSpec, Record
    from redheart_core._errors import (
        AuditError,
        CheckpointError,
        DataError,
        PluginError,
        RedheartError,
        SettingsError,
        ShapeError,
        StoreError,
    )
    from redheart_core._events import EpochFinished, GroupStopped, RunFinished, RunStarted
    from redheart_core._fields import Field
    from redheart_core._markers import hookimpl
    from redheart_core._nodes import SCALES, ActiveNode, BuildContext, LossTerm, Metric, NodeSpec, Objective, Output

__all__ = [
    "AFFECT",
    "CATALOGUE",
    "SCALES",
    "SPLITS",
    "ActiveNode",
    "AuditError",
    "BuildContext",
    "CalculatorInput",
    "CalculatorSpec",
    "CheckpointError",
    "DataError",
    "DatasetSpec",
    "Encoder",
    "EncoderSpec",
    "EpochFinished",
    "Field",
    "GroupStopped",
    "LossTerm",
    "Metric",
    "NodeSpec",
    "Objective",
    "Output",
    "PluginError",
    "Record",
    "RedheartError",
    "RunFinished",
    "RunStarted",
    "SettingsError",
    "ShapeError",
    "StoreError",
    "calculate",
    "hookimpl",
]

_HOMES = {
    "_calculators": ("CalculatorInput", "CalculatorSpec", "calculate"),
    "_data": ("DatasetSpec", "Encoder", "EncoderSpec", "Record", "SPLITS"),
    "_errors": (
        "AuditError",
        "CheckpointError",
        "DataError",
        "PluginError",
        "RedheartError",
        "SettingsError",
        "ShapeError",
        "StoreError",
    ),
    "_events": ("EpochFinished", "GroupStopped", "RunFinished", "RunStarted"),
    "_catalogue": ("AFFECT", "CATALOGUE"),
    "_fields": ("Field",),
    "_markers": ("hookimpl",),
    "_nodes": ("ActiveNode", "BuildContext", "LossTerm", "Metric", "NodeSpec", "Objective", "Output", "SCALES"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value
