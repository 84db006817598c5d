"""Emotion as a signal over the chunks of a text: bands, envelopes, resonance, reverb, synthesiser."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_emotion_dsp.settings import EmotionDspSettings

EMOTION = "emotion"


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="emotion_dsp",
            meaning="emotion as a signal over the chunks of a text: bands, envelopes, resonance, reverb, synthesiser",
            adds_nothing="village",
            not_exported="a graph of its overlapping frames would hold for one number of chunks alone",
            settings=EmotionDspSettings,
            scales={
                "tiny": {"width": 12, "heads": 2},
                "small": {},
                "base": {"width": 256},
                "full": {"width": 384},
            },
            reads=("embedding",),
            gives=(
                Output("emotion", "share of each emotion", "probabilities", labels=EMOTION, low=0.0, high=1.0),
                Output("emotion_logits", "the same before the softmax", "logits", labels=EMOTION),
                Output("trajectory", "emotion of each chunk before the softmax", "logits", ("T",), labels=EMOTION),
                Output(
                    "spectrum",
                    "energy of the trajectory per chunk at 0 to 0.5 cycles per chunk, before any filter",
                    "features",
                    ("bins",),
                    labels=EMOTION,
                    low=0.0,
                ),
                Output(
                    "adsr",
                    "attack, decay (chunks), sustain (share of the peak) and release (chunks) of the envelope",
                    "features",
                    (4,),
                    labels=EMOTION,
                    low=0.0,
                ),
                Output("valence_arousal", "mean valence and arousal of the chunks", "features", (2,), None, -1.0, 1.0),
                Output(
                    "resonance",
                    "radius, frequency (cycles per chunk) and share of each resonator",
                    "features",
                    (3,),
                    labels=EMOTION,
                    low=0.0,
                    high=1.0,
                ),
                Output("decay_time", "time in which the reverb falls by 60 dB", "features", (), EMOTION, low=0.0),
            ),
            build="redheart_emotion_dsp.training:build",
            grown="redheart_emotion_dsp.training:grown",
            objective="redheart_emotion_dsp.training:objective",
            targets=(EMOTION,),
            group="dsp_kalman",
            layers=("encoder", "skips", "drive", "envelope", "compressor", "resonance", "reverb", "synthesiser"),
        )
    ]
