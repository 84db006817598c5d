"""What a training may hold in memory; without torch."""

from __future__ import annotations

import attrs


@attrs.frozen
class Budget:
    """What a training may hold at any moment."""

    memory: int
    """Bytes of the training's device; on the CPU the whole process counts."""
    host_memory: int | None = None
    """Bytes of this process beside a device of CUDA, where the states of idle groups lie."""
    turn_steps: int = 0
    """Steps of a turn; 0 stands for an epoch. The result is the same to the last bit."""
