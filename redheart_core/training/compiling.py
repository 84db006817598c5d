"""Updates that run compiled, and whether a device can train as a group's table says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import SettingsError
from redheart_core.groups.group_module import GroupModule


def compiled_calls(module: GroupModule) -> Mapping[str, Callable[[dict[str, Tensor]], object]]:
    """What is called in an update in place of a node's module, by the node's name."""
    # A kernel for sizes that vary would depend on the shapes of earlier batches, and so not be the same after a resume.
    compiled = partial(torch.compile, dynamic=False, recompile_limit=sys.maxsize, isolate_recompiles=True)
    return {node.name: compiled(module.nodes[node.name]) for node in module.group.nodes}


def check_compiler(device: torch.device) -> None:
    """Compile a small function.

    Raises:
        SettingsError: It cannot be compiled here; says why.
    """
    try:
        torch.compile(torch.sin, dynamic=False)(torch.ones(2, device=device))
    except Exception as error:  # whatever a compiler that is missing, or none at all, raises
        reason = str(error).strip().splitlines()[0]
        needed = "a C++ compiler such as g++ (or CXX)" if device.type == "cpu" else "Triton and a C compiler"
        raise SettingsError(
            f"compile = true: PyTorch cannot compile on device '{device}': {reason}; "
            f"install {needed}, or leave compile out"
        ) from error


def check_device(name: str, settings: GroupSettings, device: torch.device) -> None:
    """Whether the device can train a group as its table says.

    Raises:
        SettingsError: It cannot; names the key and what to write instead.
    """
    if settings.precision == "float16" and device.type != "cuda":
        raise SettingsError(
            f'[groups.{name}] precision = "float16" trains on CUDA alone, and the device is {device}; '
            'write "bfloat16", or choose another device'
        )
    if settings.compile:
        try:
            check_compiler(device)
        except SettingsError as error:
            raise SettingsError(f"[groups.{name}] {error}") from error
