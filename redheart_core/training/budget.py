"""What a training may hold in memory; without torch."""

from __future__ import annotations

import attrs

from redheart_core.contract.errors import SettingsError


@attrs.frozen
class Budget:
    """What a training may hold at any moment."""

    memory: int
    """Bytes of the training's device; on the CPU the whole process counts."""
    host_memory: int | None = None
    """Bytes of this process beside a device of CUDA, where the states of idle groups lie."""
    turn_steps: int = 0
    """Steps of a turn; 0 stands for an epoch. The result is the same to the last bit."""

    def require_meaning(self, device: str) -> None:
        """Refuse what a type of device, such as cpu or cuda, has no use for.

        Raises:
            SettingsError: Host memory, without a device beside it.
        """
        if device != "cuda" and self.host_memory is not None:
            raise SettingsError(
                f"--host-memory is of a training on CUDA, and the device is {device}: there --memory holds the whole "
                "process, and idle groups lie in files; leave --host-memory out"
            )
