"""redheart push, pull and train --mirror, with an object store in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from front_door import GROUPS, Finished, flip_byte, hashes, refuse, succeed
from fsspec.implementations.memory import MemoryFileSystem

import redheart
from redheart_core.contract.errors import RedheartError


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A folder in the object store of this process, which is empty afterwards."""
    yield f"memory:/{tmp_path}/bucket"
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.mark.slow
def test_a_run_goes_on_from_an_object_store_and_has_the_files_of_the_first_machine(
    finished: Finished, tmp_path: Path, url: str
) -> None:
    answer = succeed("push", finished.folder, url, cwd=tmp_path)
    assert answer.out.startswith(f"{url}: sent ")
    assert ", 0 were there" in answer.out
    assert f"{url}: sent 0 files (0.0 MB), " in succeed("push", finished.folder, url, cwd=tmp_path).out
    answer = succeed("train", "--resume", "-o", "run", "--mirror", url, "--only", GROUPS[0], cwd=tmp_path)
    assert f"{url}: fetched 9 files" in answer.err
    assert hashes(tmp_path / "run/groups" / GROUPS[0]) == hashes(finished.folder / "groups" / GROUPS[0])
    succeed("pull", url, "run", cwd=tmp_path)
    assert hashes(tmp_path / "run/groups") == hashes(finished.folder / "groups")
    assert hashes(tmp_path / "run")["audit.json"] == hashes(finished.folder)["audit.json"]
    assert succeed("verify", "run", cwd=tmp_path).code == 0
    flip_byte(tmp_path / "run/groups" / GROUPS[1] / "epoch-0002.safetensors")
    assert "run: fetched 1 file " in succeed("pull", url, "run", cwd=tmp_path).out
    assert hashes(tmp_path / "run/groups") == hashes(finished.folder / "groups")
    refuse("pull", url, finished.model, cwd=tmp_path, says=["holds something else already (manifest.json)"])


def test_a_model_is_opened_from_an_object_store(finished: Finished, tmp_path: Path, url: str) -> None:
    succeed("push", finished.model, url, cwd=tmp_path)
    assert ": sent 0 files" in succeed("push", finished.model, url, cwd=tmp_path).out
    redheart.pull(url, tmp_path / "model")
    assert hashes(tmp_path / "model") == hashes(finished.model)
    other = Path(shutil.copytree(finished.model, tmp_path / "other"))
    flip_byte(next(iter(sorted((other / "groups").rglob("*.safetensors")))))
    with pytest.raises(RedheartError, match=r"other is not sent: .* is damaged or was replaced"):
        redheart.push(other, url)
    (other / "manifest.json").write_text("{}")
    with pytest.raises(RedheartError, match=r"holds another model than .*; choose another folder"):
        redheart.pull(url, other)


def test_what_is_wrong_is_said(finished: Finished, tmp_path: Path, url: str) -> None:
    refuse("pull", url, "run", cwd=tmp_path, says=["holds no run and no model; redheart push FOLDER"])
    refuse("push", "nothing", url, cwd=tmp_path, says=["nothing holds no model (no manifest.json)"])
    refuse("push", finished.model, "bucket/run", cwd=tmp_path, says=["expects a URL of a folder such as s3://"])
    secret = refuse("pull", "s3://me:secret@bucket/run", "run", cwd=tmp_path, says=["'s3://bucket/run' was given with"])
    assert "secret" not in secret
    refuse("train", "--resume", "-o", "run", "--mirror", url, cwd=tmp_path, says=["run holds no run"])
    agents = ("train", "--data", "pettingzoo", "-o", "run", "--mirror", url)
    refuse(*agents, cwd=tmp_path, says=["--mirror out"])
