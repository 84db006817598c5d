"""What causes bring together, alone and alike: SURD parts and paths from the text, transfer entropy from mood logs."""

from __future__ import annotations

from redheart_advanced_surd.settings import AdvancedSurdSettings
from redheart_core import NodeSpec, Output, hookimpl


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="advanced_surd",
            meaning="synergistic, unique and redundant parts of causes by ten paths, and transfer between two persons",
            settings=AdvancedSurdSettings,
            scales={
                "tiny": {"width": 16, "heads": 2, "causal_width": 32, "causal_heads": 2, "transfer_width": 8},
                "small": {},
                "base": {"width": 384, "heads": 8, "causal_width": 128, "causal_heads": 8, "transfer_width": 64},
                "full": {"width": 512, "heads": 8, "causal_width": 128, "causal_heads": 8, "transfer_width": 128},
            },
            reads=("embedding",),
            optional_reads=("mood_log",),
            gives=(
                _distribution("causal_parts", "share of each part of the outcome's entropy", "causal_parts"),
                Output("parts_logits", "the same before the softmax", "logits", labels="causal_parts"),
                _distribution("causal_paths", "share of each path, of which the parts are sums", "causal_paths"),
                Output("paths_logits", "the same before the softmax", "logits", labels="causal_paths"),
                Output(
                    "transfer",
                    "transfer entropy in nats",
                    "values",
                    labels="transfer",
                    low=0.0,
                    needs=("mood_log",),
                ),
            ),
            build="redheart_advanced_surd.training:build",
            grown="redheart_advanced_surd.training:grown",
            objective="redheart_advanced_surd.training:objective",
            targets=("causal_parts",),
            optional_targets=("causal_paths", "transfer"),
            layers=("encoder", "attention", "decomposition", "causal", "transfer", "skips"),
        )
    ]


def _distribution(name: str, meaning: str, field: str) -> Output:
    return Output(name, meaning, "probabilities", labels=field, low=0.0, high=1.0)
