"""Parts of folders in an object store: files that never change, and an index that names them with their SHA-256.

An object that holds a file has the SHA-256 in its name, so that nobody ever replaces one by another; it counts once the
index of the part names it. The index is put last. So a kill at any moment leaves the part before or the part after, and
what two writers put is one part or the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.storage.files import make_folder, sha256
from redheart_core.storage.remote import MissingObjectError, Remote, RemoteError
from redheart_core.storage.sealed import SealedFile


def _is_inside(_instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    path = PurePosixPath(value)
    if not value or path.is_absolute() or ".." in path.parts or "\\" in value or str(path) != value:
        raise ValueError(f"'{attribute.name}' expects a path inside the folder, got '{value}'")


@attrs.frozen
class PartFile:
    """A file of a part."""

    path: str = attrs.field(validator=_is_inside)
    """From the folder of the part, with slashes."""
    sha256: str = attrs.field(validator=attrs.validators.matches_re("[0-9a-f]{64}"))

    def object(self, part: str) -> str:
        """Its name in the object store."""
        return f"{part}/{self.path}.{self.sha256}"


@attrs.frozen
class PartIndex:
    """NAME.json: what a part holds."""

    files: tuple[PartFile, ...]
    """In the order in which they are put into a folder: what one of them names stands before it."""

    @property
    def last(self) -> PartFile:
        """The document that names the others."""
        return self.files[-1]


PART_INDEX = SealedFile(PartIndex, "part", 1, "push the folder again from where it is whole", RemoteError)


@attrs.frozen
class Moved:
    """What was sent or fetched."""

    files: int = 0
    bytes: int = 0
    there: int = 0
    """Files that were there already."""

    def __str__(self) -> str:
        return f"{self.files} file{'s' * (self.files != 1)} ({self.bytes / 1e6:.1f} MB)"

    def __add__(self, other: Moved) -> Moved:
        return Moved(self.files + other.files, self.bytes + other.bytes, self.there + other.there)


class ConflictError(RemoteError):
    """Another process has written the same part meanwhile."""


def part_of(hashes: Mapping[str, str], document: str, data: bytes) -> PartIndex:
    """A part of files by their SHA-256, in this order, and of the document that names them, with its bytes."""
    files = [PartFile(path, digest) for path, digest in hashes.items()]
    return PartIndex((*files, PartFile(document, hashlib.sha256(data).hexdigest())))


def read_index(remote: Remote, name: str) -> PartIndex | None:
    """The index of a part; None if there is none.

    Raises:
        RemoteError: The store does not answer, or the index is damaged.
    """
    data = remote.read(f"{name}.json")
    return None if data is None else PART_INDEX.parse(data, f"{remote.url}/{name}.json")


def read_document(remote: Remote, name: str) -> tuple[PartIndex, bytes] | None:
    """The index of a part and the document that names its files; None if there is none.

    Raises:
        RemoteError: As pull_part.
    """
    index = read_index(remote, name)
    while index is not None:
        data = remote.read(index.last.object(name))
        if data is not None and hashlib.sha256(data).hexdigest() == index.last.sha256:
            return index, data
        newer = read_index(remote, name)
        if newer == index:
            what = "missing" if data is None else "damaged"
            raise RemoteError(f"{remote.url}/{index.last.object(name)} is {what}; {PART_INDEX.remedy}")
        index = newer
    return None


def push_part(
    remote: Remote, name: str, folder: Path, part: PartIndex, document: bytes, known: Collection[PartIndex | None]
) -> Moved:
    """Send the files of a part that are not there, then its index; then remove what only the index before named.

    Args:
        remote: Where to.
        name: Of the part.
        folder: Where the files are.
        part: What it will hold.
        document: The bytes of its last file, which may have changed in the folder meanwhile.
        known: What the index may be: what this process has read or written. Any other one is somebody else's.

    Raises:
        ConflictError: The index is another one: somebody else has written the part.
        RemoteError: The store does not answer; the part before counts, or the new one if it had its index already.
        CheckpointError: A file is missing or damaged.
    """
    there = read_index(remote, name)
    if there == part:
        return Moved(there=len(part.files))
    if there not in known:
        raise ConflictError(
            f"another process has written {remote.url}/{name}.json since this one last looked; one process at a time "
            "works on it: end the other one, and run this command again, which goes on from what is there"
        )
    named = set() if there is None else set(there.files)
    sent = Moved()
    for file in part.files[:-1]:
        if file in named:
            sent += Moved(there=1)
            continue
        sent += Moved(1, remote.upload(file.object(name), folder / file.path, file.sha256))
    if part.last in named:
        sent += Moved(there=1)
    else:
        remote.replace(part.last.object(name), document)
        sent += Moved(1, len(document))
    remote.replace(f"{name}.json", PART_INDEX.to_bytes(part))
    if read_index(remote, name) == part:  # nobody else has replaced it, who may still name the old ones
        for file in sorted(named - set(part.files), key=lambda one: one.path):
            remote.remove(file.object(name))
    return sent


def pull_part(remote: Remote, name: str, folder: Path) -> tuple[PartIndex | None, Moved]:
    """Fetch the files of a part that a folder lacks, or has otherwise, each verified; the index, None if there is none.

    Raises:
        RemoteError: An object is missing or damaged, or the store does not answer; what was fetched is whole.
        FileError: A file cannot be written.
    """
    index = read_index(remote, name)
    while index is not None:
        try:
            return index, _fetch(remote, name, index, folder)
        except MissingObjectError:
            newer = read_index(remote, name)
            if newer == index:
                raise
            index = newer  # whoever wrote it has removed what it does not name
    return None, Moved()


def _fetch(remote: Remote, name: str, index: PartIndex, folder: Path) -> Moved:
    make_folder(folder)
    fetched = Moved()
    for file in index.files:
        target = folder / file.path
        if _has(target, file.sha256):
            fetched += Moved(there=1)
            continue
        remote.download(file.object(name), target, file.sha256)
        fetched += Moved(1, target.stat().st_size)
    return fetched


def _has(target: Path, expected: str) -> bool:
    """Whether a file is there and as expected."""
    try:
        return sha256(target) == expected
    except CheckpointError:
        return False
