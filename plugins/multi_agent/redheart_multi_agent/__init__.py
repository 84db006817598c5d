"""Agents that learn continuous actions: DDPG, with MADDPG's central critics and TD3's corrections as options."""

from __future__ import annotations

from redheart_core import AgentSpec, hookimpl
from redheart_multi_agent.settings import MultiAgentSettings


@hookimpl
def redheart_provide_agents() -> list[AgentSpec]:
    """Offer the learner of this plugin."""
    return [
        AgentSpec(
            name="multi_agent",
            meaning="deterministic policies with critics (DDPG), central critics (MADDPG) and TD3's corrections",
            settings=MultiAgentSettings,
            scales={"tiny": {"width": 16}, "small": {}, "base": {"width": 256}, "full": {"width": 512, "depth": 3}},
            build="redheart_multi_agent.learner:build",
            training={
                "batch_size": 256,
                "learning_rate": 0.01,
                "warmup_updates": 0,
                "final_rate": 0.2,
                "weight_decay": 0.0,
                "clip_norm": 10.0,
            },
        )
    ]
