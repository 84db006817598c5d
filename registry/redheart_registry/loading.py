"""Import plugins, register them with pluggy, and check what they offer against the contract."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any

import attrs
import pluggy

from redheart_core import SCALES, CalculatorSpec, DatasetSpec, EncoderSpec, NodeSpec, PluginError
from redheart_core.contract import hookspecs
from redheart_core.contract.errors import join_complaints
from redheart_core.contract.markers import PROJECT_NAME
from redheart_core.storage.settings import check_table, setting_names
from redheart_registry.installed import Entry, Kind, check_entry, core_version, names, owner
from redheart_registry.plugins_toml import OPTION_NAMES

Spec = DatasetSpec | EncoderSpec | NodeSpec | CalculatorSpec

_PROVIDERS: Mapping[str, tuple[Kind, type[Any]]] = MappingProxyType(
    {
        "redheart_provide_datasets": ("dataset", DatasetSpec),
        "redheart_provide_encoders": ("encoder", EncoderSpec),
        "redheart_provide_analyzers": ("analyzer", NodeSpec),
        "redheart_provide_heads": ("head", NodeSpec),
        "redheart_provide_fusions": ("fusion", NodeSpec),
        "redheart_provide_calculators": ("calculator", CalculatorSpec),
    }
)


@attrs.frozen
class LoadedPlugin:
    """An imported plugin that keeps the contract."""

    entry: Entry
    kind: Kind
    spec: Spec | None
    """None for a plugin of event hooks alone."""


def plugin_manager() -> pluggy.PluginManager:
    """A manager that knows redheart's hooks and no plugin."""
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    return manager


def import_plugin(entry: Entry) -> ModuleType:
    """Import a plugin's module.

    Raises:
        PluginError: Names plugin, distribution, reason and way out.
    """
    check_entry(entry)
    try:
        return importlib.import_module(entry.module)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything; the error has to name its owner
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(
            f"{owner(entry)} cannot be imported: {reason}; "
            f"mend it ({_repair(entry, error)}) or leave it out (--disable {entry.name})"
        ) from error


def _repair(entry: Entry, error: BaseException) -> str:
    package = error.name.partition(".")[0] if isinstance(error, ModuleNotFoundError) and error.name else ""
    if package and package != entry.module.partition(".")[0]:
        return f"pip install {package}"
    return f"pip install --force-reinstall {entry.distribution}"


def register(manager: pluggy.PluginManager, plugin: object, name: str, title: str) -> None:
    """Register an object with hooks; every function called redheart_* has to be one.

    Raises:
        PluginError: An unknown hook, a missing marker, unknown arguments, or registered before.
    """
    known = {hook for hook in vars(hookspecs) if hook.startswith("redheart_")}
    for attribute in dir(plugin):
        if not attribute.startswith("redheart_") or not inspect.isroutine(getattr(plugin, attribute)):
            continue
        if attribute not in known:
            raise PluginError(f"{title} has an unknown hook '{attribute}' (hooks: {names(known)})")
        if manager.parse_hookimpl_opts(plugin, attribute) is None:
            raise PluginError(f"{title}: '{attribute}' has to be marked with @hookimpl")
    if manager.is_registered(plugin):
        raise PluginError(f"{title} is the same module as plugin '{manager.get_name(plugin)}'; each needs its own")
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{title} does not fit redheart's hooks: {' '.join(str(error).split())}") from error


def examine(manager: pluggy.PluginManager, entry: Entry) -> LoadedPlugin:
    """Ask a registered plugin for its spec and check it.

    Raises:
        PluginError: It breaks the contract; the message says how.
    """
    module = manager.get_plugin(entry.name)
    callers = manager.get_hookcallers(module) or []
    if not callers:
        raise PluginError(f"{owner(entry)} implements no hook (hooks: {names(vars(manager.hook))})")
    others = [plugin for plugin in manager.get_plugins() if plugin is not module]
    offers: list[tuple[Kind, Any]] = []
    for hook, (kind, expected) in _PROVIDERS.items():
        if hook not in {caller.name for caller in callers}:
            continue
        for offered in _ask(manager.subset_hook_caller(hook, others), entry, hook):
            if not isinstance(offered, expected):
                raise PluginError(
                    f"{owner(entry)}: {hook} has to return a list of {expected.__name__}, got {type(offered).__name__}"
                )
            offers.append((kind, offered))
    provides = [caller.name for caller in callers if caller.name in _PROVIDERS]
    if not provides:
        return LoadedPlugin(entry, "events", None)
    if len(offers) != 1:
        given = names(spec.name for _, spec in offers)
        raise PluginError(f"{owner(entry)} has to give exactly one spec, got {len(offers)} ({given})")
    kind, spec = offers[0]
    _check_spec(entry, spec)
    return LoadedPlugin(entry, kind, spec)


def load_one(entry: Entry) -> LoadedPlugin:
    """Import, register and examine a single plugin, apart from all others."""
    manager = plugin_manager()
    register(manager, import_plugin(entry), entry.name, owner(entry))
    return examine(manager, entry)


def _ask(caller: pluggy.HookCaller, entry: Entry, hook: str) -> list[object]:
    try:
        answers = caller()
    except Exception as error:  # a stranger's code may raise anything; the error has to name its owner
        raise PluginError(f"{owner(entry)}: {hook} failed with {type(error).__name__}: {error}") from error
    specs = answers[0] if answers else None
    if not isinstance(specs, list):
        raise PluginError(f"{owner(entry)}: {hook} has to return a list, got {type(specs).__name__}")
    return specs


def _check_spec(entry: Entry, spec: Spec) -> None:
    """What holds for every kind, then what holds for nodes."""
    if spec.name != entry.name:
        raise PluginError(f"{owner(entry)}: its spec is named '{spec.name}'; it has to be named '{entry.name}'")
    own, needed = _release(core_version()), _release(spec.minimum_core)
    if needed is None:
        raise PluginError(f"{owner(entry)}: minimum_core has to be a version such as '0.1', got '{spec.minimum_core}'")
    assert own is not None
    if needed > own:
        raise PluginError(
            f"{owner(entry)} needs redheart {spec.minimum_core} or newer, this is {core_version()}; "
            f"pip install --upgrade redheart, or leave it out (--disable {entry.name})"
        )
    try:
        keys = setting_names(spec.settings)
    except (TypeError, NameError, AttributeError) as error:
        raise PluginError(f"{owner(entry)}: its settings class cannot be used: {error}") from error
    taken = [key for key in keys if key in OPTION_NAMES]
    if taken:
        raise PluginError(f"{owner(entry)}: settings cannot be named {', '.join(taken)}; redheart reads those itself")
    if isinstance(spec, NodeSpec):
        _check_node(entry, spec)


def _check_node(entry: Entry, spec: NodeSpec) -> None:
    if set(spec.scales) != set(SCALES):
        raise PluginError(f"{owner(entry)} has to have the scales {', '.join(SCALES)}, got {names(spec.scales)}")
    complaints = [
        complaint for scale in SCALES for complaint in check_table(spec.settings, spec.scales[scale], f"scale {scale}:")
    ]
    if complaints:
        raise PluginError(join_complaints(f"{owner(entry)} has scales that do not fit its settings:", complaints))
    given = [output.name for output in spec.gives]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise PluginError(f"{owner(entry)} declares an output more than once: {', '.join(twice)}")
    if not given:
        raise PluginError(f"{owner(entry)} declares no output; a node gives at least one")


def settings_complaints(plugin: LoadedPlugin, table: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """What is wrong with a plugin's table, as far as that does not depend on the scale."""
    where = f"[plugins.{plugin.entry.name}]"
    also = OPTION_NAMES if isinstance(plugin.spec, NodeSpec) else ()
    complaints = check_table(plugin.spec.settings, table, where, also) if plugin.spec is not None else []
    if plugin.spec is None and table:
        complaints.append(f"{where}: a plugin of event hooks has no settings, got {names(table)}")
    if options and not isinstance(plugin.spec, NodeSpec):
        complaints.append(f"{where}: only nodes have {names(options)}; '{plugin.entry.name}' is of kind {plugin.kind}")
    return complaints


def _release(version: str) -> tuple[int, ...] | None:
    """The numbers that a version begins with, without trailing zeros; enough to say which one is newer."""
    match = re.match(r"\d+(\.\d+)*", version)
    if match is None:
        return None
    numbers = [int(number) for number in match[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
