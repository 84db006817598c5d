"""The most memory that a device has held since a moment: of this process on the CPU, of PyTorch's tensors on CUDA."""

from __future__ import annotations

import ctypes
import gc
import mmap
import platform
import re
import sys
from pathlib import Path
from typing import Protocol

import torch

from redheart_core.contract.errors import SettingsError
from redheart_core.storage.guard import writing

STATUS, SIZES, RESET = Path("/proc/self/status"), Path("/proc/self/statm"), Path("/proc/self/clear_refs")
MAPPINGS = Path("/proc/self/smaps")


class Meter(Protocol):
    """Reads how much memory is held."""

    def begin(self) -> None:
        """The peak counts from now on."""
        ...

    def peak(self) -> int:
        """Bytes, the most since begin."""
        ...

    def current(self) -> int:
        """Bytes."""
        ...

    def to_come(self, folder: Path) -> int:
        """Bytes of a folder's files that are mapped into this memory and were not touched yet."""
        ...

    def release(self, garbage: bool = True) -> None:
        """Give what allocators keep for later back.

        Args:
            garbage: Whether objects may be gone that refer to each other in a circle, which takes a tenth of a second
                to find.
        """
        ...


class ProcessMemory:
    """The resident set of this process: all of it, with the interpreter, the libraries and mapped files."""

    def begin(self) -> None:
        with writing(RESET):
            RESET.write_text("5")  # sets the peak to the current size, see proc_pid_clear_refs(5)

    def peak(self) -> int:
        return _status("VmHWM")

    def current(self) -> int:
        return mmap.PAGESIZE * int(SIZES.read_text().split()[1])

    def to_come(self, folder: Path) -> int:
        inside, found = str(folder.resolve()) + "/", 0
        for mapping in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", MAPPINGS.read_text(), flags=re.MULTILINE):
            if inside in mapping.partition("\n")[0]:
                sizes = dict(re.findall(r"^(Size|Rss): +([0-9]+) kB$", mapping, re.MULTILINE))
                found += 1024 * (int(sizes["Size"]) - int(sizes["Rss"]))
        return found

    def release(self, garbage: bool = True) -> None:
        release_memory(torch.device("cpu"), garbage)


class CudaMemory:
    """What PyTorch has allocated for tensors on a device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def begin(self) -> None:
        torch.cuda.reset_peak_memory_stats(self._device)

    def peak(self) -> int:
        return torch.cuda.max_memory_allocated(self._device)

    def current(self) -> int:
        return torch.cuda.memory_allocated(self._device)

    def to_come(self, folder: Path) -> int:
        return 0

    def release(self, garbage: bool = True) -> None:
        release_memory(self._device, garbage)


def release_memory(device: torch.device, garbage: bool = True) -> None:
    """Have allocators give back what they keep for later; garbage as for Meter.release."""
    if garbage:
        gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)  # it keeps freed blocks below 32 MiB otherwise


def meter_of(device: torch.device) -> Meter:
    """The meter of a device.

    Raises:
        SettingsError: The CPU of a system that does not say how large a process is.
    """
    if device.type != "cpu":
        return CudaMemory(device)
    if not sys.platform.startswith("linux"):
        raise SettingsError(f"a budget of the CPU's memory is kept on Linux alone, not on {sys.platform}; leave it out")
    return ProcessMemory()


def _status(key: str) -> int:
    found = re.search(rf"^{key}:\s+([0-9]+) kB$", STATUS.read_text(), re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])
