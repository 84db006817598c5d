"""redheart train --only: several commands train the groups of one run in a shared folder."""

from __future__ import annotations

from pathlib import Path

from front_door import GROUPS, SMALL, Finished, hashes, refuse, succeed


def test_groups_by_hand_end_in_the_files_of_one_command(finished: Finished, tmp_path: Path) -> None:
    begin: tuple[str | Path, ...] = ("train", "-o", "run", "--store", finished.store, *SMALL)
    first, second, third = GROUPS
    assert succeed(*begin, "--only", second, "--json", cwd=tmp_path).json() == {"run": "run", "stopped": {}}
    succeed(*begin, "--only", first, cwd=tmp_path)
    assert succeed("watch", "run", "--once", "--json", cwd=tmp_path).json()["state"] == "interrupted"
    succeed("train", "--resume", "-o", "run", "--only", third, "--wait", "1", cwd=tmp_path)
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    assert succeed("watch", "run", "--once", "--json", cwd=tmp_path).json()["state"] == "finished"


def test_what_is_wrong_with_the_choice_is_said(finished: Finished, tmp_path: Path) -> None:
    begin: tuple[str | Path, ...] = ("train", "-o", "run", "--store", finished.store, *SMALL)
    refuse(*begin, "--only", "nobody", cwd=tmp_path, says=["there is no group 'nobody'", "groups: backbone"])
    succeed(*begin, "--only", GROUPS[0], cwd=tmp_path)
    refuse(*begin, "--only", GROUPS[1], "--seed", "7", cwd=tmp_path, says=["begun otherwise", "seed was"])
    refuse(*begin, "--wait", "nan", cwd=tmp_path, says=["nan is not a finite number"], code=2)
