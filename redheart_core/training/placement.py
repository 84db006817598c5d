"""Which idle groups leave a device so that another one fits: a pure function, the only place where this is decided."""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen
class Tenant:
    """A group whose state is on the device."""

    name: str
    size: int
    """Bytes that become free when it leaves."""
    idle: int
    """Turns of others until its next one. Turns come in a known order, so that this is known; the one that is needed
    last leaves first, which moves the least (Belady 1966)."""
    reload: int
    """What it costs to bring it back, in bytes that are moved."""
    priority: int = 0
    """A lower one leaves first, whatever the sizes."""
    in_use: bool = False
    """It never leaves."""


def choose_leaving(tenants: Sequence[Tenant], excess: int) -> tuple[str, ...] | None:
    """Who leaves so that some bytes become free, in this order; None if all that are idle hold less.

    Larger, longer idle and cheaper to reload means to leave earlier. Nobody leaves once enough is free.

    Args:
        tenants: All that are on the device, each name once.
        excess: Bytes that have to become free; nobody leaves if there are none.
    """
    leaving, freed = [], 0
    for one in sorted((one for one in tenants if not one.in_use), key=_rank):
        if freed >= excess:
            break
        leaving.append(one.name)
        freed += one.size
    return tuple(leaving) if freed >= excess else None


def _rank(one: Tenant) -> tuple[int, float, str]:
    return one.priority, -one.size * one.idle / max(one.reload, 1), one.name
