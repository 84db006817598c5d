"""Calls of a plugin's own code: errors name the plugin, and what it was lent has to come back unchanged."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from redheart_core.contract.errors import (
    MissingResourceError,
    PluginError,
    RedheartError,
    SettingsError,
    UndefinedError,
)
from redheart_core.discovery.fence import fence

if TYPE_CHECKING:
    from torch import Tensor

NOT_OF_PLUGINS = ("redheart_core", "torch", "numpy", "scipy")
"""Packages whose code runs below and inside that of plugins."""


@contextmanager
def naming(plugin: str, what: str, error: type[RedheartError] = PluginError) -> Iterator[None]:
    """Inside, an exception out of a plugin's own code becomes an error that names the plugin.

    Args:
        plugin: Its name.
        what: What of it is called, such as "forward".
        error: What becomes of it. PluginError for what builds and computes. DataError for what looks at labels and
            their values, as the data may be the reason. Wrong settings stay a SettingsError.

    Raises:
        UndefinedError: As the plugin raised it.
        MissingResourceError: Likewise.
    """
    try:
        yield
    except (UndefinedError, MissingResourceError):
        raise
    except SettingsError as found:
        raise SettingsError(f"plugin '{plugin}', {what}: {found}") from found
    except RedheartError as found:
        raise error(f"plugin '{plugin}', {what}: {found}") from found
    except Exception as found:
        place = _place(found)
        raise error(f"plugin '{plugin}' failed in {what}: {type(found).__name__}: {found}{place}") from found


def _place(error: Exception) -> str:
    """Where in a plugin's own code an exception came to be, in words; empty if it was not there."""
    frames = [
        (frame.f_globals.get("__name__", ""), frame, line) for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    own = [(frame, line) for module, frame, line in frames if module.partition(".")[0] not in NOT_OF_PLUGINS]
    if not own:
        return ""
    frame, line = own[-1]
    return f" ({Path(frame.f_code.co_filename).name}, line {line})"


def check_takes(plugin: str, what: str, function: Callable[..., object], given: Sequence[str]) -> None:
    """A plugin's function has to take so many arguments.

    Raises:
        PluginError: It does not.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in functions have none
        return
    try:
        signature.bind(*given)
    except TypeError as error:
        raise PluginError(
            f"plugin '{plugin}': the {what} is called with ({', '.join(given)}), and its function takes {signature}"
        ) from error


@contextmanager
def setting_up(plugin: str, what: str, error: type[RedheartError] = PluginError) -> Iterator[None]:
    """As naming, for a call at set-up: what it prints and changes for the whole process stays inside."""
    with naming(plugin, what, error), fence(f"plugin '{plugin}'", streams=False):
        yield


@contextmanager
def lending(
    plugin: str,
    what: str,
    tensors: Mapping[str, Tensor],
    *,
    error: type[RedheartError] = PluginError,
    compare: bool = False,
) -> Iterator[None]:
    """As naming, for a call that is given tensors which others read too: it must not change them.

    Views and detached tensors share the counter of writes with the tensor that they were made of. A write past torch,
    through NumPy or `.data`, is only seen if values are compared.

    Args:
        plugin: As for naming.
        what: As for naming.
        tensors: Name to tensor, as the call gets them.
        error: As for naming.
        compare: Keep a copy and compare the values too; needed for tensors of torch.inference_mode, which counts no
            writes.

    Raises:
        PluginError: It changed some.
    """
    versions = [_writes(tensor, compare) for tensor in tensors.values()]
    copies = [tensor.detach().clone() for tensor in tensors.values()] if compare else []
    with naming(plugin, what, error):
        yield
    counts = zip(tensors.items(), versions, strict=True)
    changed = [name for (name, tensor), before in counts if _writes(tensor, compare) != before]
    if compare:
        pairs = zip(tensors.items(), copies, strict=True)
        changed += [name for (name, tensor), copy in pairs if name not in changed and not same_numbers(tensor, copy)]
    if changed:
        raise PluginError(
            f"plugin '{plugin}' changes {', '.join(changed)} in place, in its {what}; others read the same numbers. "
            "Compute new tensors instead: x = x.relu(), not x.relu_(), x[...] = 0 or inplace=True"
        )


def _writes(tensor: Tensor, compare: bool) -> int:
    """How often a tensor was written to; 0 of one whose writes nobody counts, where values are compared."""
    return 0 if compare and tensor.is_inference() else tensor._version


def same_numbers(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape hold the same numbers; missing ones (NaN) count as the same."""
    if first.equal(second):
        return True
    return bool(((first == second) | ((first != first) & (second != second))).all())
