"""Whether every file that a run of agents, or a team, names is there and as recorded."""

from __future__ import annotations

from pathlib import Path

from redheart_core.agents.progress import JOINT_STATE
from redheart_core.agents.teams import TEAM, read_team
from redheart_core.runs.verifying import Found, verify_own_files
from redheart_core.storage.files import check_sha256


def verify_agents(run: Path) -> Found:
    """Every file that a run of agents names: of its groups, from where all go on, and the teams below it."""
    found, folder = Found(), run / "agents"
    if verify_own_files(run, found) is None:
        return found
    state = folder / "state.json"
    if state.exists() and found.check(lambda: JOINT_STATE.read(state)):
        joint = JOINT_STATE.read(state)
        found.check(lambda: check_sha256(folder / joint.file, joint.sha256))
    for team in sorted(run.iterdir()):
        if (team / "team.json").exists():
            verify_team(team, found)
    return found


def verify_team(folder: Path, found: Found | None = None) -> Found:
    """Every file that a team names.

    Args:
        folder: Of the team.
        found: What is known already.
    """
    found = Found() if found is None else found
    if found.check(lambda: read_team(folder)):
        found.files += len(TEAM.read(folder / "team.json").members)
    return found
