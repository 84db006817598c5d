"""What a caller chooses: plugins and their settings, and what a run is begun with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.errors import SettingsError
from redheart_core.storage.paths import find_optional
from redheart_core.training.budget import Budget

if TYPE_CHECKING:
    from redheart_registry import Registry

Settings = Mapping[str, object]
"""Settings by "plugin.key", "training.key" or "data.key"."""

OF_RUN = ("data", "training")
"""Tables that a run keeps from its beginning."""


def _nothing(line: str) -> None:
    """Say nothing."""


@attrs.frozen
class PluginChoice:
    """Which plugins are active, with which settings."""

    plugins_toml: Path | None = None
    """None stands for ./plugins.toml if there is one, else for the file that redheart ships."""
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    """Settings as "plugin.key=value", the value in TOML or plain text."""
    trace: Callable[[str], None] | None = None
    """Gets a line for every call of a hook."""

    @classmethod
    def of(
        cls,
        plugins_toml: str | Path | None = None,
        enable: str | Iterable[str] = (),
        disable: str | Iterable[str] = (),
        settings: Settings | None = None,
    ) -> PluginChoice:
        """From the keyword arguments of the Python functions."""
        return cls(
            find_optional(plugins_toml),
            _names(enable),
            _names(disable),
            tuple(f"{key}={_toml(value)}" for key, value in (settings or {}).items()),
        )

    def load(self, event_plugins: Sequence[object] = (), say: Callable[[str], None] = _nothing) -> Registry:
        """Load the active plugins.

        Args:
            event_plugins: Objects with event hooks, such as a progress display.
            say: Gets a line about plugins that are enabled since others read them.
        """
        from redheart_registry import load_registry

        enable = self.enabled()
        if more := [name for name in enable if name not in self.enable]:
            say(f"enabled too, since they are read: {', '.join(more)}")
        return load_registry(self.plugins_toml, enable, self.disable, self.overrides, event_plugins, self.trace)

    def enabled(self) -> tuple[str, ...]:
        """The enabled plugins, and the nodes that they read unless they are active anyhow or disabled."""
        from redheart_registry import installed_plugins, sources
        from redheart_registry.plugins_toml import find_plugins_toml, parse_file

        if not self.enable:
            return ()
        installed = installed_plugins(self.enable)
        listed = parse_file(find_plugins_toml(self.plugins_toml)).get("active")  # load_registry checks its form
        known = {*self.disable, *(name for name in listed or () if isinstance(name, str))}
        names = dict.fromkeys(self.enable)
        for name in self.enable:
            if name in installed:
                names |= dict.fromkeys(other for other in sources(name) if other not in known)
        return tuple(names)

    def with_sources(self, name: str) -> PluginChoice:
        """The same with a plugin and all that it reads enabled."""
        from redheart_registry import sources

        return attrs.evolve(self, enable=tuple(dict.fromkeys((*self.enable, *sources(name)))))

    def with_listeners(self) -> PluginChoice:
        """The same with the active plugins of event hooks alone enabled: they are no part of a run."""
        return self._enabling(self._listeners())

    def for_resumed(self) -> PluginChoice:
        """The same for a run that goes on: with listeners, and nothing that the run itself decides.

        Raises:
            SettingsError: Data or settings of the training are changed, or a plugin of the run is left out.
        """
        listeners = self._listeners()
        given = [f"--disable {name}" for name in self.disable if name not in listeners]
        given += [f"--set {one}" for one in self.overrides if one.partition(".")[0] in OF_RUN]
        if given:
            raise SettingsError(
                f"a run is resumed with its own data and settings; leave out {', '.join(given)}, or begin another run"
            )
        return self._enabling(listeners)

    def _listeners(self) -> dict[str, bool]:
        """The plugins of event hooks alone, and whether each is active."""
        from redheart_registry.report import list_plugins

        rows = list_plugins(self.plugins_toml, self.enable, self.disable)
        return {row.name: row.active for row in rows if row.kind in ("events", "")}  # a broken one is refused

    def _enabling(self, listeners: Mapping[str, bool]) -> PluginChoice:
        listening = [name for name, active in listeners.items() if active]
        return attrs.evolve(self, enable=tuple(dict.fromkeys((*self.enable, *listening))))


@attrs.frozen
class RunOptions:
    """What a run is begun with; None leaves it to plugins.toml."""

    output: Path | None = None
    store: Path | None = None
    dataset: str | None = None
    encoder: str | Sequence[str] | None = None
    scale: str | None = None
    epochs: int | None = None
    seed: int | None = None
    device: str | None = None

    @property
    def data(self) -> dict[str, str | Sequence[str] | None]:
        """Those of the table [data]."""
        return {"dataset": self.dataset, "encoder": self.encoder}

    @property
    def training(self) -> dict[str, Any]:
        """Those of the table [training]."""
        return {"scale": self.scale, "epochs": self.epochs, "seed": self.seed, "device": self.device}

    @property
    def changes_nothing(self) -> bool:
        """Whether at most the folder of the run is given."""
        return attrs.evolve(self, output=None) == RunOptions()


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _toml(value: object) -> str:
    """A value as it stands behind a key in TOML, in one line."""
    import tomli_w

    if isinstance(value, Mapping):
        keys = {str(key): tomli_w.dumps({str(key): 0}).rpartition(" = ")[0] for key in value}
        return "{" + ", ".join(f"{keys[str(key)]} = {_toml(one)}" for key, one in value.items()) + "}"
    plain = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
    return tomli_w.dumps({"value": plain}).partition("=")[2].strip()


@attrs.frozen
class Share:
    """What one process trains of a run, and within what."""

    only: tuple[str, ...] = ()
    """Names of groups; all if there are none."""
    wait_s: float = 0.0
    """How long to wait for groups that other processes train."""
    budget: Budget | None = None
    """What it may hold in memory; groups take turns within that."""
    mirror: str | None = None
    """URL of the object store that the run is kept in too."""


WHOLE = Share()
