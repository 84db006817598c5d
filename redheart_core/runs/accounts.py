"""audit.json: what became of every parameter of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import attrs

from redheart_core.storage.locks import updating
from redheart_core.storage.sealed import SealedFile

ACCOUNTED = ("trained", "fitted", "frozen", "idle", "not run")


@attrs.frozen
class ParameterAccount:
    """One parameter tensor."""

    group: str
    plugin: str
    name: str
    elements: int
    state: str
    """"trained"; "fitted" (in closed form); "frozen" (requires_grad False); "idle" (these data teach it nothing, others
    would); "not run" (nothing was computed); otherwise what is wrong."""
    in_optimizer: bool
    live: int
    """Elements that received a non-zero gradient in the audited batches."""
    reason: str = ""
    """Of an idle one: what about the data teaches it nothing."""

    @property
    def accounted(self) -> bool:
        return self.state in ACCOUNTED


@attrs.frozen
class Audit:
    """audit.json: the account of every parameter of the tiers that have begun."""

    accounts: tuple[ParameterAccount, ...]


AUDIT = SealedFile(Audit, "audit", 1, "remove it, and go on with redheart train --resume, which writes it again")


def add_accounts(run: Path, accounts: Sequence[ParameterAccount], own: Collection[str], groups: Sequence[str]) -> None:
    """Write a process's accounts into audit.json, in the order of the groups.

    Args:
        run: Its folder.
        accounts: Of the process's groups that have begun.
        own: The groups that the process trains; what the file says of others stays.
        groups: All of the run, lower tiers first.
    """
    file = run / "audit.json"
    with updating(run):
        others = set(groups) - set(own)
        found = AUDIT.read_if_there(file) if others else None
        kept = [account for account in (found.accounts if found else ()) if account.group in others]
        AUDIT.write(file, Audit(tuple(sorted([*kept, *accounts], key=lambda one: groups.index(one.group)))))
