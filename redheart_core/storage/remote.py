"""Objects in an object store, through fsspec: put whole, read back verified.

An object store has no rename and no locks, but a put of one object is atomic: readers see the old one or the new one.
On a file system, which has no such put, what is replaced is written beside it and renamed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import attrs

from redheart_core.contract.errors import SettingsError
from redheart_core.storage.files import check_sha256, make_folder, write_atomically
from redheart_core.storage.guard import FileError

_CHUNK = 1 << 20
_ON_DISK = ("file", "local")


class RemoteError(FileError):
    """An object cannot be put, read or trusted; what was complete before is untouched."""


@attrs.frozen(eq=False)
class Remote:
    """A folder of an object store."""

    url: str
    """Without a slash at the end."""
    system: Any
    """fsspec's file system."""
    root: str
    """The folder as the file system names it."""

    @classmethod
    def open(cls, url: str) -> Remote:
        """The folder at a URL such as s3://bucket/folder; nothing is sent yet.

        Raises:
            SettingsError: It is no URL of a folder, or has a password in it.
            RemoteError: The library of its protocol is not installed, or refuses its settings.
        """
        parts = urlsplit(url)
        if "://" not in url or not (parts.netloc + parts.path).strip("/"):
            raise SettingsError(f"expects a URL of a folder such as s3://bucket/folder, got '{without_secrets(url)}'")
        if without_secrets(url) != url:
            raise SettingsError(
                f"'{without_secrets(url)}' was given with a user, password or query; leave them to the library of "
                f"{parts.scheme}:// (environment variables, or its own files), as a URL is written into messages"
            )
        fsspec = _library()
        options = {"auto_mkdir": True} if parts.scheme in _ON_DISK else {}
        with _asking(url, "cannot be opened"):
            system, root = fsspec.core.url_to_fs(url, **options)
        return cls(url.rstrip("/"), system, root.rstrip("/"))

    def read(self, name: str) -> bytes | None:
        """The bytes of a small object; None if there is none.

        Raises:
            RemoteError: The store does not answer, or denies it.
        """
        with _asking(self._said(name), "cannot be read"):
            try:
                data: bytes = self.system.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return data

    def replace(self, name: str, data: bytes) -> None:
        """Put a small object, in place of what is there: readers see the one or the other, whole.

        Raises:
            RemoteError: It is not known to be there; the old one may be, or the new one.
        """
        path = self._path(name)
        with _asking(self._said(name), "cannot be put"):
            if not self._on_disk:
                self.system.pipe_file(path, data)
                return
            beside = Path(path)
            make_folder(beside.parent)
            write_atomically(beside, lambda file: file.write(data))

    def upload(self, name: str, file: Path, sha256: str) -> int:
        """Put a file that never changes, but may be removed meanwhile.

        Returns:
            Its bytes.

        Raises:
            RemoteError: It is not known to be there.
            CheckpointError: The file is missing, or is not the one of this SHA-256.
        """
        check_sha256(file, sha256)
        try:
            with _asking(self._said(name), "cannot be put"):
                size = file.stat().st_size
                self.system.put_file(str(file), self._path(name))
        except RemoteError:
            if not file.exists():
                check_sha256(file, sha256)  # says that it is missing
            raise
        return size

    def download(self, name: str, file: Path, sha256: str) -> None:
        """Get an object into a file, atomically.

        Raises:
            RemoteError: It is missing, or its SHA-256 is another, or the store does not answer; there is no new file.
            FileError: The file cannot be written.
        """
        make_folder(file.parent)
        write_atomically(file, lambda writer: self._copy(name, writer, sha256))

    def _copy(self, name: str, writer: BinaryIO, sha256: str) -> None:
        digest = hashlib.sha256()
        for part in self._parts(name):
            digest.update(part)
            writer.write(part)
        if digest.hexdigest() != sha256:
            raise RemoteError(
                f"{self._said(name)} is damaged: its SHA-256 is {digest.hexdigest()}, recorded is {sha256}; push the "
                "folder again from where it is whole"
            )

    def _parts(self, name: str) -> Iterator[bytes]:
        missing = f"{self._said(name)} is missing; push the folder again from where it is whole"
        with _asking(self._said(name), "cannot be read"):
            try:
                reader = self.system.open(self._path(name), "rb")
            except FileNotFoundError as error:
                raise MissingObjectError(missing) from error
        with reader:
            while True:
                with _asking(self._said(name), "cannot be read"):
                    part: bytes = reader.read(_CHUNK)
                if not part:
                    return
                yield part

    def remove(self, name: str) -> None:
        """Remove an object; one that is gone already is fine.

        Raises:
            RemoteError: The store does not answer, or denies it.
        """
        with _asking(self._said(name), "cannot be removed"):
            try:
                self.system.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def names(self, folder: str) -> list[str]:
        """The objects directly in a folder, by their last names; none if there is no such folder.

        Raises:
            RemoteError: The store does not answer, or denies it.
        """
        with _asking(self._said(folder), "cannot be listed"):
            self.system.invalidate_cache()
            try:
                found = self.system.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return []
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    @property
    def _on_disk(self) -> bool:
        return self.url.partition("://")[0] in _ON_DISK

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _said(self, name: str) -> str:
        return f"{self.url}/{name}"


class MissingObjectError(RemoteError):
    """There is no such object."""


def without_secrets(url: str) -> str:
    """A URL for people: without user, password, query and fragment, which may hold keys."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _library() -> Any:
    """fsspec.

    Raises:
        RemoteError: It is not installed.
    """
    try:
        import fsspec
    except ImportError as error:
        raise RemoteError(f'fsspec is not installed ({error}); pip install "redheart[remote]"') from error
    return fsspec


@contextmanager
def _asking(what: str, failure: str) -> Iterator[None]:
    """Turn whatever a library of a protocol raises into an error that names the object.

    These libraries have errors of their own for keys that are missing, names that do not resolve and answers that
    break off, with no class in common.

    Raises:
        RemoteError: In place of them.
    """
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or "no reason given"
        raise RemoteError(f"{what} {failure}: {type(error).__name__}: {reason:.300}") from error
