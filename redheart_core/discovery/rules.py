"""What a spec has to be before it can be used."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from redheart_core.config.tables import NODE_OPTIONS, TrainSettings
from redheart_core.contract.agents import AgentSpec
from redheart_core.contract.errors import PluginError, join_complaints
from redheart_core.contract.nodes import SCALES, NodeSpec
from redheart_core.contract.signs import SIGN_KINDS, SignSpec
from redheart_core.discovery.entries import core_version, name_complaint, names
from redheart_core.discovery.offers import Plugin
from redheart_core.storage.settings import check_table, setting_names


def check_rules(plugin: Plugin) -> None:
    """Refuse a spec that nothing could be done with: what holds for every kind, then what holds for nodes.

    Raises:
        PluginError: Names plugin, package and what is wrong.
    """
    spec, owner = plugin.spec, plugin.owner
    if spec is None:
        return
    complaint = name_complaint(spec.name)
    if complaint:
        raise PluginError(f"{owner}: {complaint}")
    _check_version(plugin, spec.minimum_core)
    try:
        keys = setting_names(spec.settings)
    except (TypeError, NameError, AttributeError) as error:
        raise PluginError(f"{owner}: its settings class cannot be used: {error}") from error
    taken = [key for key in keys if key in NODE_OPTIONS]
    if taken:
        raise PluginError(f"{owner}: settings cannot be named {', '.join(taken)}; redheart reads those itself")
    if isinstance(spec, NodeSpec | AgentSpec):
        _check_scales(owner, spec)
    if isinstance(spec, AgentSpec) and (complaints := check_table(TrainSettings, spec.training, "training")):
        raise PluginError(join_complaints(f"{owner}: its training is no table [training]:", complaints))
    if isinstance(spec, NodeSpec):
        _check_outputs(owner, spec)
    if isinstance(spec, SignSpec):
        _check_signs(owner, spec)


def _check_version(plugin: Plugin, minimum: str) -> None:
    try:
        needed = Version(minimum)
    except InvalidVersion as error:
        wanted = "minimum_core has to be a version such as '0.1'"
        raise PluginError(f"{plugin.owner}: {wanted}, got '{minimum}'") from error
    if needed > Version(core_version()):
        raise PluginError(
            f"{plugin.owner} needs redheart {minimum} or newer, this is {core_version()}; "
            f"pip install --upgrade redheart, or leave it out (--disable {plugin.name})"
        )


def _check_scales(owner: str, spec: NodeSpec | AgentSpec) -> None:
    if set(spec.scales) != set(SCALES):
        raise PluginError(f"{owner} has to have the scales {', '.join(SCALES)}, got {names(spec.scales)}")
    complaints = [
        complaint for scale in SCALES for complaint in check_table(spec.settings, spec.scales[scale], f"scale {scale}:")
    ]
    if complaints:
        raise PluginError(join_complaints(f"{owner} has scales that do not fit its settings:", complaints))


def _check_outputs(owner: str, spec: NodeSpec) -> None:
    given = [output.name for output in spec.gives]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise PluginError(f"{owner} declares an output more than once: {', '.join(twice)}")
    if not given and spec.learns_any is None:
        raise PluginError(f"{owner} declares no output; a node gives at least one")


def _check_signs(owner: str, spec: SignSpec) -> None:
    for pattern in spec.patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise PluginError(
                f"{owner} has a pattern that is no regular expression, {pattern!r:.80}: {error}"
            ) from error
    if spec.kind not in SIGN_KINDS:
        helped = any(spec.kind in line.kinds for line in spec.helplines)
        if not (helped and spec.opening):
            raise PluginError(
                f"{owner} finds signs of the new kind '{spec.kind}' and has to bring an opening and helplines for it "
                f"(kinds that core has help for: {', '.join(SIGN_KINDS)})"
            )
