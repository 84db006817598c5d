"""Settings of the agents."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, gt, le


@attrs.frozen
class MultiAgentSettings:
    """The [plugins.multi_agent] table."""

    width: int = attrs.field(default=64, validator=ge(1))
    """Of each hidden layer."""
    depth: int = attrs.field(default=2, validator=ge(1))
    """Hidden layers of each network."""
    norm: bool = False
    """Layer norm in each hidden layer."""
    discount: float = attrs.field(default=0.95, validator=[ge(0.0), le(1.0)])
    """Of a reward one step later."""
    tau: float = attrs.field(default=0.1, validator=[gt(0.0), le(1.0)])
    """Share of the learnt networks that the targets take over in each update."""
    actor_rate: float = attrs.field(default=1.0, validator=gt(0.0))
    """Learning rate of the actor beside that of the critics."""
    central: bool = True
    """Critics see what all agents observe and do (MADDPG); otherwise their own agent's alone (DDPG)."""
    twin: bool = False
    """Two critics, of whose targets the lower one counts (TD3)."""
    smoothing: float = attrs.field(default=0.0, validator=ge(0.0))
    """Standard deviation of the noise on the targets' actions (TD3), cut off at 2.5 times that; 0 for none."""
    delay: int = attrs.field(default=1, validator=ge(1))
    """The actor and the targets learn in every so many updates of the critics (TD3)."""
    action_cost: float = attrs.field(default=1e-3, validator=ge(0.0))
    """Weight of the squared outputs of the actor before they are bounded, which keeps its gradient alive."""
    noise: Literal["gaussian", "ornstein_uhlenbeck"] = "gaussian"
    """Of exploration: independent from step to step, or with a memory."""
    noise_scale: float = attrs.field(default=0.8, validator=ge(0.0))
    """Standard deviation of the noise, of actions from -1 to 1, at the start."""
    noise_end: float = attrs.field(default=0.3, validator=ge(0.0))
    """The same at the end; it falls in a straight line."""
    noise_memory: float = attrs.field(default=0.15, validator=[gt(0.0), le(1.0)])
    """Share of Ornstein-Uhlenbeck noise that is forgotten in a step."""
