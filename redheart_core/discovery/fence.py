"""A fence around foreign code: its output goes to standard error, and what it changes for everybody is undone.

State that can be put back is put back without a word, as results do not depend on it then; `redheart plugins check`
reports it. State that cannot be put back makes the plugin unusable, by name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import attrs

from redheart_core.contract.errors import PluginError
from redheart_core.discovery.library_state import LIBRARIES
from redheart_core.discovery.output import output_to_stderr
from redheart_core.discovery.process_state import PROCESS, State


@contextmanager
def fence(owner: str, streams: bool = True) -> Iterator[list[str]]:
    """Run foreign code inside.

    Args:
        owner: The plugin and its package, for messages.
        streams: Whether the streams of random numbers are watched too; code that builds a module draws from them.

    Yields:
        What the code has changed, in words; complete once the fence is left.

    Raises:
        PluginError: It has changed what cannot be put back.
    """
    states = [state for state in (*PROCESS, *LIBRARIES) if streams or not state.drawn]
    changed: list[str] = []
    with output_to_stderr(), _kept(states) as kept:
        try:
            yield changed
        finally:
            lost = _undo(kept, changed)
    if lost:
        raise PluginError(f"{owner} changes {', '.join(lost)} for the whole process, and that cannot be undone")


def _undo(kept: list[tuple[State, Any]], changed: list[str]) -> list[str]:
    """Put back what differs, and say what differed and what could not be put back."""
    lost = []
    for state, value in kept:
        if state.read() == value:
            continue
        changed.append(state.name)
        if state.restore is None:
            lost.append(state.name)
        else:
            state.restore(value)
    return lost


@contextmanager
def _kept(states: list[State]) -> Iterator[list[tuple[State, Any]]]:
    """The values of all states; those of a module that is imported inside come to the list as soon as it is there."""
    kept = [(state, state.read()) for state in states if state.module in sys.modules]
    later: dict[str, list[State]] = {}
    for state in states:
        if state.module not in sys.modules:
            later.setdefault(state.module, []).append(state)

    def read(module: str) -> None:
        kept.extend((state, state.read()) for state in later[module])

    finders = [_AfterImport(module, read) for module in later]
    sys.meta_path[:0] = finders
    try:
        yield kept
    finally:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in finders]


@attrs.frozen(eq=False)
class _AfterImport(MetaPathFinder):
    """Calls a function right after a module has been imported for the first time."""

    name: str
    then: Callable[[str], None]

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self.name or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.name, self.then)
        return spec


@attrs.frozen(eq=False)
class _Loader(Loader):
    """Loads as another loader does, and gives the module to that one."""

    loader: Loader
    name: str
    then: Callable[[str], None]

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.then(self.name)
