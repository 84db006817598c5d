"""The plugins that one command uses: loaded, checked, in the order of plugins.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pluggy

from redheart_core import (
    SCALES,
    ActiveNode,
    AgentSpec,
    DatasetSpec,
    EncoderSpec,
    EnvironmentSpec,
    NodeSpec,
    PluginError,
    SettingsError,
)
from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import join_complaints
from redheart_core.discovery.calls import Hooks
from redheart_core.discovery.entries import names
from redheart_core.discovery.offers import Plugin, plugin_manager, register
from redheart_core.groups.graph import plan_groups, read_nodes
from redheart_core.storage.settings import read_or_complain, read_table
from redheart_registry.copies import with_copies
from redheart_registry.installed import Installed, broken_packages, disabled, installed_plugins
from redheart_registry.loading import load_active, settings_complaints
from redheart_registry.plugins_toml import (
    FREE_TABLES,
    PluginsToml,
    find_plugins_toml,
    named_plugins,
    parse_file,
    resolve,
)

SpecType = TypeVar("SpecType", DatasetSpec, EncoderSpec, EnvironmentSpec)


@attrs.frozen(eq=False)
class Registry:
    """Active plugins and what they bring."""

    hooks: Hooks
    """Event hooks run in the order of plugins.toml, after those of event_plugins."""
    installed: Mapping[str, Installed]
    """All installed plugins, active or not."""
    plugins: Mapping[str, Plugin]
    """The active ones, in order."""
    plugins_toml: PluginsToml

    def nodes(self, scale: str) -> tuple[ActiveNode, ...]:
        """All active nodes in order, with the settings of a scale, overlaid with those of plugins.toml.

        Raises:
            SettingsError: Settings do not fit the scale; all complaints of all nodes.
        """
        if scale not in SCALES:
            raise SettingsError(f"there is no scale '{scale}' (scales: {', '.join(SCALES)})")
        nodes = []
        complaints: list[str] = []
        for node in _bare_nodes(self.plugins, self.plugins_toml):
            table = {**node.spec.scales[scale], **self.plugins_toml.tables.get(node.name, {})}
            settings = read_or_complain(node.spec.settings, table, f"[plugins.{node.name}]", complaints)
            nodes.append(attrs.evolve(node, settings=settings))
        if complaints:
            title = f"{self.plugins_toml.where} does not fit the scale {scale}:"
            raise SettingsError(join_complaints(title, complaints))
        return tuple(nodes)

    def dataset(self, name: str) -> tuple[DatasetSpec, Any]:
        """An active data set and its settings.

        Raises:
            PluginError: It is not active, not installed, or of another kind.
            SettingsError: Its table lacks a required key.
        """
        return self._source(name, DatasetSpec, "dataset")

    def encoder(self, name: str) -> tuple[EncoderSpec, Any]:
        """An active encoder and its settings; raises as dataset does."""
        return self._source(name, EncoderSpec, "encoder")

    def environment(self, name: str) -> tuple[EnvironmentSpec, Any]:
        """An active environment and its settings; raises as dataset does."""
        return self._source(name, EnvironmentSpec, "environment")

    def agent(self, scale: str) -> tuple[AgentSpec, Any]:
        """How agents learn, with the settings of a scale overlaid with its own.

        Raises:
            SettingsError: None or several are active, or its settings do not fit.
        """
        spec = self.agent_spec
        table = {**spec.scales[scale], **self.plugins_toml.tables.get(spec.name, {})}
        return spec, read_table(spec.settings, table, f"[plugins.{spec.name}]")

    @property
    def agent_spec(self) -> AgentSpec:
        """How agents learn: the only active plugin of that kind.

        Raises:
            SettingsError: None or several are active.
        """
        active = {name: one.spec for name, one in self.plugins.items() if isinstance(one.spec, AgentSpec)}
        if len(active) != 1:
            raise SettingsError(
                f"one plugin says how agents learn, active are: {names(active)}; --enable one, or --disable all others"
            )
        [spec] = active.values()
        return spec

    def table(self, name: str) -> Mapping[str, Any]:
        """The table [training] or [data], empty if there is none."""
        assert name in FREE_TABLES, name
        return self.plugins_toml.free.get(name, {})

    def groups(self) -> dict[str, GroupSettings]:
        """The tables [groups.<name>]."""
        return {
            name: read_table(GroupSettings, table, f"[groups.{name}]")
            for name, table in self.plugins_toml.groups.items()
        }

    def _source(self, name: str, expected: type[SpecType], kind: str) -> tuple[SpecType, Any]:
        active = [key for key, plugin in self.plugins.items() if plugin.kind == kind]
        if name in self.plugins:
            spec = self.plugins[name].spec
            if isinstance(spec, expected):
                return spec, read_table(spec.settings, self.plugins_toml.tables.get(name, {}), f"[plugins.{name}]")
            found = self.plugins[name].kind
            acted = "; redheart run, train and sweep take environments" if found == "environment" else ""
            raise PluginError(
                f"plugin '{name}' is of kind {found}, not {kind} (active {kind}s: {names(active)}){acted}"
            )
        if name in self.installed:
            raise PluginError(
                f"plugin '{name}' is installed but not active; --enable {name} (active {kind}s: {names(active)})"
            )
        raise PluginError(f"there is no {kind} '{name}' (active {kind}s: {names(active)})")


def load_registry(
    plugins_toml: Path | Mapping[str, Any] | None = None,
    enable: Sequence[str] = (),
    disable: Sequence[str] = (),
    overrides: Sequence[str] = (),
    event_plugins: Sequence[object] = (),
    trace: Callable[[str], None] | None = None,
) -> Registry:
    """Load the active plugins.

    Args:
        plugins_toml: A file; what PluginsToml.document gave; or None for ./plugins.toml
            if there is one, else the file shipped with redheart.
        enable: Plugins to add at the end of the list.
        disable: Plugins to take off the list.
        overrides: Settings as "plugin.key=value".
        event_plugins: Objects with event hooks, such as a progress display; called first.
        trace: Gets a line of text about each hook call.

    Raises:
        SettingsError: Everything that is wrong with the configuration.
        PluginError: A plugin cannot be imported or breaks its contract, or the nodes do not fit together.
    """
    if isinstance(plugins_toml, Mapping):
        document, where = plugins_toml, "the stored configuration"
    else:
        path = find_plugins_toml(plugins_toml)
        document, where = parse_file(path), str(path)
    installed = with_copies(installed_plugins(named_plugins(document, enable)), document)
    disable = disabled(disable, document, enable, installed)
    configuration = resolve(document, where, installed, enable, disable, overrides)
    manager = plugin_manager()
    if trace is not None:
        _trace(manager, trace)
    plugins, broken = load_active(manager, [installed[name] for name in configuration.active])
    complaints = list(configuration.complaints)
    for name, plugin in plugins.items():
        tables, options = configuration.tables.get(name, {}), configuration.options.get(name, {})
        complaints += settings_complaints(plugin, tables, options)
        if "of" in options and not installed[name].original:
            complaints.append(f"[plugins.{name}] of: '{name}' is a plugin of its own; give the copy another name")
    reasons = [str(error) for error in broken]
    if complaints:
        if configuration.missing:
            reasons += [reason for reason in broken_packages(installed.values()) if reason not in reasons]
        raise SettingsError(join_complaints(f"{where} cannot be used:", [*complaints, *reasons]))
    if len(broken) == 1:
        raise broken[0]
    if broken:
        raise PluginError(join_complaints("some active plugins cannot be used:", reasons))
    _check_nodes(_bare_nodes(plugins, configuration), installed)
    for number, listener in reversed(list(enumerate(event_plugins, 1))):
        register(manager, listener, f"event plugin {number}", f"event plugin {number} ({type(listener).__name__})")
    return Registry(Hooks(manager.hook), installed, plugins, configuration)


def _bare_nodes(plugins: Mapping[str, Plugin], configuration: PluginsToml) -> tuple[ActiveNode, ...]:
    """Active nodes before their settings are known."""
    nodes = []
    for name, plugin in plugins.items():
        if isinstance(plugin.spec, NodeSpec):
            assert plugin.kind in ("analyzer", "head", "fusion")
            options = configuration.node_options(name)
            node = ActiveNode(
                spec=plugin.spec,
                kind=plugin.kind,
                plugin=options.of or name,
                distribution=plugin.entry.distribution,
                version=plugin.entry.version,
                group=options.group or plugin.spec.group or name,
                settings=None,
                learning_rate_scale=options.learning_rate_scale,
                loss_weight=options.loss_weight,
                residual=options.residual,
                learns=options.learns,
                beside=options.beside,
                ignores=options.ignores,
                tokenizer=options.tokenizer,
            )
            nodes.append(node)
    return tuple(nodes)


def _check_nodes(nodes: Sequence[ActiveNode], installed: Mapping[str, Installed]) -> None:
    """Everything that is read is given, without a circle, and each head reads its own group."""
    complaints = [
        f"{installed[node.name].entry.owner(node.name)} reads '{read}', but no plugin '{read}' is installed "
        f"(installed: {names(installed)})"
        for node in nodes
        for read in read_nodes(node)
        if read not in installed
    ]
    if complaints:
        raise PluginError(join_complaints("some plugins read what is not there:", complaints))
    plan_groups(nodes)
    groups = {node.name: node.group for node in nodes}
    for node in nodes:
        read_groups = {name: groups[name] for name in read_nodes(node)}
        if node.kind == "head" and node.group not in read_groups.values():
            read = ", ".join(f"'{name}' of group '{group}'" for name, group in sorted(read_groups.items())) or "no node"
            raise PluginError(
                f"head '{node.name}' is in group '{node.group}' but reads {read}; a head reads a node of its own "
                f"group: set group under [plugins.{node.name}], or offer it as an analyzer"
            )


def _trace(manager: pluggy.PluginManager, trace: Callable[[str], None]) -> None:
    def before(hook: str, implementations: Sequence[pluggy.HookImpl], arguments: Mapping[str, object]) -> None:
        called = ", ".join(implementation.plugin_name for implementation in reversed(implementations))
        values = ", ".join(f"{name}={value!r:.200}" for name, value in arguments.items())
        trace(f"{hook}({values}): {called or 'no plugin'}")

    def after(*_: object) -> None:
        pass

    manager.add_hookcall_monitoring(before, after)
