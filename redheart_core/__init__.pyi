from .contract.agents import AgentSpec, EnvironmentSpec, Learner, Scene, Seats, Transitions
from .contract.calculators import CalculatorInput, CalculatorSpec
from .contract.catalogue import AFFECT, CATALOGUE
from .contract.data import SPLITS, DatasetSpec, Encoder, EncoderSpec, Record, Upcoming
from .contract.errors import (
    AuditError,
    CheckpointError,
    DataError,
    MissingResourceError,
    PluginError,
    RedheartError,
    SettingsError,
    ShapeError,
    StoreError,
    UndefinedError,
)
from .contract.events import EpochFinished, GroupStopped, RunFinished, RunStarted
from .contract.explanations import (
    EXPLANATION_KINDS,
    ExplainedAnswer,
    ExplainedText,
    ExplanationSpec,
    Reason,
    ReasonRow,
)
from .contract.fields import Field, text_field
from .contract.fitting import FitData, FitPart
from .contract.layers import LAYER_KINDS, LayerAnswers, LayerSpec, LayerTexts
from .contract.markers import hookimpl
from .contract.models import ModelSpec
from .contract.nodes import SCALES, BuildContext, LossTerm, Metric, NodeSpec, Objective, Output
from .contract.signs import SIGN_KINDS, Helpline, SignSpec
from .exact.calculate import calculate
from .groups.active import ActiveNode

__all__ = [
    "AFFECT",
    "CATALOGUE",
    "EXPLANATION_KINDS",
    "LAYER_KINDS",
    "SCALES",
    "SIGN_KINDS",
    "SPLITS",
    "ActiveNode",
    "AgentSpec",
    "AuditError",
    "BuildContext",
    "CalculatorInput",
    "CalculatorSpec",
    "CheckpointError",
    "DataError",
    "DatasetSpec",
    "Encoder",
    "EncoderSpec",
    "EnvironmentSpec",
    "EpochFinished",
    "ExplainedAnswer",
    "ExplainedText",
    "ExplanationSpec",
    "Field",
    "FitData",
    "FitPart",
    "GroupStopped",
    "Helpline",
    "LayerAnswers",
    "LayerSpec",
    "LayerTexts",
    "Learner",
    "LossTerm",
    "Metric",
    "MissingResourceError",
    "ModelSpec",
    "NodeSpec",
    "Objective",
    "Output",
    "PluginError",
    "Reason",
    "ReasonRow",
    "Record",
    "RedheartError",
    "RunFinished",
    "RunStarted",
    "Scene",
    "Seats",
    "SettingsError",
    "ShapeError",
    "SignSpec",
    "StoreError",
    "Transitions",
    "UndefinedError",
    "Upcoming",
    "calculate",
    "hookimpl",
    "text_field",
]
