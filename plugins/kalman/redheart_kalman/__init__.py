"""A learnt Kalman filter that fuses two trajectories of emotion over the chunks of a text."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_kalman.settings import KalmanSettings

EMOTION = "emotion"


@hookimpl
def redheart_provide_fusions() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="kalman",
            meaning="a learnt Kalman filter that fuses two trajectories of emotion over the chunks of a text",
            adds_nothing="village",
            not_exported="torch.onnx does not translate Cholesky factors, by which the filter solves each step",
            settings=KalmanSettings,
            scales={"tiny": {"hidden": 8}, "small": {"hidden": 16}, "base": {}, "full": {}},
            reads=("neural_emotion.trajectory", "emotion_dsp.trajectory"),
            gives=(
                Output("emotion", "share of each emotion", "probabilities", labels=EMOTION, low=0.0, high=1.0),
                Output("emotion_logits", "mean of the smoothed states as centred log-ratios", "logits", labels=EMOTION),
                Output(
                    "trajectory",
                    "state at each chunk, from this and the earlier ones, as centred log-ratios",
                    "logits",
                    ("T",),
                    labels=EMOTION,
                ),
                Output(
                    "variance",
                    "variance of each log-ratio of the trajectory",
                    "features",
                    ("T",),
                    labels=EMOTION,
                    low=0.0,
                ),
                Output(
                    "weights",
                    "share of the trust in neural_emotion and in emotion_dsp at each chunk",
                    "probabilities",
                    ("T", 2),
                    low=0.0,
                    high=1.0,
                ),
                Output("surprisal", "negative log-likelihood per observed number, in nats", "features"),
            ),
            build="redheart_kalman.training:build",
            grown="redheart_kalman.training:grown",
            objective="redheart_kalman.training:objective",
            targets=(EMOTION,),
            group="dsp_kalman",
            layers=("adapter", "noise", "process"),
        )
    ]
