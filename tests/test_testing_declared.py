"""The conformance kit checks declarations, and finds plugins by name, module and folder."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

from redheart_cli.new_plugin import write_plugin
from redheart_core import NodeSpec, Output, PluginError, hookimpl
from redheart_core.discovery.entries import Entry
from redheart_core.testing import (
    PLUGIN_CHECKS,
    ConformanceError,
    NotApplicable,
    Plugin,
    check_plugin,
    conformance_tests,
    load_installed,
    load_module,
    subject_of,
)

ENTRY = Entry("made_up", "json", "made-up", "1.0")
"""Of plugins that no package offers; the module imports quickly."""

check_import_is_clean, check_declaration, check_builders_exist, check_settings = PLUGIN_CHECKS


@attrs.frozen
class WidthSettings:
    """One width."""

    width: int = 12


def build(context: object) -> Any:
    raise AssertionError("a declaration is judged without building")


NODE = NodeSpec(
    name="node",
    meaning="something",
    settings=WidthSettings,
    scales={"tiny": {}, "small": {}, "base": {}, "full": {}},
    reads=("embedding",),
    gives=(Output("mood", "share of each mood", "probabilities", (3,), low=0.0, high=1.0),),
    build=build,
    objective=build,
    targets=("mood",),
)


def plugin_of(spec: NodeSpec, kind: Any = "analyzer") -> Plugin:
    return Plugin(spec.name, kind, spec, ENTRY)


def complaint(check: Callable[[Any], None], plugin: Plugin) -> str:
    with pytest.raises(ConformanceError) as caught:
        check(plugin)
    return str(caught.value)


def test_a_good_declaration_passes() -> None:
    for check in PLUGIN_CHECKS:
        check(plugin_of(NODE))


@attrs.frozen
class ReservedSettings:
    """Takes a key of the core."""

    group: str = ""


@attrs.define
class LooseSettings:
    """Can be changed."""

    width: int = 1


@attrs.frozen
class DemandingSettings:
    """Has no default."""

    width: int


@attrs.frozen
class WrongDefaultSettings:
    """Its own default is refused."""

    width: int = attrs.field(default=0, validator=attrs.validators.ge(1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ReservedSettings, "the setting group is the core's own"),
        (LooseSettings, "LooseSettings can be changed; declare it with @attrs.frozen"),
        (DemandingSettings, "its settings need valid defaults: .*width"),
        (WrongDefaultSettings, "its settings need valid defaults: 'width' must be >= 1"),
        (dict, "its settings need valid defaults: dict has to be an attrs class"),
    ],
)
def test_broken_settings_are_found(settings: type[Any], message: str) -> None:
    scales: dict[str, dict[str, Any]] = {scale: {} for scale in NODE.scales}
    plugin = plugin_of(attrs.evolve(NODE, settings=settings, scales=scales))
    assert re.search(f"plugin 'node': {message}", complaint(check_settings, plugin))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"meaning": " "}, "its meaning is empty"),
        ({"minimum_core": "new"}, "minimum_core has to be a version such as 0.1, got 'new'"),
        ({"scales": {"tiny": {}}}, "it has to declare the scales tiny, small, base, full; it declares tiny"),
        ({"reads": ("a.b.c",)}, "it reads a.b.c; a node reads 'embedding', 'node.output' or a field"),
        ({"reads": ()}, "it reads nothing"),
        ({"gives": ()}, "it gives no output"),
        ({"gives": (NODE.gives[0], NODE.gives[0])}, "it declares an output twice: mood, mood"),
        ({"gives": (Output("a", "", "values"),)}, "output 'a' has no meaning"),
        ({"gives": (Output("a", "b", "values", low=1.0, high=1.0),)}, r"output 'a' has the empty range 1\.\.1"),
        (
            {"gives": (Output("a", "b", "probabilities"),)},
            "output 'a' gives probabilities and has to declare low=0.0, high=1.0",
        ),
        ({"objective": None}, "targets and objective belong together"),
    ],
)
def test_a_broken_declaration_is_found(changes: dict[str, Any], message: str) -> None:
    plugin = plugin_of(attrs.evolve(NODE, **changes))
    with pytest.raises(ConformanceError, match=f"plugin 'node': {message}"):
        check_declaration(plugin)


def test_heads_and_fusions_have_to_read_other_nodes() -> None:
    with pytest.raises(ConformanceError, match="a head has to read outputs of other nodes"):
        check_declaration(plugin_of(NODE, "head"))
    one = attrs.evolve(NODE, reads=("base.state",))
    with pytest.raises(ConformanceError, match="a fusion has to read two or more nodes"):
        check_declaration(plugin_of(one, "fusion"))


def module_with(**functions: Callable[[], object]) -> ModuleType:
    module = ModuleType("redheart_probe")
    for name, function in functions.items():
        setattr(module, name, hookimpl(function, specname=name))
    return module


def test_a_plugin_is_what_its_module_offers() -> None:
    (plugin,) = load_module(module_with(redheart_provide_heads=lambda: [NODE]))
    assert (plugin.name, plugin.kind, plugin.node) == ("node", "head", NODE)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (module_with(), "plugin 'node' .*module redheart_probe\\) implements no hook"),
        (module_with(redheart_provide_heads=lambda: [NODE, NODE]), "offers 'node' more than once"),
        (module_with(redheart_provide_heads=lambda: [][:]), "offers nothing"),
        (module_with(redheart_provide_heads=lambda: [attrs.evolve(NODE, name="X")]), "plugin 'X' .*lower-case letters"),
        (module_with(redheart_provide_nothing=lambda: None), "has an unknown hook 'redheart_provide_nothing'"),
    ],
)
def test_a_module_that_breaks_the_rules_is_refused_by_name(module: ModuleType, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        load_module(module, "node")


def test_a_plugin_that_only_listens_has_nothing_else_to_check() -> None:
    (listener,) = load_module(module_with(redheart_after_run=lambda: None))
    assert listener.kind == "events"
    with pytest.raises(NotApplicable, match="only listens to events"):
        check_declaration(listener)
    with pytest.raises(NotApplicable, match="only listens to events"):
        subject_of(listener)


def test_an_unknown_name_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"plugin 'nobody' is not installed \(packages: .*village"):
        load_installed("nobody")
    with pytest.raises(PluginError, match="holds no plugin; expected a pyproject"):
        check_plugin(tmp_path)


def test_the_plugin_in_a_folder_is_checked_without_being_installed(tmp_path: Path) -> None:
    folder = write_plugin("kit_heavy", tmp_path)
    module = folder / "redheart_kit_heavy" / "__init__.py"
    module.write_text(module.read_text().replace("from redheart_core", "import scipy\nfrom redheart_core", 1))
    before = list(sys.path)
    results = {result.check: result for result in check_plugin(folder)}
    assert sys.path == before
    assert results["import is clean"].status == "failed"
    assert (
        "redheart_kit_heavy has to leave heavy libraries alone, it loaded scipy" in results["import is clean"].message
    )
    assert results["loss falls"].status == "passed"
    assert {result.plugin for result in results.values()} == {"kit_heavy"}


def test_a_data_set_without_its_file_is_skipped_with_the_reason() -> None:
    (result,) = [result for result in check_plugin("jsonl") if result.status == "skipped"]
    assert result.check == "surroundings"
    assert re.search("it needs settings to be tried: .*path", result.message)


def test_the_pytest_function_has_one_case_per_check() -> None:
    (mark,) = conformance_tests("neural_regret").pytestmark  # type: ignore[attr-defined] # pytest adds it
    assert mark.args[0] == ("plugin", "check")
    assert len(mark.args[1]) == 26


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("redheart_core.nn.answers:answer_objective", ""),
        ("redheart_core.nn.answers", 'has to be written as "package.module:function"'),
        ("redheart_core.nn.answers:no_such", "module redheart_core.nn.answers has no function 'no_such'"),
        ("redheart_no_such_module:build", "cannot be imported: ModuleNotFoundError: No module named"),
    ],
)
def test_builders_that_a_spec_names_have_to_be_there(place: str, message: str) -> None:
    plugin = plugin_of(attrs.evolve(NODE, build=place))
    if not message:
        check_builders_exist(plugin)
        return
    with pytest.raises(PluginError, match=f"plugin 'node': the builder '{place}' .*{message}"):
        check_builders_exist(plugin)
    with pytest.raises(PluginError, match=f"plugin 'node': the builder '{place}'"):
        plugin.node.build(None)  # type: ignore[arg-type] # it is not reached


def test_an_import_that_changes_the_process_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "changing_probe.py").write_text(
        "import os\nos.environ['CHANGED'] = '1'\nprint('hello')\nfrom redheart_core import hookimpl\n"
        "@hookimpl\ndef redheart_after_run(event): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugin = Plugin("node", "analyzer", NODE, Entry("node", "changing_probe", "made-up", "1.0"))
    with pytest.raises(ConformanceError, match="importing changing_probe changes the environment variables for the"):
        check_import_is_clean(plugin)


def test_a_module_is_imported_afresh_once_and_again_when_a_file_of_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "probed_package"
    package.mkdir()
    hook = "@hookimpl\ndef redheart_after_run(event): pass\n"
    (package / "__init__.py").write_text(f"from redheart_core import hookimpl\nimport probed_package.part\n{hook}")
    (package / "part.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    plugin = Plugin("node", "analyzer", NODE, Entry("node", "probed_package", "made-up", "1.0"))
    started: list[object] = []
    run = subprocess.run

    def counted(*given: Any, **more: Any) -> Any:
        started.append(given)
        return run(*given, **more)

    monkeypatch.setattr(subprocess, "run", counted)
    check_import_is_clean(plugin)
    check_import_is_clean(plugin)
    assert len(started) == 1
    (package / "part.py").write_text("import os\nos.environ['CHANGED'] = '1'\n")
    with pytest.raises(ConformanceError, match="importing probed_package changes the environment variables"):
        check_import_is_clean(plugin)
    assert len(started) == 2
