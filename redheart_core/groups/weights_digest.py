"""Which weights a group answers with, by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from torch import Tensor

from redheart_core.storage.files import hash_tensors

if TYPE_CHECKING:
    from redheart_core.groups.group_module import Answering


@attrs.frozen
class FileDigest:
    """The SHA-256 of the file that some tensors were read from, for as long as they are what was read."""

    sha256: str
    seen: tuple[tuple[int, int], ...]
    """Where each tensor lies, and how often it has been written."""

    @classmethod
    def of(cls, sha256: str, tensors: Mapping[str, Tensor]) -> FileDigest:
        return cls(sha256, _writes(tensors))

    def holds(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether the tensors are where they were, and none was written since."""
        return self.seen == _writes(tensors)


def tensors_digest(tensors: Mapping[str, Tensor], read: FileDigest | None) -> str:
    """The SHA-256 of the file that would hold some tensors; it is not computed again where that is known."""
    return read.sha256 if read is not None and read.holds(tensors) else hash_tensors(tensors)


def weights_digest(module: Answering) -> str:
    """SHA-256 of everything that a group's answers depend on beside its inputs: checkpoints and honest answers."""
    honest = {} if module.honest is None else module.honest.tensors()
    return _together([hash_tensors(honest), *module.digests])


def _together(digests: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _writes(tensors: Mapping[str, Tensor]) -> tuple[tuple[int, int], ...]:
    return tuple((tensors[name].data_ptr(), tensors[name]._version) for name in sorted(tensors))
