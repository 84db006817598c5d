from .calculator_checks import CalculatorSubject
from .checks import CALCULATOR_CHECKS, DATASET_CHECKS, ENCODER_CHECKS, NODE_CHECKS, PLUGIN_CHECKS
from .data_checks import DatasetSubject, EncoderSubject
from .discovery import load_installed, load_module, load_named
from .made_up import build_context, random_inputs
from .plugin import ConformanceError, NotApplicable, Plugin, require
from .runner import (
    CheckResult,
    check_plugin,
    checks_of,
    conformance_tests,
    run_checks,
    subject_of,
)
from .sample import real_chunks, real_sample, sample_of, small_store
from .subject import Sample, Subject, activate, make_subject

__all__ = [
    "CALCULATOR_CHECKS",
    "DATASET_CHECKS",
    "ENCODER_CHECKS",
    "NODE_CHECKS",
    "PLUGIN_CHECKS",
    "CalculatorSubject",
    "CheckResult",
    "ConformanceError",
    "DatasetSubject",
    "EncoderSubject",
    "NotApplicable",
    "Plugin",
    "Sample",
    "Subject",
    "activate",
    "build_context",
    "check_plugin",
    "checks_of",
    "conformance_tests",
    "load_installed",
    "load_module",
    "load_named",
    "make_subject",
    "random_inputs",
    "real_chunks",
    "real_sample",
    "require",
    "run_checks",
    "sample_of",
    "small_store",
    "subject_of",
]
