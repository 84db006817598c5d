"""Searches of one group's settings: spaces, judging, resuming, and a missing optuna."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import attrs
import pytest
from toy import Toy

from redheart_core import CheckpointError, RedheartError, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.runs.run import RunFolder
from redheart_core.tuning.candidates import OWN
from redheart_core.tuning.changes import changed
from redheart_core.tuning.journals import open_storage, optuna_library
from redheart_core.tuning.proposing import Proposing
from redheart_core.tuning.search import SearchResult, search
from redheart_core.tuning.search_space import Range, Space, default_space, read_space, space_document
from redheart_core.tuning.trial import Trained, train_group

pytest.importorskip("optuna", reason="needs redheart[search]")

SPACE = {
    "groups": {"a": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}}},
    "plugins": {"a": {"width": {"choices": [4, 8]}, "dropout": {"low": 0.0, "high": 0.5}}},
}


def searched(toy: Toy, name: str, store: Store, trials: int, document: Any = SPACE, **options: Any) -> SearchResult:
    context = toy.context([toy.node("a"), toy.node("c", target="choice_factors")], store, epochs=2)
    group = next(one for one in context.groups if one.name == "a")
    space = read_space(document, "space.toml", group, "tiny")
    return search(RunFolder(toy.folder / name), context, group, space, trials, **options)


def test_a_search_that_stopped_ends_as_one_that_did_not(toy: Toy) -> None:
    store = toy.store()
    whole = searched(toy, "whole", store, 4)
    searched(toy, "parts", store, 2)
    assert searched(toy, "parts", store, 4) == whole
    assert (whole.trials, whole.pruned) == (4, 0)
    assert whole.settings.keys() == {"groups", "plugins"}
    assert 1e-3 <= whole.settings["groups"]["a"]["learning_rate"] <= 1e-1
    assert whole.settings["plugins"]["a"]["width"] in (4, 8)
    assert whole.best < whole.own
    assert whole.difference.mean == pytest.approx(whole.best - whole.own)


def test_the_trials_of_a_round_are_the_same_in_any_order_and_any_process(toy: Toy) -> None:
    store = toy.store()
    whole = searched(toy, "whole", store, 8, together=3)
    seen_by: dict[int, list[int]] = {}

    def elsewhere(proposing: Proposing, numbers: Any, seen: Any, take: Any) -> None:
        context = toy.context([toy.node("a"), toy.node("c", target="choice_factors")], store, epochs=2)
        group = next(one for one in context.groups if one.name == "a")
        for number in reversed(numbers):
            fresh = attrs.evolve(proposing, context=context, group=group, own=context.module(group))
            seen_by[number] = [one.user_attrs["candidate"] for one in seen]
            take(pickle.loads(pickle.dumps(fresh.train(number, pickle.loads(pickle.dumps(seen))))))

    assert searched(toy, "apart", store, 8, together=3, training=elsewhere) == whole
    assert seen_by == {OWN: [], **{number: list(range(OWN, number // 3 * 3)) for number in range(8)}}
    for trials in (2, 4, 8):  # in the middle of a round
        found = searched(toy, "parts", store, trials, together=3)
    assert found == whole
    with pytest.raises(CheckpointError, match="begun with another together: 3, now 1"):
        searched(toy, "whole", store, 8)


def test_a_search_of_before_there_were_rounds_goes_on(toy: Toy) -> None:
    """Its journal names no rounds, and holds the trial that it was at."""
    store = toy.store()
    whole = searched(toy, "whole", store, 3)
    searched(toy, "before", store, 2)
    library = optuna_library()
    study = library.load_study(study_name="a", storage=open_storage(library, toy.folder / "before" / "search", "a"))
    begun = study.user_attrs["begun"]
    assert begun.pop("together") == 1
    study.set_user_attr("begun", begun)
    study.ask().set_user_attr("candidate", 2)
    assert searched(toy, "before", store, 3) == whole


def test_the_best_trial_is_a_training_with_its_settings(toy: Toy) -> None:
    store = toy.store()
    found = searched(toy, "run", store, 3)
    node = toy.node("a", **found.settings["plugins"]["a"])
    run, _ = toy.run("plain", [node], store, groups={"a": GroupSettings(**found.settings["groups"]["a"])}, epochs=2)
    assert run.group("a").read().best.validation_loss == pytest.approx(found.best, rel=1e-12)


def test_trials_are_evaluated_by_their_own_loss_weights(toy: Toy) -> None:
    context = toy.context([toy.node("a", loss_weight=2.0)], epochs=2)
    (group,) = context.groups
    judge = context.module(group)
    own = train_group(context, group, judge, lambda epoch, loss: False)
    light = train_group(
        context, changed(group, {("plugins", "a", "loss_weight"): 0.02}, "tiny"), judge, lambda *_: False
    )
    assert isinstance(own, Trained)
    assert isinstance(light, Trained)
    assert float(light.losses.mean()) == pytest.approx(float(own.losses.mean()), rel=0.2)


def test_report_stops_a_trial_and_a_fault_says_why(toy: Toy) -> None:
    context = toy.context([toy.node("a")], epochs=2)
    (group,) = context.groups
    assert train_group(context, group, context.module(group), lambda epoch, loss: epoch == 1) is None
    broken = changed(group, {("plugins", "a", "fault_after"): 1}, "tiny")
    reason = train_group(context, broken, context.module(group), lambda epoch, loss: False)
    assert isinstance(reason, str)
    assert "became nan" in reason


def test_a_group_above_needs_a_trained_run(toy: Toy) -> None:
    store, nodes = toy.store(), [toy.node("a"), toy.node("b", reads=("a.value",))]
    context = toy.context(nodes, store, epochs=2)
    above = context.groups[1]
    space: Space = {("groups", "b", "learning_rate"): Range(1e-3, 1e-1, log=True)}
    with pytest.raises(CheckpointError, match="holds no run"):
        search(RunFolder(toy.folder / "none"), context, above, space, 1)
    run, _ = toy.run("run", nodes, store, epochs=2)
    found = search(run, context, above, space, 1)
    assert found.own == pytest.approx(run.group("b").read().best.validation_loss, rel=1e-12)


def test_another_space_in_the_same_folder_is_refused(toy: Toy) -> None:
    store = toy.store()
    searched(toy, "run", store, 1)
    with pytest.raises(CheckpointError, match="begun with another space"):
        searched(toy, "run", store, 2, {"groups": SPACE["groups"]})
    with pytest.raises(CheckpointError, match="begun with another pruner"):
        searched(toy, "run", store, 2, pruner="halving")


def test_spaces_say_everything_that_is_wrong(toy: Toy) -> None:
    (group,) = toy.context([toy.node("a")]).groups
    wrong = {
        "training": {},
        "groups": {"b": {}, "a": {"rate": {"low": 1, "high": 2}, "ema": {"low": 0.5, "high": 0.1}}},
        "plugins": {"a": {"width": {"low": 1}, "dropout": 3, "loss_weight": {"choices": [1.0], "low": 1.0}}},
    }
    with pytest.raises(SettingsError) as caught:
        read_space(wrong, "space.toml", group, "tiny")
    for part in (
        "no table 'training'",
        "[groups.b]: not of group 'a'",
        "[groups.a.rate]: no such setting",
        "[groups.a.ema] needs low < high",
        "[plugins.a.width] needs low and high",
        "[plugins.a.dropout] expects a table",
        "[plugins.a.loss_weight] needs either choices or low and high",
    ):
        assert part in str(caught.value)
    with pytest.raises(SettingsError, match="'ema' must be < 1"):
        read_space({"groups": {"a": {"ema": {"low": 0.0, "high": 1.0}}}}, "space.toml", group, "tiny")
    with pytest.raises(SettingsError, match="names no setting"):
        read_space({}, "space.toml", group, "tiny")


def test_spaces_come_back_as_they_were(toy: Toy) -> None:
    (group,) = toy.context([toy.node("a", dropout=0.7)]).groups
    space = default_space(group)
    assert read_space(space_document(space), "stored", group, "tiny") == space
    assert space["plugins", "a", "dropout"] == Range(0.0, 0.7)
    assert set(space) == {
        ("groups", "a", "learning_rate"),
        ("groups", "a", "weight_decay"),
        ("plugins", "a", "dropout"),
    }


def test_without_optuna_the_extra_is_named(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    context = toy.context([toy.node("a")])
    with pytest.raises(RedheartError, match=r"redheart\[search\]"):
        search(RunFolder(toy.folder / "run"), context, context.groups[0], default_space(context.groups[0]), 1)


def test_a_node_takes_its_changed_settings(toy: Toy) -> None:
    (group,) = toy.context([toy.node("a")]).groups
    values = {("plugins", "a", "width"): 16, ("plugins", "a", "loss_weight"): 3.0, ("groups", "a", "ema"): 0.9}
    found = changed(group, values, "tiny")  # type: ignore[arg-type]  # keys of literals
    assert (found.nodes[0].settings.width, found.nodes[0].loss_weight, found.settings.ema) == (16, 3.0, 0.9)
    assert attrs.evolve(found, nodes=group.nodes, settings=group.settings) == group
    with pytest.raises(SettingsError, match="above 0"):
        changed(group, {("plugins", "a", "loss_weight"): -1.0}, "tiny")
