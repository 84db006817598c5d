"""A node may declare the learning rate that its group has unless someone gives another."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from redheart.groups_file import own_rates, with_own_rates
from redheart_core.config.tables import GroupSettings
from redheart_registry import Registry, load_registry

ACTIVE = ["series", "series_ridge", "sequence_forecast", "sequence_class"]


def registry(**tables: Any) -> Registry:
    return load_registry({"active": ACTIVE, **tables})


def rates(
    found: Registry, scale: str = "small", given: float | None = None, **groups: float
) -> dict[str, float | None]:
    tables = {name: GroupSettings(learning_rate=rate) for name, rate in groups.items()}
    return {name: one.learning_rate for name, one in with_own_rates(found, tables, scale, given).items()}


def test_a_declared_rate_holds_where_nobody_gives_another() -> None:
    assert rates(registry()) == {"sequence_forecast": 0.01, "sequence_class": 0.01}


@pytest.mark.parametrize("rate", [0.001, 0.02])
def test_the_training_table_goes_before_it_even_with_the_default(rate: float) -> None:
    assert rates(registry(training={"learning_rate": rate})) == {}
    assert rates(registry(), given=rate) == {}


def test_a_table_of_the_group_goes_before_it_and_keeps_its_other_keys() -> None:
    assert rates(registry(), sequence_forecast=0.003) == {"sequence_forecast": 0.003, "sequence_class": 0.01}
    found = with_own_rates(registry(), {"sequence_class": GroupSettings(epochs=3)}, "small", None)
    assert found["sequence_class"] == GroupSettings(epochs=3, learning_rate=0.01)


def test_a_scale_that_none_is_declared_for_has_that_of_the_training_table() -> None:
    assert rates(registry(), "base") == {}


def test_of_several_nodes_in_a_group_the_lowest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = {name: {"group": "both"} for name in ("sequence_forecast", "sequence_class")}
    found = registry(plugins=plugins)
    declared = {"series_ridge": {}, "sequence_forecast": {"small": 0.02}, "sequence_class": {"small": 0.004}}
    nodes = tuple(
        attrs.evolve(one, spec=attrs.evolve(one.spec, learning_rates=declared[one.name]))
        for one in found.nodes("small")
    )
    monkeypatch.setattr(Registry, "nodes", lambda self, scale: nodes)
    assert rates(found) == {"both": 0.004}


def test_the_user_reads_which_rates_nobody_gave() -> None:
    given = {"sequence_forecast": GroupSettings(learning_rate=0.003)}
    (line,) = own_rates(with_own_rates(registry(), given, "small", None), given)
    assert line.startswith("sequence_class: learning rate 0.01, its own; ")
