"""Import a plugin's module and take what its hooks offer: any number of specs of any kinds."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any, Literal, get_args

import attrs
import pluggy

from redheart_core.contract import hookspecs
from redheart_core.contract.agents import AgentSpec, EnvironmentSpec
from redheart_core.contract.calculators import CalculatorSpec
from redheart_core.contract.data import DatasetSpec, EncoderSpec
from redheart_core.contract.errors import PluginError
from redheart_core.contract.explanations import ExplanationSpec
from redheart_core.contract.layers import LayerSpec
from redheart_core.contract.markers import PROJECT_NAME
from redheart_core.contract.models import ModelSpec
from redheart_core.contract.nodes import NodeSpec
from redheart_core.contract.signs import SignSpec
from redheart_core.discovery.entries import NOT_INSTALLED, Entry, check_entry, names
from redheart_core.discovery.fence import fence

Kind = Literal[
    "dataset",
    "encoder",
    "analyzer",
    "head",
    "fusion",
    "calculator",
    "environment",
    "agent",
    "model",
    "signs",
    "layer",
    "explanation",
    "events",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Spec = (
    DatasetSpec
    | EncoderSpec
    | NodeSpec
    | CalculatorSpec
    | EnvironmentSpec
    | AgentSpec
    | ModelSpec
    | SignSpec
    | LayerSpec
    | ExplanationSpec
)

_PROVIDERS: Mapping[str, tuple[Kind, type[Any]]] = MappingProxyType(
    {
        "redheart_provide_datasets": ("dataset", DatasetSpec),
        "redheart_provide_encoders": ("encoder", EncoderSpec),
        "redheart_provide_analyzers": ("analyzer", NodeSpec),
        "redheart_provide_heads": ("head", NodeSpec),
        "redheart_provide_fusions": ("fusion", NodeSpec),
        "redheart_provide_calculators": ("calculator", CalculatorSpec),
        "redheart_provide_environments": ("environment", EnvironmentSpec),
        "redheart_provide_agents": ("agent", AgentSpec),
        "redheart_provide_models": ("model", ModelSpec),
        "redheart_provide_signs": ("signs", SignSpec),
        "redheart_provide_layers": ("layer", LayerSpec),
        "redheart_provide_explanations": ("explanation", ExplanationSpec),
    }
)


@attrs.frozen
class Plugin:
    """One spec that a module offers, or the event hooks of a module that offers none."""

    name: str
    kind: Kind
    spec: Spec | None
    """None for event hooks alone."""
    entry: Entry

    @property
    def owner(self) -> str:
        """The plugin and the package that it comes from, for messages."""
        return self.entry.owner(self.name)

    @property
    def node(self) -> NodeSpec:
        """The node's spec.

        Raises:
            PluginError: The plugin offers something else.
        """
        if not isinstance(self.spec, NodeSpec):
            raise PluginError(f"plugin '{self.name}' offers no node (kind: {self.kind})")
        return self.spec


def plugin_manager() -> pluggy.PluginManager:
    """A manager that knows redheart's hooks and no plugin."""
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    return manager


def load_entry(entry: Entry) -> tuple[Plugin, ...]:
    """Import a module and take all that it offers, apart from all other plugins; specs are not checked yet.

    Raises:
        PluginError: It cannot be imported, or its hooks do not fit.
    """
    return offers_of(entry, import_entry(entry))


def offers_of(entry: Entry, module: ModuleType) -> tuple[Plugin, ...]:
    """The same for a module that is imported already."""
    manager = plugin_manager()
    register(manager, module, entry.module, entry.owner())
    return ask(manager, module, entry)


def import_entry(entry: Entry, wanted: Sequence[str] = ()) -> ModuleType:
    """Import a plugin's module.

    Args:
        entry: Where it is.
        wanted: The plugins of it that are active, which the remedy names; the entry point's name if there are none.

    Raises:
        PluginError: Names plugin, distribution, reason and remedy.
    """
    check_entry(entry)
    try:
        with fence(entry.owner()):
            return importlib.import_module(entry.module)
    except PluginError:
        raise
    except (Exception, SystemExit) as error:  # a plugin's module may raise anything; the error has to name its owner
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        disable = " ".join(f"--disable {name}" for name in wanted or (entry.name,))
        remedy = f"repair it ({_repair(entry, error)}) or leave it out ({disable})"
        raise PluginError(f"{entry.owner()} cannot be imported: {reason}; {remedy}") from error


def register(manager: pluggy.PluginManager, plugin: object, name: str, title: str) -> None:
    """Register an object with hooks; every function called redheart_* has to be one.

    Raises:
        PluginError: An unknown hook, a missing marker, or unknown arguments.
    """
    known = {hook for hook in vars(hookspecs) if hook.startswith("redheart_")}
    for attribute in dir(plugin):
        if not attribute.startswith("redheart_") or not inspect.isroutine(getattr(plugin, attribute)):
            continue
        if attribute not in known:
            raise PluginError(f"{title} has an unknown hook '{attribute}' (hooks: {names(known)})")
        if manager.parse_hookimpl_opts(plugin, attribute) is None:
            raise PluginError(f"{title}: '{attribute}' has to be marked with @hookimpl")
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{title} does not fit redheart's hooks: {' '.join(str(error).split())}") from error


def ask(manager: pluggy.PluginManager, module: ModuleType, entry: Entry) -> tuple[Plugin, ...]:
    """Take all that a registered module offers, in the order of its hooks' lists.

    Raises:
        PluginError: It implements no hook, offers nothing or a name twice, or a hook fails or gives no list of specs.
    """
    callers = {caller.name for caller in manager.get_hookcallers(module) or ()}
    if not callers:
        raise PluginError(f"{entry.owner()} implements no hook (hooks: {names(vars(manager.hook))})")
    others = [plugin for plugin in manager.get_plugins() if plugin is not module]
    found = []
    for hook, (kind, expected) in _PROVIDERS.items():
        if hook not in callers:
            continue
        for spec in _call(manager.subset_hook_caller(hook, others), entry, hook):
            if not isinstance(spec, expected):
                wanted = f"a list of {expected.__name__}"
                raise PluginError(f"{entry.owner()}: {hook} has to return {wanted}, got {type(spec).__name__}")
            found.append(Plugin(spec.name, kind, spec, entry))
    twice = sorted({plugin.name for plugin in found if [other.name for other in found].count(plugin.name) > 1})
    if twice:
        raise PluginError(f"{entry.owner()} offers {', '.join(map(repr, twice))} more than once")
    if not found and callers <= _PROVIDERS.keys():
        raise PluginError(f"{entry.owner()} offers nothing; its hooks return empty lists")
    return tuple(found) or (Plugin(entry.name, "events", None, entry),)


def _call(caller: pluggy.HookCaller, entry: Entry, hook: str) -> list[Any]:
    try:
        with fence(entry.owner()):
            answers = caller()
    except PluginError:
        raise
    except Exception as error:  # a plugin's code may raise anything; the error has to name its owner
        raise PluginError(f"{entry.owner()}: {hook} failed with {type(error).__name__}: {error}") from error
    specs = answers[0] if answers else None
    if not isinstance(specs, list):
        raise PluginError(f"{entry.owner()}: {hook} has to return a list, got {type(specs).__name__}")
    return specs


def _repair(entry: Entry, error: BaseException) -> str:
    package = error.name.partition(".")[0] if isinstance(error, ModuleNotFoundError) and error.name else ""
    if package and package != entry.module.partition(".")[0]:
        return f"pip install {package}"
    if entry.version == NOT_INSTALLED:
        return "correct its module"
    return f"pip install --force-reinstall {entry.distribution}"
