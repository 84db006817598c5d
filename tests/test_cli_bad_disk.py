"""Damaged files, full disks and folders that cannot be written, at the front door: nothing is lost."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from front_door import DATA, GROUPS, SMALL, Finished, check_refusal, flip_byte, hashes, redheart, refuse, succeed
from own_process import redheart_process, started

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "redheart-test", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def read_only(finished: Finished, tmp_path: Path) -> Iterator[Path]:
    """A folder with a copy of the run, in which nothing may be written."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    everything = [folder, finished.copy(folder), *(folder / "run").rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in everything:
        path.chmod(0o755 if path.is_dir() else 0o644)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))


def obey_permissions() -> None:
    """Root gives up the right to pass over the permissions of files."""
    # See capabilities(7): the header names the version and this process; bits 1 and 2 are CAP_DAC_OVERRIDE and
    # CAP_DAC_READ_SEARCH. Threads of their own are not there yet, as the process has just been forked.
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capget(header, data) == 0, os.strerror(ctypes.get_errno())
    data[0] &= ~0b110
    assert libc.capset(header, data) == 0, os.strerror(ctypes.get_errno())


def limit_file_sizes() -> None:
    # More than the weights of a group and what an inspection of the data puts aside, less than a state to resume from.
    resource.setrlimit(resource.RLIMIT_FSIZE, (140_000, resource.RLIM_INFINITY))


def test_a_flipped_byte_in_the_newest_checkpoint_stops_its_group_alone(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    victim = run / "groups" / "neural_surd" / "epoch-0003.safetensors"
    whole = victim.read_bytes()
    flip_byte(victim)
    before = hashes(run / "groups")
    answer = redheart("train", "--resume", "-o", "run", "--json", cwd=tmp_path)
    assert answer.code == 3, answer.err
    (reason,) = answer.json()["stopped"].values()
    assert set(answer.json()["stopped"]) == {"neural_surd"}
    assert "epoch-0003.safetensors is damaged or was replaced: its SHA-256 is" in reason
    assert "restore it from a copy" in reason
    assert hashes(run / "groups") == before
    victim.write_bytes(whole)
    assert succeed("train", "--resume", "-o", "run", "--json", cwd=tmp_path).json()["stopped"] == {}
    assert hashes(run / "groups") == hashes(finished.folder / "groups")


def test_a_flipped_byte_is_not_assembled_evaluated_or_asked(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    flip_byte(run / "groups" / "neural_surd" / "epoch-0001.safetensors")
    flip_byte(run / "model" / "groups" / "backbone.safetensors")
    says = ["epoch-0001.safetensors is damaged", "SHA-256"]
    refuse("crossover", "run", "-o", "second", "--epoch", "neural_surd=1", cwd=tmp_path, says=says)
    assert not (tmp_path / "second").exists()
    refuse("analyze", "run/model", "I told him.", cwd=tmp_path, says=["groups/backbone.safetensors is damaged"])
    flip_byte(run / "store" / "embedding-00000.safetensors")
    refuse("evaluate", "run/model", cwd=tmp_path, says=["embedding-00000.safetensors is damaged"])
    assert len((run / "test_reads.jsonl").read_text().splitlines()) == 1


def test_a_limit_on_file_sizes_stops_the_save_and_without_it_the_run_goes_on(
    finished: Finished, tmp_path: Path
) -> None:
    begin: tuple[str | Path, ...] = ("-o", "run", "--store", finished.store, *SMALL)
    limited = redheart_process("train", *begin, cwd=tmp_path, before=limit_file_sizes)
    check_refusal(limited, ["cannot write run/groups/", "ulimit -f", "untouched"])
    assert not [path for path in (tmp_path / "run").rglob("*") if path.name.startswith(".")]
    assert succeed("train", "--resume", "-o", "run", "--json", cwd=tmp_path).json()["stopped"] == {}
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")


def test_a_disk_that_fills_up_loses_nothing_and_with_space_the_run_goes_on(
    finished: Finished, small_disk: Path
) -> None:
    groups = small_disk / "run" / "groups"
    with started("train", "-o", "run", "--store", finished.store, *SMALL, cwd=small_disk) as command:
        command.wait_until(lambda: bool(list(groups.glob("*/epoch-0001.safetensors"))))
        command.send(signal.SIGSTOP)
        filler = small_disk / "filler"
        fill(filler)
        command.send(signal.SIGCONT)
        answer = command.wait()
    message = check_refusal(answer, [])
    assert "No space left on device; free some space and run the command again" in message
    kept = {name: digest for name, digest in hashes(groups).items() if name.endswith("epoch-0001.safetensors")}
    assert kept
    filler.unlink()
    assert succeed("train", "--resume", "-o", "run", "--json", cwd=small_disk).json()["stopped"] == {}
    assert hashes(groups) == hashes(finished.folder / "groups")
    assert kept.items() <= hashes(groups).items()


def test_a_disk_that_is_too_small_is_refused_before_anything_is_trained(finished: Finished, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(24 * 2**20 - 400_000))
    says = ["the run needs 2 MB", "free some, choose another folder"]
    refuse("train", "-o", "run", "--store", finished.store, *SMALL, cwd=small_disk, says=says)
    assert not list(small_disk.glob("run/groups/*/epoch-*"))


def test_a_folder_without_write_permission_is_refused_and_unchanged(read_only: Path) -> None:
    before = hashes(read_only)
    says = ["cannot write", "Permission denied", "choose a folder that you may write to"]
    commands: tuple[tuple[str, ...], ...] = (
        ("data", "prepare", "-o", "new", *DATA),
        ("train", "-o", "new", "--store", "run/store", *SMALL),
        ("sweetspot", "run"),
        ("crossover", "run", "-o", "second"),
        ("evaluate", "run/model"),
        ("report", "run"),
    )
    for arguments in commands:
        check_refusal(redheart_process(*arguments, cwd=read_only, before=obey_permissions), says)
    reading = redheart_process(
        "analyze", "run/model", "I told him the truth.", "--json", cwd=read_only, before=obey_permissions
    )
    assert reading.code == 0, reading.err
    assert {finding["group"] for finding in reading.json()["findings"]} == set(GROUPS)
    assert hashes(read_only) == before


def test_a_model_cannot_be_made_inside_a_file(finished: Finished, tmp_path: Path) -> None:
    finished.copy(tmp_path)
    (tmp_path / "file").write_text("mine")
    refuse("crossover", "run", "-o", "file/model", cwd=tmp_path, says=["cannot write file", "choose another"])
    assert (tmp_path / "file").read_text() == "mine"
