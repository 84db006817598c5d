"""Fusions that are fitted on validation records alone may read groups without honest answers."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from residual_toy import ResidualToy
from torch import nn
from toy import Toy

from redheart_core import ActiveNode, PluginError, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.contract.fitting import FitData
from redheart_core.testing import activate, load_installed

DISHONEST = {"linear": GroupSettings(honest=False)}


def members() -> list[ActiveNode]:
    return [activate(load_installed(name)) for name in ("linear", "stacking_fusion")]


def test_stacking_reads_them_and_gives_the_same_weights(toy: Toy) -> None:
    store = toy.store(toy.records(200))
    runs = [
        toy.run(name, members(), store, groups=groups)[0] for name, groups in (("honest", {}), ("quick", DISHONEST))
    ]
    first, second = (run.group("stacking_fusion").read().epochs[0].sha256 for run in runs)
    assert first == second


def test_what_is_fitted_or_trained_on_their_training_answers_is_refused(toy: Toy) -> None:
    linear, fusion = members()
    other = attrs.evolve(fusion, spec=attrs.evolve(fusion.spec, fits_validation=False))
    with pytest.raises(SettingsError, match="stacking_fusion would be trained on its answers"):
        toy.context([linear, other], groups=DISHONEST)


def test_its_fit_gets_no_training_records(toy: Toy) -> None:
    seen: list[tuple[int, int]] = []

    def fit(module: nn.Module, data: FitData) -> None:
        seen.append((len(data.train), len(data.validation)))

    residual, store = ResidualToy(toy), toy.store()
    plain = residual.line("regret", name="plain")
    node = attrs.evolve(plain, spec=attrs.evolve(plain.spec, baseline=False, fits_validation=True, fit=fit))
    context = toy.context([node], store)
    context.fit(context.groups[0])
    assert seen == [(0, len(store.rows("validation")))]


@pytest.mark.parametrize("changes", [{"fit": None}, {"baseline": True}])
def test_only_a_fit_that_is_no_baseline_says_so(toy: Toy, changes: dict[str, Any]) -> None:
    spec = attrs.evolve(ResidualToy(toy).line("regret").spec, baseline=False)
    with pytest.raises(PluginError, match="fits validation records alone, which needs a fit, and is no baseline"):
        attrs.evolve(spec, fits_validation=True, **changes)
