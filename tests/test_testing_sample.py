"""The records that the conformance kit looks at: redheart's own sample, or those that a test gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from redheart_core import DatasetSpec, EncoderSpec, PluginError, SettingsError
from redheart_core.testing import Sample, conformance_tests, load_installed, sample
from redheart_core.testing.contract_checks import check_settings

OTHER = """
import attrs
from redheart_core import CATALOGUE, DatasetSpec, hookimpl

@attrs.frozen
class Settings:
    size: int = 3

@hookimpl
def redheart_provide_datasets():
    fields = lambda settings: (CATALOGUE["regret"],)
    return [DatasetSpec("other_sample", "another", Settings, fields, lambda settings: iter(()), sample={"size": 2})]
"""


def test_the_kit_takes_redheart_s_own_sample_whatever_others_declare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Callable[..., None]
) -> None:
    own = sample.shipped_sample(DatasetSpec)
    install("other_sample", OTHER)
    assert load_installed("other_sample").name == "other_sample"
    assert sample.shipped_sample(DatasetSpec).name == own.name


def test_a_distribution_without_a_sample_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "PROJECT_NAME", "nothing")
    with pytest.raises(PluginError, match=r"expects one EncoderSpec with a sample .*, found none; .*redheart_sample"):
        sample.shipped_sample(EncoderSpec)


@pytest.mark.parametrize("kind", [DatasetSpec, EncoderSpec])
def test_a_sample_that_its_settings_refuse_is_found(kind: type[Any]) -> None:
    plugin = load_installed(sample.shipped_sample(kind).name)
    spec: Any = plugin.spec
    broken = attrs.evolve(plugin, spec=attrs.evolve(spec, sample={"no_such_setting": 1}))
    check_settings(plugin)
    with pytest.raises(SettingsError, match=r"the sample of \[plugins\.\w+\].*no_such_setting"):
        check_settings(broken)


def test_a_conformance_test_looks_at_the_records_of_the_fixture(redheart_sample: Sample) -> None:
    unlabelled = attrs.evolve(redheart_sample, fields={}, records=attrs.evolve(redheart_sample.records, targets={}))
    asked = []

    def give(name: str) -> Sample:
        asked.append(name)
        return unlabelled

    test: Any = conformance_tests("linear")
    (mark,) = test.pytestmark
    plugin, check = mark.args[1][-1].values
    with pytest.raises(PluginError):
        test(plugin, check, SimpleNamespace(getfixturevalue=give))
    assert "redheart_sample" in asked
