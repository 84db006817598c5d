"""Checks of what a plugin declares; nothing is built."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from redheart_core.config.tables import NODE_OPTIONS
from redheart_core.contract.builders import Builder
from redheart_core.contract.calculators import CalculatorSpec
from redheart_core.contract.catalogue import CATALOGUE
from redheart_core.contract.data import DatasetSpec, EncoderSpec
from redheart_core.contract.errors import SettingsError
from redheart_core.contract.nodes import SCALES, NodeSpec, Output
from redheart_core.discovery.offers import Spec
from redheart_core.groups.binding import resolve_node
from redheart_core.storage.settings import as_table, read_table, setting_names
from redheart_core.testing.plugin import ConformanceError, NotApplicable, Plugin, require

HEAVY = ("torch", "sklearn", "scipy", "pandas", "matplotlib", "transformers", "sentence_transformers")
"""Libraries that a plugin may import only when it computes."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
_READ = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_PROBE = """
import importlib, json, sys
import numpy, redheart_core  # plugins may import them; what they set up themselves is no change of theirs
from redheart_core.discovery.fence import fence
with fence("the plugin") as changed:
    module = importlib.import_module(sys.argv[1])
    for name in dir(module):
        if name.startswith("redheart_provide_"):
            getattr(module, name)()
print(json.dumps([changed, [name for name in sys.argv[2].split(",") if name in sys.modules]]))
"""


def check_import_is_clean(plugin: Plugin) -> None:
    """Importing the plugin and calling its provide hooks loads no heavy library and changes nothing for others."""
    entry = plugin.entry
    code, printed = _imported_afresh(entry.module, tuple(path for path in sys.path if path), _stamps(entry.module))
    if code:
        raise ConformanceError(
            f"plugin '{plugin.name}' cannot be imported in a fresh process: {printed.strip().splitlines()[-1]}"
        )
    changed, loaded = json.loads(printed)
    require(
        plugin,
        not loaded,
        f"importing {entry.module} has to leave heavy libraries alone, it loaded {', '.join(loaded)}; "
        "import them inside the functions that compute",
    )
    require(
        plugin,
        not changed,
        f"importing {entry.module} changes {', '.join(changed)} for the whole process; redheart puts that back, "
        "so set it inside the functions that need it, and put it back there",
    )


@lru_cache(maxsize=8)
def _imported_afresh(module: str, path: tuple[str, ...], stamps: tuple[tuple[str, int], ...]) -> tuple[int, str]:
    """Exit code of the probe, and its output or what went wrong; once for all that one module offers, as it is now."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, "-c", _PROBE, module, ",".join(HEAVY)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return result.returncode, result.stderr if result.returncode else result.stdout


def _stamps(module: str) -> tuple[tuple[str, int], ...]:
    """The Python files of a module's package or, of a module by itself, its own, each with when it was changed."""
    found = find_spec(module)
    if found is None or found.origin is None:
        return ()
    files = [Path(found.origin)]
    for folder in found.submodule_search_locations or ():
        files += sorted(Path(folder).rglob("*.py"))
    return tuple((str(file), file.stat().st_mtime_ns) for file in files if file.exists())


def check_declaration(plugin: Plugin) -> None:
    """Names, meanings and versions are there, and a node's declaration makes sense by itself."""
    spec = _spec(plugin)
    require(plugin, bool(_NAME.fullmatch(spec.name)), "its name has to be small letters, digits and underscores")
    require(plugin, bool(spec.meaning.strip()), "its meaning is empty; say in a sentence what it does")
    require(
        plugin,
        bool(_VERSION.fullmatch(spec.minimum_core)),
        f"minimum_core has to be a version such as 0.1, got {spec.minimum_core!r}",
    )
    if isinstance(spec, NodeSpec):
        _check_node(plugin, spec)
    if isinstance(spec, CalculatorSpec):
        _check_calculator(plugin, spec)


def check_builders_exist(plugin: Plugin) -> None:
    """Every function that the spec names can be imported."""
    spec = _spec(plugin)
    for field in attrs.fields(type(spec)):
        if isinstance(builder := getattr(spec, field.name), Builder):
            builder.resolve()


def check_settings(plugin: Plugin) -> None:
    """Settings are frozen, have defaults, survive a round trip through TOML and JSON, and refuse unknown keys."""
    cls = _spec(plugin).settings
    where = f"[plugins.{plugin.name}]"
    try:
        names = setting_names(cls)
        default = cls()
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"plugin '{plugin.name}': its settings need valid defaults: {error}") from error
    clash = sorted(set(names) & set(NODE_OPTIONS))
    require(plugin, not clash, f"the setting {', '.join(clash)} is the core's own; take another name")
    for name in attrs.fields_dict(cls):
        try:
            setattr(default, name, getattr(default, name))
        except attrs.exceptions.FrozenInstanceError:
            continue
        raise ConformanceError(f"plugin '{plugin.name}': {cls.__name__} can be changed; declare it with @attrs.frozen")
    for title, table in _declared_tables(_spec(plugin)).items():
        settings = read_table(cls, table, f"{title} of {where}")
        again = read_table(cls, json.loads(json.dumps(as_table(settings))), where)
        require(plugin, again == settings, f"settings of {title} came back as {again}, they were {settings}")
    try:
        read_table(cls, {"no_such_setting": 1}, where)
    except SettingsError:
        return
    raise ConformanceError(f"plugin '{plugin.name}': its settings accept a key that they do not have")


def _declared_tables(spec: Spec) -> dict[str, Mapping[str, Any]]:
    """Every table of settings that a spec declares, by its title."""
    tables: dict[str, Mapping[str, Any]] = {"the defaults": {}}
    if isinstance(spec, NodeSpec):
        tables |= {f"scale '{name}'": table for name, table in spec.scales.items()}
    if isinstance(spec, DatasetSpec | EncoderSpec) and spec.sample is not None:
        tables["the sample"] = spec.sample
    return tables


def _check_node(plugin: Plugin, spec: NodeSpec) -> None:
    spec, learns_any = resolve_node(spec, CATALOGUE), spec.learns_any is not None
    require(
        plugin,
        set(spec.scales) == set(SCALES),
        f"it has to declare the scales {', '.join(SCALES)}; it declares {', '.join(spec.scales) or 'none'}",
    )
    wrong = [read for read in spec.reads if not _READ.fullmatch(read)]
    require(plugin, not wrong, f"it reads {', '.join(wrong)}; a node reads 'embedding', 'node.output' or a field")
    unanswered = [field for field in spec.gathers if not _is_fused(spec, field)]
    require(
        plugin,
        not unanswered,
        f"it gathers {', '.join(unanswered)}; declare each of them in optional_targets, and an output of that name",
    )
    may_gather = plugin.kind == "fusion" or bool(spec.gathers_from) or not spec.gathers
    require(plugin, may_gather, f"it gathers, and is of kind {plugin.kind}; offer it as a fusion, or name gathers_from")
    require(plugin, bool(spec.gathers) or not spec.gathers_from, "it names gathers_from and gathers no field")
    sources = {read.partition(".")[0] for read in spec.reads if "." in read}
    require(plugin, bool(spec.reads or spec.gathers), "it reads nothing, so it cannot know the text")
    require(
        plugin,
        plugin.kind == "analyzer" or bool(sources or spec.gathers),
        f"a {plugin.kind} has to read outputs of other nodes",
    )
    enough = plugin.kind != "fusion" or len(sources) > 1 or bool(spec.gathers)
    require(plugin, enough, "a fusion has to read two or more nodes, or to gather answers")
    require(plugin, bool(spec.gives) or learns_any, "it gives no output")
    names = [output.name for output in spec.gives]
    require(plugin, len(set(names)) == len(names), f"it declares an output twice: {', '.join(names)}")
    for output in spec.gives:
        _check_output(plugin, output)
    require(
        plugin,
        bool(spec.targets or spec.optional_targets or learns_any) == (spec.objective is not None),
        "targets and objective belong together; declare both or neither",
    )


def _is_fused(spec: NodeSpec, field: str) -> bool:
    """Whether the node learns and gives a field that it gathers."""
    return field in spec.optional_targets and field in {output.name for output in spec.gives}


def _check_calculator(plugin: Plugin, spec: CalculatorSpec) -> None:
    names = [given.name for given in spec.inputs]
    require(plugin, bool(names), "it takes no input")
    require(plugin, len(set(names)) == len(names), f"it declares an input twice: {', '.join(names)}")
    for given in spec.inputs:
        what = f"input '{given.name}'"
        require(plugin, bool(_NAME.fullmatch(given.name)), f"{what} has to be named in small letters and underscores")
        require(plugin, bool(given.meaning.strip()), f"{what} has no meaning; say in a few words what it is")
        require(
            plugin,
            given.axes.startswith("(") and given.axes.endswith(")"),
            f"{what} has the axes '{given.axes}'; write them as in (N,) or (acts, states), and () for one number",
        )
    try:
        json.dumps(spec.example, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"plugin '{plugin.name}': its example has to be plain JSON: {error}") from error


def _check_output(plugin: Plugin, output: Output) -> None:
    what = f"output '{output.name}'"
    require(plugin, bool(_NAME.fullmatch(output.name)), f"{what} has to be named in small letters and underscores")
    require(plugin, bool(output.meaning.strip()), f"{what} has no meaning; say in a few words what it is")
    require(plugin, output.low < output.high, f"{what} has the empty range {output.low:g}..{output.high:g}")
    bounded = output.form != "probabilities" or (output.low, output.high) == (0.0, 1.0)
    require(plugin, bounded, f"{what} gives probabilities and has to declare low=0.0, high=1.0")


def _spec(plugin: Plugin) -> Spec:
    if plugin.spec is None:
        raise NotApplicable("it only listens to events")
    return plugin.spec
