"""A search begins around the group's own settings, which lie in the usual space and which the sampler is told of."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from toy import Toy

from redheart_core import CATALOGUE
from redheart_core.config.tables import GroupSettings
from redheart_core.groups.group import Group
from redheart_core.runs.run import RunFolder
from redheart_core.storage.structuring import structure
from redheart_core.tuning.auto import AutoSettings, auto
from redheart_core.tuning.candidates import OWN, STARTUP, StudySettings
from redheart_core.tuning.changes import changed
from redheart_core.tuning.journals import open_storage, optuna_library
from redheart_core.tuning.own_values import kept_values, own_values
from redheart_core.tuning.search_space import Range, Space
from redheart_core.tuning.trial import patience_epochs
from redheart_core.tuning.wide_space import wide_space

pytest.importorskip("optuna", reason="needs redheart[search]")


def group(toy: Toy, **settings: float) -> Group:
    """A group that declares layers, beside others of its training."""
    node = toy.node("a", layers=("hidden", "last"))
    return attrs.evolve(toy.context([node], epochs=1).groups[0], settings=structure(settings, GroupSettings, "a test"))


def test_the_own_settings_lie_in_the_usual_space_and_change_nothing(toy: Toy) -> None:
    own, training = group(toy), toy.settings()
    space = wide_space(own, CATALOGUE, "tiny")
    values = own_values(own, training, space)
    assert set(values) == {".".join(place) for place in space}
    assert values["groups.a.learning_rate"] == training.learning_rate
    assert values["groups.a.dropout_factor"] == 1.0
    assert values["groups.a.layer_decay"] == 1.0
    same = changed(own, {place: values[".".join(place)] for place in space}, "tiny")
    assert same.nodes == own.nodes
    assert attrs.evolve(same.settings, learning_rate=None, weight_decay=None) == own.settings


def test_what_lies_outside_is_left_out(toy: Toy) -> None:
    space: Space = {
        ("groups", "a", "mixup"): Range(choices=(0.0, 0.2)),
        ("groups", "a", "learning_rate"): Range(1e-2, 1e-1),
        ("plugins", "a", "width"): Range(2, 16),
        ("plugins", "a", "learning_rate_scale"): Range(0.5, 2.0),
    }
    values = own_values(group(toy, mixup=0.3), toy.settings(), space)
    assert values == {"plugins.a.width": 8, "plugins.a.learning_rate_scale": 1.0}


def test_early_candidates_keep_about_half_of_the_own_settings_and_never_all(toy: Toy) -> None:
    space = wide_space(group(toy), CATALOGUE, "tiny")
    own = own_values(group(toy), toy.settings(), space)
    kept = [kept_values(own, space, np.random.default_rng(seed)) for seed in range(400)]
    assert all(one.items() <= own.items() and len(one) < len(space) for one in kept)
    assert 0.4 < sum(map(len, kept)) / (400 * len(own)) < 0.5


def test_the_factor_is_on_every_dropout_and_never_drops_all(toy: Toy) -> None:
    own = group(toy)
    halved = changed(own, {("groups", "a", "dropout_factor"): 0.5}, "tiny")
    assert halved.nodes[0].settings == attrs.evolve(own.nodes[0].settings, dropout=0.05)
    assert changed(own, {("groups", "a", "dropout_factor"): 99.0}, "tiny").nodes[0].settings.dropout == 0.9
    with pytest.raises(Exception, match=r"'dropout_factor' expects a number from 0 on, got -1"):
        changed(own, {("groups", "a", "dropout_factor"): -1.0}, "tiny")


def test_no_candidate_stops_before_the_warm_up_and_a_third_of_the_epochs_are_over(toy: Toy) -> None:
    store = toy.store(toy.records(80))

    def patience(**settings: Any) -> int:
        context = toy.context([toy.node("a")], store, **settings)
        updates = context.updates_per_epoch(context.groups[0])
        assert updates == 4
        return patience_epochs(context, context.groups[0])

    assert patience(epochs=9, warmup_updates=3) == 3
    assert patience(epochs=9, warmup_updates=17) == 5
    assert patience(epochs=9, warmup_updates=100) == 8, "the last epoch is always looked at"
    assert patience(epochs=1, warmup_updates=0) == 0


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_candidates_that_stop_had_their_time(toy: Toy, pruner: str, quick_disk: None) -> None:
    run, store = RunFolder(toy.folder / "run"), toy.store(toy.records(80))
    context = toy.context([toy.node("a")], store, epochs=6, warmup_updates=9)
    space: Space = {("groups", "a", "learning_rate"): Range(1e-5, 1e-1, log=True)}
    auto(run, context, {"a": space}, AutoSettings(12, study=StudySettings("random", pruner)))  # type: ignore[arg-type] # one of the two
    storage = open_storage(optuna_library(), run.path / "auto", "a")
    trials = optuna_library().load_study(study_name="a", storage=storage).get_trials()
    stopped = [len(trial.intermediate_values) for trial in trials if trial.state.name == "PRUNED"]
    assert stopped
    assert min(stopped) == patience_epochs(context, context.groups[0]) + 1 == 4


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_sampler_is_told_of_the_own_settings_once_and_early_candidates_keep_some(
    toy: Toy, sampler: str, quick_disk: None
) -> None:
    run, context = RunFolder(toy.folder / "run"), toy.context([toy.node("a")], toy.store(toy.records(80)), epochs=1)
    space = wide_space(context.groups[0], context.store.fields, "tiny")
    for trials in (1, STARTUP):
        auto(run, context, {"a": space}, AutoSettings(trials, study=StudySettings(sampler)))  # type: ignore[arg-type] # one of the two
    storage = open_storage(optuna_library(), run.path / "auto", "a")
    trials = optuna_library().load_study(study_name="a", storage=storage).get_trials()
    own = own_values(context.groups[0], context.own_settings(context.groups[0]), space)
    told = [trial for trial in trials if trial.user_attrs["candidate"] == OWN]
    assert [trial.params for trial in told] == [own]
    assert len(trials) == STARTUP + 1
    kept = [len(trial.params.items() & own.items()) for trial in trials if trial not in told]
    assert sum(kept) > STARTUP if sampler == "tpe" else sum(kept) <= STARTUP
