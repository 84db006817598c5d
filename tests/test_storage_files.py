"""Files are whole or absent, and damage is named."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
import safetensors.torch
import torch

from redheart_core import CheckpointError, RedheartError, StoreError
from redheart_core.storage.files import (
    FileError,
    hash_tensors,
    load_tensors,
    make_folder,
    read_json,
    save_tensors,
    sha256,
    to_json,
    write_atomically,
    write_bytes,
)
from redheart_core.storage.locks import locked
from redheart_core.storage.temporary import remove_stale, temporary_path
from redheart_core.storage.tensor_file import DTYPES, tensor_file


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_written_file_holds_the_bytes_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"old")
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_only_what_a_dead_process_left_unfinished_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    mine = temporary_path(tmp_path / "a")
    dead = tmp_path / mine.name.replace(f".{os.getpid()}-", f".{ended.pid}-")
    elsewhere = tmp_path / dead.name.replace(dead.name.split("-")[1], "0" * 8, 1)
    others = [mine, elsewhere, tmp_path / ".a.tmp", tmp_path / "epoch-0001-copy.safetensors"]
    for file in (dead, *others):
        file.write_bytes(b"half of something")
    link = tmp_path / dead.name.replace(".a.", ".b.")
    link.symlink_to(others[-1])
    remove_stale(tmp_path)
    assert names(tmp_path) == sorted(path.name for path in (*others, link))


def test_the_next_write_in_a_folder_removes_what_killed_writes_left_there(tmp_path: Path) -> None:
    kill = "import os, sys; from pathlib import Path; from redheart_core.storage.files import write_atomically\n"
    kill += "write_atomically(Path(sys.argv[1]), lambda file: (file.write(b'half'), os._exit(9)))"
    assert subprocess.run([sys.executable, "-c", kill, str(tmp_path / "sweetspot.json")]).returncode == 9
    assert [name.endswith(".tmp") for name in names(tmp_path)] == [True]
    write_bytes(tmp_path / "run.json", b"{}")
    assert names(tmp_path) == ["run.json"]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "choose a folder"), (errno.EIO, "fix that")],
)
@pytest.mark.parametrize("call", ["writer", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, remedy: str
) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def half(file: BinaryIO) -> None:
        file.write(b"half")
        if call == "writer":
            fail()

    if call != "writer":
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(FileError, match=f"cannot write {path}: {os.strerror(number)}; {remedy}") as caught:
        write_atomically(path, half)
    assert isinstance(caught.value, RedheartError)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_real_limit_of_the_system_is_reported_and_cleaned_up(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(FileError, match=r"big\.safetensors: File too large; raise the limit"):
            save_tensors(tmp_path / "big.safetensors", {"x": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_another_error_of_the_writer_passes_and_is_cleaned_up_too(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", fail)
    assert names(tmp_path) == []


def test_the_file_and_its_name_are_on_disk_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_sync(handle: int) -> None:
        calls.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def note_replace(source: Path, target: Path) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_bytes(tmp_path / "a", b"x")
    assert calls[1:] == ["rename", tmp_path.name]
    assert calls[0].startswith(".a.")


@pytest.mark.parametrize("call", ["file", "folder"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path, call: str) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(FileError, match=r"cannot write .*choose another folder; "):
        write_bytes(tmp_path / "f" / "a", b"") if call == "file" else make_folder(tmp_path / "f")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="Permission denied; choose a folder that you may write to"):
        write_bytes(tmp_path / "a", b"")


def test_equal_values_give_equal_json_bytes() -> None:
    value = {"b": 0.1, "a": ["한"]}
    assert to_json(value) == to_json({"a": ["한"], "b": 0.1})
    assert json.loads(to_json(value)) == value


def test_json_refuses_numbers_that_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"loss": float("nan")})


def test_missing_and_damaged_files_are_named_with_the_caller_s_error(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text('{"a": ')
    with pytest.raises(CheckpointError, match=r"none is missing"):
        read_json(tmp_path / "none")
    with pytest.raises(StoreError, match=r"bad is damaged: not JSON"):
        read_json(tmp_path / "bad", StoreError)
    with pytest.raises(StoreError, match=r"none is missing"):
        sha256(tmp_path / "none", StoreError)


def test_tensors_come_back_bit_for_bit_and_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    stream = torch.Generator().manual_seed(0)
    tensors = {
        "w": torch.randn(3, 4, generator=stream),
        "t": torch.randn(4, 3, generator=stream).t(),
        "n": torch.tensor(float("nan")),
        "b": torch.randn(2, generator=stream).bfloat16(),
        "i": torch.arange(3),
        "e": torch.zeros(0, 2),
    }
    digest = save_tensors(tmp_path / "a", tensors)
    assert digest == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest() == sha256(tmp_path / "a")
    loaded = load_tensors(tmp_path / "a", digest)
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name].nan_to_num(7.0), tensor.nan_to_num(7.0))
    assert save_tensors(tmp_path / "b", dict(reversed(tensors.items()))) == digest


def every_type(stream: torch.Generator) -> dict[str, torch.Tensor]:
    """Tensors of all types, some empty or without dimensions, with names that need escapes."""
    found = {f"{dtype}": torch.randn(3, 5, generator=stream).mul(9).abs().to(dtype) for dtype in DTYPES}
    found |= {f"none of {dtype}": torch.zeros(0, 2, dtype=dtype) for dtype in (torch.float16, torch.int64)}
    names = ("one", "ä", "가.b", 'quoted "x" \\ \t \x01 \x7f', "Z", "a/b", "😀", "\uffff")
    return found | {name: torch.randn((), generator=stream) for name in names}


def test_the_bytes_are_those_of_the_safetensors_library(tmp_path: Path) -> None:
    stream = torch.Generator().manual_seed(0)
    for tensors in (every_type(stream), {"w": torch.randn(7, generator=stream)}, {}):
        digest = save_tensors(tmp_path / "a", tensors)
        assert (tmp_path / "a").read_bytes() == safetensors.torch.save(tensors)
        assert digest == hash_tensors(tensors) == sha256(tmp_path / "a")


def test_files_of_the_safetensors_library_are_read_as_it_reads_them(tmp_path: Path) -> None:
    stream = torch.Generator().manual_seed(0)
    for tensors in (every_type(stream), {"w": torch.randn(7, generator=stream)}, {}):
        for metadata in (None, {"format": "pt"}):
            safetensors.torch.save_file(tensors, tmp_path / "a", metadata)
            found = load_tensors(tmp_path / "a", sha256(tmp_path / "a"))
            assert found.keys() == tensors.keys()
            for name, tensor in safetensors.torch.load_file(tmp_path / "a").items():
                assert found[name].dtype == tensor.dtype
                assert found[name].equal(tensor)


def test_tensors_are_read_into_memory_that_fits_them_and_into_their_own_where_it_does_not(tmp_path: Path) -> None:
    whole = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7.0), "c": torch.ones(4)}
    digest = save_tensors(tmp_path / "a", whole)
    into = {name: torch.zeros_like(tensor) for name, tensor in whole.items()} | {"other": torch.zeros(1)}
    found = load_tensors(tmp_path / "a", digest, into=into)
    assert found.keys() == whole.keys()
    assert all(found[name] is into[name] and found[name].equal(tensor) for name, tensor in whole.items())
    for other in (
        torch.zeros(3, 2), torch.zeros(6), torch.zeros(2, 3).double(), torch.zeros(3, 2).t(),
        torch.zeros(2, 3).requires_grad_(), torch.zeros(2, 3, device="meta"),
    ):  # fmt: skip
        found = load_tensors(tmp_path / "a", digest, into={"a": other})
        assert found["a"] is not other
        assert found["a"].equal(whole["a"])


def test_a_file_of_tensors_with_any_byte_changed_lost_or_added_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a"
    digest = save_tensors(path, {"w": torch.arange(3.0), "b": torch.ones(2, dtype=torch.bool), "e": torch.ones(0, 2)})
    data = path.read_bytes()
    changed = [
        data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :] for place in range(len(data)) for bit in (1, 128)
    ]
    changed += [data[:end] for end in range(len(data))] + [data + b"\0", data + data, b"\xff" * len(data)]
    for one in changed:
        path.write_bytes(one)
        with pytest.raises(CheckpointError, match=f"{path} is damaged or was replaced.* recorded is {digest}"):
            load_tensors(path, digest)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{",
        b'{"w": 1}',
        b'{"w": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}',
        b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
        b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}',
        b"[" * 100_000,
    ],
)
def test_a_file_of_something_else_is_said_to_be_none_of_tensors(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(CheckpointError, match=f"{path} is no safetensors file"):
        load_tensors(path, sha256(path))


def test_a_file_of_tensors_is_never_in_memory_as_a_whole() -> None:
    """The parts of contiguous tensors are the tensors' own memory."""
    tensors = {name: torch.zeros(1000) for name in "abc"}
    _, _, *parts = tensor_file(tensors)
    for tensor, part in zip(tensors.values(), parts, strict=True):
        tensor += 1
        assert bytes(part) == tensor.numpy().tobytes()


def test_one_flipped_byte_is_found_and_both_hashes_are_shown(tmp_path: Path) -> None:
    digest = save_tensors(tmp_path / "a", {"w": torch.ones(8)})
    data = bytearray((tmp_path / "a").read_bytes())
    data[-1] ^= 1
    (tmp_path / "a").write_bytes(data)
    found = hashlib.sha256(data).hexdigest()
    with pytest.raises(CheckpointError, match=f"a is damaged.* {found}, recorded is {digest}"):
        load_tensors(tmp_path / "a", digest)
    with pytest.raises(CheckpointError, match="none is missing"):
        load_tensors(tmp_path / "none", digest)


def test_two_cannot_work_in_one_folder_at_once(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(FileError, match="another process is at work in"), locked(tmp_path):
        pass
    with locked(tmp_path):
        assert names(tmp_path) == [".lock"]
    assert names(tmp_path) == []
