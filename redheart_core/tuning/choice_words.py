"""What was chosen for a group, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redheart_core.tuning.choice import CandidateRow, GroupChoice


def verdict(choice: GroupChoice) -> list[str]:
    """What the best candidate gains, and what is taken; a sentence each, without its stop."""
    if len(choice.candidates) == 1:
        return ["no candidate came to its end, so the group keeps its settings"]
    own, best, gain = choice.own, choice.candidate(choice.best), choice.corrected
    if choice.best < 0:
        others = min(one.loss for one in choice.candidates[1:])
        return [
            f"validation loss {own.loss:.5f} with its own settings; the lowest of all candidates is {others:.5f}",
            "kept: its own settings",
        ]
    ends = "" if gain.low is None or gain.high is None else f" [{gain.low:+.5f}, {gain.high:+.5f}]"
    found = (
        f"validation loss {own.loss:.5f} with its own settings, {best.loss:.5f} with those of {candidate_name(best)}: "
        f"{choice.difference.mean:+.5f} (standard error {choice.difference.error:.5f}); corrected for having chosen on "
        f"validation {gain.number:+.5f}{ends}"
    )
    if choice.chosen < 0:
        return [found, "kept: its own settings, as no gain is left after the correction"]
    if gain.is_below(0.0):
        return [found, f"taken: candidate {choice.chosen}; the corrected gain is beyond noise"]
    likelier = ", as the likelier one" if gain.number < 0 else ""
    return [found, f"taken: candidate {choice.chosen}{likelier}; the corrected gain is not beyond noise"]


def candidate_name(one: CandidateRow) -> str:
    """As people call it."""
    return "own settings" if one.number < 0 else f"candidate {one.number}"


def short_name(setting: str, group: str) -> str:
    """ "key" of "kind.NAME.key", where NAME is the group, else "NAME.key"."""
    return setting.partition(".")[2].removeprefix(f"{group}.")
