"""redheart's public API that needs no torch."""

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
from redheart_core._fields import CATALOGUE, Field
from redheart_core._markers import hookimpl
from redheart_core._nodes import SCALES, ActiveNode, BuildContext, LossTerm, Metric, NodeSpec, Objective, Output

__all__ = [
    "CATALOGUE",
    "SCALES",
    "SPLITS",
    "ActiveNode",
    "AuditError",
    "BuildContext",
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
    "hookimpl",
]
