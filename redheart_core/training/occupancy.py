"""Who is on a device while groups take turns: bookkeeping in bytes, the same for the plan and for the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from redheart_core.training.placement import Tenant, choose_leaving


@attrs.frozen
class Need:
    """What a group holds."""

    state: int
    """Bytes of weights and optimizer; they are there as long as the group is on the device."""
    transient: int
    """Bytes beyond them in its turn: gradients, activations, batches, and what validation and saving take."""
    priority: int = 0


@attrs.frozen
class Moves:
    """What has to be moved for a turn."""

    leaving: tuple[str, ...] = ()
    """They leave before the group comes."""
    early_leaving: tuple[str, ...] = ()
    """They leave for the next group while the group computes."""
    early: str | None = None
    """The next group, which is brought while the group computes."""


@attrs.define(eq=False)
class Occupancy:
    """Groups of a tier on a device of limited size."""

    needs: Mapping[str, Need]
    available: int
    """Bytes for all of them together."""
    early: bool
    """Whether the next group is brought while one computes, where there is room for both."""
    present: set[str] = attrs.Factory(set)
    order: tuple[str, ...] = ()
    """In which groups have their turns, over and over."""

    def enter(self, name: str) -> Moves | None:
        """A group gets its turn; None if there is no room for it, whoever leaves."""
        place = self.order.index(name) if name in self.order else 0
        after = tuple(one for one in (*self.order[place:], *self.order[:place]) if one != name)
        leaving = self._leaving(name, (name,), after)
        if leaving is None:
            return None
        self.present = (self.present - {*leaving}) | {name}
        coming = next(iter(after), None)
        if not self.early or coming is None or coming in self.present:
            return Moves(leaving)
        early_leaving = self._leaving(name, (name, coming), after)
        if early_leaving is None:
            return Moves(leaving)
        self.present = (self.present - {*early_leaving}) | {coming}
        return Moves(leaving, early_leaving, coming)

    def held(self, name: str) -> int:
        """Bytes in the turn of a group."""
        return sum(self.needs[one].state for one in self.present | {name}) + self.needs[name].transient

    def _leaving(self, name: str, stay: Sequence[str], after: Sequence[str]) -> tuple[str, ...] | None:
        """Who leaves so that those who stay fit while a group computes."""
        together = self.present | {*stay}
        excess = sum(self.needs[one].state for one in together) + self.needs[name].transient - self.available
        last = len(self.order) + 1
        tenants = [
            Tenant(
                one,
                self.needs[one].state,
                after.index(one) + 1 if one in after else last,
                reload=self.needs[one].state,
                priority=self.needs[one].priority,
                in_use=one in stay,
            )
            for one in sorted(self.present)
        ]
        return choose_leaving(tenants, excess)
