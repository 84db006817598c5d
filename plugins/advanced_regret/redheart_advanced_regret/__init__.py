"""Regret by imagining what each act would bring: world model, counterfactuals, a decision tree and a posterior."""

from __future__ import annotations

from redheart_advanced_regret.settings import AdvancedRegretSettings
from redheart_core import NodeSpec, Output, hookimpl


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="advanced_regret",
            meaning="regret by imagining what each act would bring in each state",
            adds_nothing="village",
            settings=AdvancedRegretSettings,
            scales={
                "tiny": {"width": 12, "heads": 2, "layers": 1, "recurrent_layers": 1},
                "small": {},
                "base": {"width": 512, "heads": 8, "layers": 2, "recurrent_layers": 3},
                "full": {"width": 768, "heads": 12, "layers": 2, "recurrent_layers": 3},
            },
            reads=("embedding",),
            optional_reads=("history",),
            gives=_outputs(),
            build="redheart_advanced_regret.training:build",
            grown="redheart_advanced_regret.training:grown",
            objective="redheart_advanced_regret.training:objective",
            targets=("regret",),
            optional_targets=(
                "payoffs",
                "state_probability",
                "act_regret",
                "act_max_regret",
                "chosen_act",
                "regret_course",
            ),
            layers=("encoder", "past", "state", "world", "tree", "posterior"),
        )
    ]


def _outputs() -> tuple[Output, ...]:
    return (
        Output("regret", "how much there is to regret: mean of the posterior", "values", low=0.0, high=1.0),
        Output("uncertainty", "standard deviation of the posterior", "values", low=0.0, high=0.5),
        Output("posterior", "both, for the likelihood", "values", (2,), low=0.0, high=1.0),
        Output("estimates", "regret by reading, by the world model, by the tree", "values", (3,), low=0.0, high=1.0),
        Output("payoffs", "score of each act in each state", "values", ("acts",), "payoffs", -1.0, 1.0),
        Output("possible_logits", "whether each act can be done", "logits", ("acts",), needs=("payoffs",)),
        _distribution("state_probability", "probability of each state", "state_probability"),
        Output("state_logits", "the same before the softmax", "logits", labels="state_probability"),
        _distribution("chosen_act", "probability that each act was chosen", "chosen_act"),
        Output("choice_logits", "the same before the softmax", "logits", labels="chosen_act"),
        _per_act("act_regret", "expected regret of each act, from the payoffs", "act_regret"),
        _per_act("act_max_regret", "largest regret of each act, from the payoffs", "act_max_regret"),
        _per_act("tree_regret", "expected regret of each act, by the tree", "act_regret"),
        _per_act("tree_max_regret", "largest regret of each act, by the tree", "act_max_regret"),
        Output("regret_course", "regret at each horizon", "values", (), "regret_course", 0.0, 1.0),
    )


def _distribution(name: str, meaning: str, field: str) -> Output:
    return Output(name, meaning, "probabilities", labels=field, low=0.0, high=1.0)


def _per_act(name: str, meaning: str, field: str) -> Output:
    return Output(name, meaning, "values", labels=field, low=0.0, high=2.0)
