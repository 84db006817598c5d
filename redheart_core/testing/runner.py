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
    building_checks,
    calculator_checks,
    contract_checks,
    data_checks,
    environment_checks,
    evaluation_checks,
    explanation_checks,
    export_checks,
    growth_checks,
    layer_checks,
    learning_checks,
    model_checks,
    output_checks,
    residual_checks,
    sign_checks,
)
from redheart_core.testing.discovery import importable, load_folder, load_module, load_named
from redheart_core.testing.plugin import NotApplicable, Plugin
from redheart_core.testing.sample import real_chunks, sample_for
from redheart_core.testing.subject import Sample, Subject, make_subject

if TYPE_CHECKING:
    import pytest

Check = Callable[[Any], None]

PLUGIN_CHECKS: tuple[Check, ...] = (
    contract_checks.check_import_is_clean,
    contract_checks.check_declaration,
    contract_checks.check_builders_exist,
    contract_checks.check_settings,
)
"""Of any plugin; they take a Plugin."""
NODE_CHECKS: tuple[Check, ...] = (
    building_checks.check_builds_at_every_scale,
    building_checks.check_layers_exist,
    building_checks.check_same_seed_same_result,
    building_checks.check_saving_keeps_everything,
    building_checks.check_other_labels,
    building_checks.check_fitting_twice,
    output_checks.check_outputs_as_declared,
    output_checks.check_small_batches,
    output_checks.check_padding_changes_nothing,
    output_checks.check_records_apart,
    output_checks.check_errors_name_the_plugin,
    evaluation_checks.check_losses,
    evaluation_checks.check_metrics,
    evaluation_checks.check_missing_targets,
    learning_checks.check_every_parameter_learns,
    learning_checks.check_nothing_outside_learns,
    learning_checks.check_loss_falls,
    residual_checks.check_starts_at_the_baseline,
    residual_checks.check_same_without_the_baseline,
    residual_checks.check_every_parameter_adds_to_the_baseline,
    export_checks.check_exports_to_onnx,
    growth_checks.check_grows,
)
"""Of an analyzer, head or fusion; they take a Subject."""
LONG_CHECKS: tuple[Check, ...] = (export_checks.check_exports_to_onnx,)
"""Those that take many seconds, whose tests bear the mark `thorough`."""
DATASET_CHECKS: tuple[Check, ...] = (
    data_checks.check_fields,
    data_checks.check_records,
    data_checks.check_same_records_twice,
)
"""Of a data set; they take a DatasetSubject."""
ENCODER_CHECKS: tuple[Check, ...] = (
    data_checks.check_vectors,
    data_checks.check_fitting_twice,
    data_checks.check_saving_and_loading,
)
"""Of an encoder; they take an EncoderSubject."""
CALCULATOR_CHECKS: tuple[Check, ...] = (
    calculator_checks.check_example,
    calculator_checks.check_same_result_twice,
    calculator_checks.check_wrong_inputs_refused,
    calculator_checks.check_odd_inputs,
)
"""Of a calculator; they take a CalculatorSubject."""

MODEL_CHECKS: tuple[Check, ...] = (
    model_checks.check_files,
    model_checks.check_contents,
)
"""Of a trained model; they take a ModelSubject."""

SIGN_CHECKS: tuple[Check, ...] = (
    sign_checks.check_examples,
    sign_checks.check_help,
    sign_checks.check_time,
)
"""Of signs of a crisis; they take a SignSubject."""

LAYER_CHECKS: tuple[Check, ...] = (
    layer_checks.check_fitting_twice,
    layer_checks.check_scores,
    layer_checks.check_without_terms,
    layer_checks.check_silent_answers,
    layer_checks.check_notes,
    layer_checks.check_stakes,
)
"""Of a layer; they take a LayerSubject."""

EXPLANATION_CHECKS: tuple[Check, ...] = (
    explanation_checks.check_reasons,
    explanation_checks.check_same_reasons_twice,
    explanation_checks.check_missing_numbers,
)
"""Of an explanation; they take an ExplanationSubject."""

ENVIRONMENT_CHECKS: tuple[Check, ...] = (
    environment_checks.check_spaces,
    environment_checks.check_every_step_is_whole,
    environment_checks.check_seed_decides_the_episode,
    environment_checks.check_side_by_side,
)
"""Of an environment; they take an EnvironmentSubject."""

AGENT_CHECKS: tuple[Check, ...] = (
    agent_checks.check_actions,
    agent_checks.check_no_gradient_crosses,
    agent_checks.check_every_parameter_learns,
    agent_checks.check_same_seed_same_bits,
    agent_checks.check_saving_keeps_everything,
    agent_checks.check_learns,
)
"""Of a way in which agents learn; they take an AgentSubject."""

AnySubject = (
    Subject
    | data_checks.DatasetSubject
    | data_checks.EncoderSubject
    | calculator_checks.CalculatorSubject
    | model_checks.ModelSubject
    | sign_checks.SignSubject
    | layer_checks.LayerSubject
    | explanation_checks.ExplanationSubject
    | environment_checks.EnvironmentSubject
    | agent_checks.AgentSubject
)


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
