"""All checks of a plugin: as results for a table, and as pytest tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import attrs

from redheart_core.contract.agents import AgentSpec, EnvironmentSpec
from redheart_core.contract.calculators import CalculatorSpec
from redheart_core.contract.data import DatasetSpec, EncoderSpec
from redheart_core.contract.errors import PluginError, RedheartError
from redheart_core.contract.explanations import ExplanationSpec
from redheart_core.contract.layers import LayerSpec
from redheart_core.contract.models import ModelSpec
from redheart_core.contract.nodes import NodeSpec
from redheart_core.contract.signs import SignSpec
from redheart_core.storage.packaged import packaged_path
from redheart_core.storage.settings import read_table
from redheart_core.testing import (
    agent_checks,
    calculator_checks,
    data_checks,
    environment_checks,
    explanation_checks,
    layer_checks,
    model_checks,
    sign_checks,
)
from redheart_core.testing.checks import (
    AGENT_CHECKS,
    CALCULATOR_CHECKS,
    DATASET_CHECKS,
    ENCODER_CHECKS,
    ENVIRONMENT_CHECKS,
    EXPLANATION_CHECKS,
    LAYER_CHECKS,
    LONG_CHECKS,
    MODEL_CHECKS,
    NODE_CHECKS,
    PLUGIN_CHECKS,
    SIGN_CHECKS,
    AnySubject,
    Check,
)
from redheart_core.testing.discovery import importable, load_folder, load_module, load_named
from redheart_core.testing.plugin import NotApplicable, Plugin
from redheart_core.testing.sample import real_chunks, sample_for
from redheart_core.testing.subject import Sample, make_subject

if TYPE_CHECKING:
    import pytest


@attrs.frozen
class CheckResult:
    """What one check found in one plugin."""

    plugin: str
    check: str
    """Its name in words."""
    status: Literal["passed", "failed", "skipped"]
    message: str = ""
    """Why it failed, or why there was nothing to check."""


def checks_of(plugin: Plugin) -> tuple[Check, ...]:
    """The checks that a plugin of this kind has to pass, those of its declaration first."""
    return PLUGIN_CHECKS + _subject_checks(plugin)


def marks_of(check: Check) -> list[pytest.MarkDecorator]:
    """Of a test that makes a check."""
    import pytest

    return [pytest.mark.thorough] if check in LONG_CHECKS else []


def title(check: Check) -> str:
    """A check's name in words."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def subject_of(
    plugin: Plugin,
    sample: Sample | None = None,
    beside: Sequence[Plugin] = (),
    settings: Mapping[str, Any] | None = None,
) -> AnySubject:
    """What the checks of this kind of plugin look at.

    Args:
        plugin: Any but one that only listens to events.
        sample: Records for nodes; those of the data set that redheart ships with a sample if not given.
        beside: Plugins that need not be installed.
        settings: Of a data set or encoder, where its defaults are not enough; calculators are tried with theirs.

    Raises:
        NotApplicable: A data set or encoder cannot be used with its defaults, and there are no settings.
        RedheartError: A node's surroundings are not there; names what is missing.
    """
    spec = plugin.spec
    if isinstance(spec, NodeSpec):
        return make_subject(plugin, sample_for(spec) if sample is None else sample, beside)
    if spec is None:
        raise NotApplicable("it only listens to events")
    if isinstance(spec, CalculatorSpec):
        return calculator_checks.CalculatorSubject(plugin, spec)
    if isinstance(spec, ModelSpec):
        return model_checks.ModelSubject(plugin, packaged_path(spec.folder, PluginError))
    if isinstance(spec, SignSpec):
        return sign_checks.SignSubject(plugin, spec)
    if isinstance(spec, LayerSpec):
        return layer_checks.layer_subject(plugin, spec)
    if isinstance(spec, EnvironmentSpec):
        return environment_checks.environment_subject(plugin, spec, settings)
    if isinstance(spec, AgentSpec):
        return agent_checks.agent_subject(plugin, spec, settings)
    if isinstance(spec, ExplanationSpec):
        return explanation_checks.ExplanationSubject(plugin, spec, explanation_checks.made_up_texts())
    assert isinstance(spec, DatasetSpec | EncoderSpec)  # no other kind has checks
    values = read_table(spec.settings, settings or {}, f"[plugins.{plugin.name}]")
    try:
        if isinstance(spec, DatasetSpec):
            return data_checks.DatasetSubject(plugin, spec, values, data_checks.first_records(spec, values))
        spec.fit(values, real_chunks())
    except RedheartError as error:
        if settings is None:
            raise NotApplicable(f"it needs settings to be tried: {error}") from error
        raise
    return data_checks.EncoderSubject(plugin, spec, values, real_chunks())


def check_plugin(
    target: str | Path | ModuleType, sample: Sample | None = None, settings: Mapping[str, Any] | None = None
) -> list[CheckResult]:
    """Run all checks of all plugins of a target and collect what they find.

    Args:
        target: The name of an installed package or plugin, the folder of one that need not be installed, or a module.
        sample: As subject_of.
        settings: As subject_of, of a single data set or encoder.

    Raises:
        PluginError: There is no such plugin, or it cannot be loaded.
    """
    with importable(target) if isinstance(target, Path) else nullcontext():
        plugins = _load(target)
        return [result for plugin in plugins for result in run_checks(plugin, sample, plugins, settings)]


def run_checks(
    plugin: Plugin,
    sample: Sample | None = None,
    beside: Sequence[Plugin] = (),
    settings: Mapping[str, Any] | None = None,
) -> list[CheckResult]:
    """Run all checks of a loaded plugin."""
    results = [_run(plugin, check, plugin) for check in PLUGIN_CHECKS]
    found: list[AnySubject] = []

    def surroundings(plugin: Plugin) -> None:
        found.append(subject_of(plugin, sample, beside, settings))

    if checks := _subject_checks(plugin):
        first = _run(plugin, surroundings, plugin)
        results += [_run(plugin, check, found[0]) for check in checks] if found else [first]
    return results


def conformance_tests(
    name: str, settings: Mapping[str, Any] | Callable[[Path], Mapping[str, Any]] | None = None
) -> Callable[..., None]:
    """A pytest test of all plugins of an installed package, or of one of them, parametrised over their checks.

    test_conformance = conformance_tests("my_plugin") is a whole test file. Nodes are tried on the records of the
    fixture redheart_sample; a conftest.py that defines it anew gives others.

    Args:
        name: Of the package's entry point, or of one plugin.
        settings: As subject_of, or a function that makes files in an empty folder and gives the settings for them.
    """
    import pytest

    plugins = load_named(name)
    subjects: dict[str, AnySubject] = {}

    def subject(plugin: Plugin, request: pytest.FixtureRequest) -> AnySubject:
        if plugin.name not in subjects:
            folders: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
            values = settings(folders.mktemp(plugin.name)) if callable(settings) else settings
            sample = request.getfixturevalue("redheart_sample") if isinstance(plugin.spec, NodeSpec) else None
            subjects[plugin.name] = subject_of(plugin, sample, settings=values)
        return subjects[plugin.name]

    cases = [
        pytest.param(
            plugin,
            check,
            id=title(check) if len(plugins) == 1 else f"{plugin.name}: {title(check)}",
            marks=marks_of(check),
        )
        for plugin in plugins
        for check in checks_of(plugin)
    ]

    @pytest.mark.parametrize(("plugin", "check"), cases)
    def test_conformance(plugin: Plugin, check: Check, request: pytest.FixtureRequest) -> None:
        try:
            check(plugin if check in PLUGIN_CHECKS else subject(plugin, request))
        except NotApplicable as reason:
            pytest.skip(str(reason))

    test_conformance.__doc__ = f"The plugins of '{name}' keep their contract."
    return test_conformance


_CHECKS_OF: tuple[tuple[type, tuple[Check, ...]], ...] = (
    (NodeSpec, NODE_CHECKS),
    (DatasetSpec, DATASET_CHECKS),
    (EncoderSpec, ENCODER_CHECKS),
    (CalculatorSpec, CALCULATOR_CHECKS),
    (ModelSpec, MODEL_CHECKS),
    (SignSpec, SIGN_CHECKS),
    (LayerSpec, LAYER_CHECKS),
    (ExplanationSpec, EXPLANATION_CHECKS),
    (EnvironmentSpec, ENVIRONMENT_CHECKS),
    (AgentSpec, AGENT_CHECKS),
)


def _subject_checks(plugin: Plugin) -> tuple[Check, ...]:
    return next((checks for kind, checks in _CHECKS_OF if isinstance(plugin.spec, kind)), ())


def _run(plugin: Plugin, check: Check, subject: object) -> CheckResult:
    try:
        check(subject)
    except NotApplicable as reason:
        return CheckResult(plugin.name, title(check), "skipped", str(reason))
    except (RedheartError, AssertionError) as error:
        return CheckResult(plugin.name, title(check), "failed", str(error))
    except Exception as error:  # the code of a plugin under test may raise anything; that is a finding, shown in full
        message = f"plugin '{plugin.name}' raised {type(error).__name__}: {error}"
        return CheckResult(plugin.name, title(check), "failed", message)
    return CheckResult(plugin.name, title(check), "passed")


def _load(target: str | Path | ModuleType) -> tuple[Plugin, ...]:
    if isinstance(target, Path):
        return load_folder(target)
    return load_named(target) if isinstance(target, str) else load_module(target)
