"""The checks of each kind of plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from redheart_core.testing.subject import Subject

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
    data_checks.check_what_comes_next,
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
