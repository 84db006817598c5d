"""Validation losses of agents as what they are: mean returns with the sign changed, of which the highest is best."""

from __future__ import annotations

from typing import Any


def as_returns(found: Any) -> Any:
    """JSON values with a "return" in place of every "validation_loss"."""
    if isinstance(found, dict):
        rest = {key: as_returns(value) for key, value in found.items() if key != "validation_loss"}
        return {**rest, "return": -found["validation_loss"]} if "validation_loss" in found else rest
    return [as_returns(one) for one in found] if isinstance(found, list | tuple) else found
