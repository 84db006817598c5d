"""Exact calculators on a caller's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def calculate(
    name: str,
    inputs: Mapping[str, Any],
    *,
    settings: Mapping[str, object] | None = None,
    plugins: str | Path | None = None,
) -> dict[str, Any]:
    """Compute an exact calculator.

    Args:
        name: Of the calculator; `redheart plugins info NAME` describes its inputs and settings.
        inputs: Numbers, nested lists or arrays by name; None and NaN are missing numbers.
        settings: Its settings by name, in place of the defaults.
        plugins: A plugins.toml with other defaults.

    Raises:
        DataError: It cannot use the inputs.
        PluginError: There is no such calculator.
        SettingsError: A setting is wrong.

    Examples:
        >>> calculate("exact_votes", {"votes": [[3, 1]]})["shares"]
        [[0.75, 0.25]]
    """
    from redheart.options import PluginChoice
    from redheart_core import calculate as compute
    from redheart_registry.calculators import load_calculator

    choice = PluginChoice.of(plugins, settings={f"{name}.{key}": value for key, value in (settings or {}).items()})
    spec, own = load_calculator(name, choice.plugins_toml, choice.overrides)
    return compute(spec, own, inputs)
