"""Folders are whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from redheart_core.storage.files import FileError
from redheart_core.storage.new_folder import new_folder
from redheart_core.storage.temporary import is_temporary, temporary_path


def test_a_folder_gets_its_name_when_it_is_filled_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "below" / "made"
    with new_folder(folder) as building:
        (building / "part").write_text("whole")
        assert not folder.exists()
        assert is_temporary(building.name)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "below", "below/made", "below/made/part",
    ]  # fmt: skip


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_of_a_folder_that_fails_nothing_is_left(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), new_folder(tmp_path / "made") as building:  # noqa: PT012  # the error comes late
        (building / "part").write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_made_meanwhile_stays(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="another command has made it in the meantime"):  # noqa: SIM117, PT012
        with new_folder(tmp_path / "made") as building:
            (building / "part").write_text("mine")
            (tmp_path / "made").mkdir()
            (tmp_path / "made" / "part").write_text("theirs")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made" / "part").read_text() == "theirs"


def test_what_a_killed_process_left_under_the_name_is_removed(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        temporary_path(tmp_path / "made").mkdir()
        temporary_path(tmp_path / "other").mkdir()
        os._exit(0)
    os.waitpid(child, 0)
    with new_folder(tmp_path / "made"):
        assert len([path for path in tmp_path.iterdir() if is_temporary(path.name)]) == 2  # its own and other's
    assert len([path for path in tmp_path.iterdir() if is_temporary(path.name)]) == 1
