"""The table [agents] of plugins.toml."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt


@attrs.frozen
class AgentsSettings:
    """How much agents do, what they remember, and whether they listen to each other."""

    episodes: int = attrs.field(default=250, validator=ge(1))
    """In which the agents learn, per epoch."""
    together: int = attrs.field(default=50, validator=ge(1))
    """Episodes that are played side by side, with one call of each actor for all of them; then the agents learn."""
    updates: int = attrs.field(default=2, validator=ge(1))
    """Of each agent after every episode."""
    begin: int = attrs.field(default=1000, validator=ge(1))
    """Steps with random actions that are remembered before the first epoch."""
    replay: int = attrs.field(default=100_000, validator=ge(1))
    """Newest steps that are remembered."""
    evaluation_episodes: int = attrs.field(default=30, validator=ge(2))
    """Episodes without noise after each epoch, the same ones every time."""
    comparison_episodes: int = attrs.field(default=200, validator=ge(2))
    """In which teams of checkpoints are compared."""
    steps: int = attrs.field(default=1000, validator=ge(1))
    """After which an episode is cut off that the environment has not ended."""
    shared: bool = False
    """Agents learn from each other's experience as if it were their own; their spaces have to be equal."""
    communication: bool = False
    """Each agent also observes the mean of what the others observe, weighted by how well these did in the epoch
    before; their spaces have to be equal."""
    temperature: float = attrs.field(default=1.0, validator=gt(0.0))
    """Of the weights of communication: returns are divided by their standard deviation over the agents, and by this."""
