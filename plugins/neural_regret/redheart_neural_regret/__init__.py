"""Regret from the embedding: chunk encoder, LSTM, a soft decision tree and an ensemble."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_neural_regret.settings import NeuralRegretSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="neural_regret",
            meaning="regret from the embedding: chunk encoder, LSTM, a soft decision tree and an ensemble",
            settings=NeuralRegretSettings,
            scales={
                "tiny": {"width": 18, "tree_depth": 2, "members": 3},
                "small": {},
                "base": {"width": 1024, "recurrent_layers": 4, "tree_depth": 5},
                "full": {"width": 1536, "recurrent_layers": 4, "tree_depth": 5},
            },
            reads=("embedding",),
            gives=(
                Output("regret", "how much there is to regret", "values", low=0.0, high=1.0),
                Output("tree", "regret by the decision tree", "values", low=0.0, high=1.0),
                Output("members", "regret as each ensemble member sees it", "values", ("members",), low=0.0, high=1.0),
                Output("uncertainty", "standard deviation of the members", "values", low=0.0, high=0.5),
                Output("act_regret", "expected regret of each act", "values", labels="act_regret", low=0.0, high=2.0),
                Output("regret_course", "regret as time goes by", "values", labels="regret_course", low=0.0, high=1.0),
            ),
            build="redheart_neural_regret.training:build",
            grown="redheart_neural_regret.training:grown",
            objective="redheart_neural_regret.training:objective",
            targets=("regret",),
            optional_reads=("history",),
            optional_targets=("act_regret", "regret_course"),
            layers=("simulator", "propagation", "summary", "tree", "members", "quantifier", "skips"),
        )
    ]
