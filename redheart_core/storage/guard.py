"""Every change of a file stands in this guard: what the system says becomes a message with a remedy."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from redheart_core.contract.errors import RedheartError


class FileError(RedheartError, OSError):
    """A file cannot be written or read; nothing that was there before has been lost."""


_REMEDIES = {
    errno.ENOSPC: "free some space and run the command again",
    errno.EDQUOT: "free some of your quota and run the command again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f) and run the command again",
    errno.EACCES: "choose a folder that you may write to, or change its permissions",
    errno.EPERM: "choose a folder that you may write to, or change its permissions",
    errno.EROFS: "choose a folder that is not on a read-only disk",
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "choose another folder; a part of this path is a file",
    errno.EEXIST: "choose another folder; a file of this name is in the way",
    errno.EISDIR: "choose another name; this one is a folder",
    errno.ENOTEMPTY: "another command has made it in the meantime; use that one, or choose another folder",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while something is written or removed into a message with a remedy.

    Raises:
        FileError: In place of any other OSError.
    """
    try:
        yield
    except FileError:
        raise
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "fix that and run the command again")
        raise FileError(
            f"cannot write {path}: {error.strerror or error}; {remedy} (what was there before is untouched)"
        ) from error


@contextmanager
def cleaning_up(clean: Callable[[], object]) -> Iterator[None]:
    """Clean up when the block ends, however it ends.

    An error of the block is the one that counts: if the cleaning fails too, that is a note of the error.

    Raises:
        FileError: The block is done, and the cleaning fails.
    """
    try:
        yield
    except BaseException as error:
        try:
            clean()
        except FileError as another:
            error.add_note(str(another))
        raise
    clean()
