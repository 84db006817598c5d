"""Objects and parts in an object store are whole or absent, whatever happens to a put, and are never trusted unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from object_store import KINDS, Killed, ObjectStore

from redheart_core.contract.errors import CheckpointError, RedheartError, SettingsError
from redheart_core.storage.files import FileError
from redheart_core.storage.parts import (
    PART_INDEX,
    ConflictError,
    Moved,
    PartFile,
    PartIndex,
    part_of,
    pull_part,
    push_part,
    read_index,
)
from redheart_core.storage.remote import MissingObjectError, Remote, RemoteError, without_secrets

OLD: Mapping[str, bytes] = {"a.bin": b"a" * 100, "sub/b.bin": b"b" * 3000, "index": b"of a and b"}
NEW: Mapping[str, bytes] = {"c.bin": b"c" * 50, "sub/b.bin": b"b" * 3000, "index": b"of b and c"}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def made(folder: Path, files: Mapping[str, bytes]) -> PartIndex:
    """Files in a folder, and the part of them, whose document is "index"."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return part_of({name: digest(data) for name, data in files.items() if name != "index"}, "index", files["index"])


def push(remote: Remote, folder: Path, files: Mapping[str, bytes]) -> Moved:
    """As a process does that has just looked."""
    part = made(folder, files)
    return push_part(remote, "part", folder, part, files["index"], (read_index(remote, "part"),))


def pulled(remote: Remote, folder: Path) -> dict[str, bytes]:
    """What a reader has in a new folder."""
    index, _ = pull_part(remote, "part", folder)
    files = () if index is None else index.files
    return {file.path: (folder / file.path).read_bytes() for file in files}


def test_a_part_comes_back_and_is_sent_once(tmp_path: Path) -> None:
    remote = ObjectStore().remote
    assert pulled(remote, tmp_path / "none") == {}
    assert push(remote, tmp_path / "here", OLD) == Moved(3, 3110, 0)
    assert push(remote, tmp_path / "here", OLD) == Moved(0, 0, 3)
    assert pulled(remote, tmp_path / "there") == dict(OLD)
    assert str(Moved(1, 3110)) == "1 file (0.0 MB)"


def test_a_file_system_serves_as_an_object_store(tmp_path: Path) -> None:
    remote = Remote.open(f"file://{tmp_path}/bucket/")
    assert remote.names("part") == []
    push(remote, tmp_path / "here", OLD)
    assert pulled(remote, tmp_path / "there") == dict(OLD)
    push(remote, tmp_path / "here", NEW)
    assert pulled(remote, tmp_path / "there") == dict(NEW)
    found = sorted(path.name.partition(".")[0] for path in (tmp_path / "bucket").rglob("*") if path.is_file())
    assert found == ["b", "c", "index", "part"]
    assert [name.partition(".")[0] for name in remote.names("part")] == ["c", "index", "sub"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [{}, OLD], ids=["new", "replaced"])
def test_a_fault_at_any_operation_leaves_the_part_before_or_after_and_another_push_completes_it(
    tmp_path: Path, quick_disk: None, kind: str, before: Mapping[str, bytes]
) -> None:
    count = 0
    for at in range(1, 7):
        bucket = ObjectStore()
        if before:
            push(bucket.remote, tmp_path / "before", before)
        bucket.fail(kind, at)
        try:
            push(bucket.remote, tmp_path / "here", NEW)
        except (RemoteError, Killed):
            count += 1
        bucket.fail("refused", 0)
        seen = pulled(bucket.remote, tmp_path / f"seen-{at}")
        assert seen in (dict(before), dict(NEW))
        push(bucket.remote, tmp_path / "here", NEW)
        assert pulled(bucket.remote, tmp_path / "again") == dict(NEW)
    assert count == (5 if before else 4), "the files that are not there, the index, and what is removed"


def test_two_writers_leave_one_part_or_the_other_and_the_second_is_refused(tmp_path: Path) -> None:
    bucket = ObjectStore()
    first, second = made(tmp_path / "first", OLD), made(tmp_path / "second", NEW)
    push_part(bucket.remote, "part", tmp_path / "first", first, OLD["index"], (None,))
    with pytest.raises(ConflictError, match=r"another process has written test://bucket/run/part.json since .*end the"):
        push_part(bucket.remote, "part", tmp_path / "second", second, NEW["index"], (None,))
    assert pulled(bucket.remote, tmp_path / "there") == dict(OLD)


def test_a_reader_that_is_overtaken_by_a_new_part_gets_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = ObjectStore()
    push(bucket.remote, tmp_path / "here", OLD)
    download = Remote.download

    def overtaken(remote: Remote, name: str, file: Path, sha256: str) -> None:
        monkeypatch.setattr(Remote, "download", download)
        push(remote, tmp_path / "here", NEW)
        download(remote, name, file, sha256)

    monkeypatch.setattr(Remote, "download", overtaken)
    assert pulled(bucket.remote, tmp_path / "there") == dict(NEW)


@pytest.mark.parametrize("harm", ["changed", "cut off", "missing"])
def test_an_object_that_is_damaged_is_refused_and_no_file_comes_of_it(tmp_path: Path, harm: str) -> None:
    bucket = ObjectStore()
    push(bucket.remote, tmp_path / "here", OLD)
    (name,) = (name for name in bucket.store if "b.bin" in name)
    data = bucket.objects[name]
    MissingOrNot = MissingObjectError if harm == "missing" else RemoteError  # noqa: N806 - a class
    if harm == "missing":
        del bucket.store[name]
    else:
        bucket.pipe_file(name, data[:-1] if harm == "cut off" else b"x" + data[1:])
    with pytest.raises(MissingOrNot, match=r"sub/b.bin\.[0-9a-f]{64} is (damaged|missing).*push the folder again"):
        pulled(bucket.remote, tmp_path / "there")
    assert not (tmp_path / "there" / "index").exists()
    assert [path.name for path in (tmp_path / "there").rglob("*") if path.is_file()] == ["a.bin"]


def test_a_file_that_is_damaged_here_is_replaced_and_one_that_is_damaged_is_not_sent(tmp_path: Path) -> None:
    bucket = ObjectStore()
    part = made(tmp_path / "here", OLD)
    (tmp_path / "here" / "a.bin").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"a.bin is damaged"):
        push_part(bucket.remote, "part", tmp_path / "here", part, OLD["index"], (None,))
    push(bucket.remote, tmp_path / "here", OLD)
    pulled(bucket.remote, tmp_path / "there")
    (tmp_path / "there" / "a.bin").write_bytes(b"x")
    assert pulled(bucket.remote, tmp_path / "there") == dict(OLD)


def test_an_index_that_is_forged_or_damaged_is_refused(tmp_path: Path) -> None:
    bucket = ObjectStore()
    push(bucket.remote, tmp_path / "here", OLD)
    whole = bucket.objects["/run/part.json"]
    bucket.pipe_file("/run/part.json", whole[:-20])
    with pytest.raises(RemoteError, match=r"test://bucket/run/part.json is damaged.*push the folder again"):
        pulled(bucket.remote, tmp_path / "there")
    for path in ("../outside", "/etc/passwd", "a//b", "a/./b", "..", ""):
        with pytest.raises(ValueError, match="inside the folder"):
            PartFile(path, digest(b""))
    forged = PART_INDEX.to_bytes(PartIndex((PartFile("inside", digest(b"")),))).replace(b"inside", b"../out")
    with pytest.raises(RemoteError):
        PART_INDEX.parse(forged, "forged")


@pytest.mark.parametrize(
    "url", ["s3://key:secret@bucket/run", "s3://bucket/run?token=secret", "abfs://bucket/run#secret"]
)
def test_a_url_with_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="leave them to the library") as refused:
        Remote.open(url)
    assert "secret" not in str(refused.value)
    assert "secret" not in without_secrets(url)


@pytest.mark.parametrize("url", ["bucket/run", "s3://", "file:///"])
def test_what_is_no_folder_of_an_object_store_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"expects a URL of a folder such as s3://bucket/folder, got"):
        Remote.open(url)


def test_a_protocol_that_nobody_knows_and_a_store_that_fails_are_messages(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"nowhere://bucket/run cannot be opened: ValueError: Protocol not known"):
        Remote.open("nowhere://bucket/run")
    bucket = ObjectStore()
    bucket.fail("refused", 1)
    with pytest.raises(RemoteError, match=r"a.bin\.[0-9a-f]+ cannot be put: TimeoutError: the connection was reset"):
        push(bucket.remote, tmp_path / "here", OLD)
    assert issubclass(RemoteError, FileError)
    assert issubclass(RemoteError, RedheartError)
