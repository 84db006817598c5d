"""The automated choice for all groups: resuming, budgets, faults, several processes, and what is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from toy import Toy

from redheart_core import CheckpointError, RedheartError, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.groups.active import ActiveNode
from redheart_core.runs.run import RunFolder
from redheart_core.storage.locks import claimed
from redheart_core.tuning.auto import AUTO, AutoResult, AutoSettings, auto
from redheart_core.tuning.candidates import OWN, StudySettings
from redheart_core.tuning.choice import choose
from redheart_core.tuning.journals import journal_file, warm_values
from redheart_core.tuning.search_space import Range, Space
from redheart_core.tuning.studies import GroupStudy
from redheart_core.tuning.trial import train_group

pytest.importorskip("optuna", reason="needs redheart[search]")

RATE = Range(1e-3, 1e-1, log=True)
SPACES: Mapping[str, Space] = {
    "a": {("groups", "a", "learning_rate"): RATE, ("plugins", "a", "width"): Range(choices=(4, 8))},
    "b": {("groups", "b", "learning_rate"): RATE},
    "c": {("groups", "c", "learning_rate"): RATE},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toy, Store]:
    """A small store that all tests share, as a search only reads it."""
    toy = Toy(tmp_path_factory.mktemp("auto"))
    return toy, toy.store(toy.records(80))


def nodes(toy: Toy) -> list[ActiveNode]:
    return [toy.node("a"), toy.node("b", reads=("a.value",)), toy.node("c", target="choice_factors")]


def found(world: tuple[Toy, Store], name: str, trials: int, **options: Any) -> AutoResult:
    toy, store = world
    spaces = options.pop("spaces", SPACES)
    more = {key: options.pop(key) for key in ("warm", "progress", "clock") if key in options}
    context = toy.context(options.pop("nodes", nodes(toy)), store, epochs=2)
    return auto(RunFolder(toy.folder / name), context, spaces, AutoSettings(trials, **options), **more).result


def killing(after: int) -> Callable[[str, int, int], None]:
    left = [after]

    def progress(what: str, done: int, total: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return progress


@pytest.fixture(scope="module")
def whole(world: tuple[Toy, Store]) -> AutoResult:
    return found(world, "whole", 4)


@pytest.mark.slow
def test_a_search_that_was_killed_ends_as_one_that_was_not(world: tuple[Toy, Store], whole: AutoResult) -> None:
    for after in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            found(world, "killed", 4, progress=killing(after))
    assert found(world, "killed", 4) == whole


@pytest.mark.slow
def test_a_candidate_under_way_begins_again(
    world: tuple[Toy, Store], whole: AutoResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [0]

    def dying(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == 5:
            raise KeyboardInterrupt
        return train_group(*arguments, **options)

    monkeypatch.setattr("redheart_core.tuning.proposing.train_group", dying)
    with pytest.raises(KeyboardInterrupt):
        found(world, "under_way", 4)
    assert found(world, "under_way", 4) == whole


def test_every_group_is_searched_on_what_was_chosen_below(whole: AutoResult) -> None:
    assert [(choice.group, choice.tier, choice.trials) for choice in whole.groups] == [
        ("a", 0, 4),
        ("c", 0, 4),
        ("b", 1, 4),
    ]
    for choice in whole.groups:
        taken = choice.candidate(choice.chosen)
        assert taken.loss <= choice.own.loss
        assert choice.candidate(choice.best).loss == min(one.loss for one in choice.candidates)
        assert choice.rows == ()  # four candidates say nothing of settings
    assert whole.gain.number < 0  # the toy's rate of 1e-3 is far too low for two epochs


def test_a_group_finds_the_same_whatever_others_are_searched(world: tuple[Toy, Store], whole: AutoResult) -> None:
    toy, _ = world
    alone = found(world, "alone", 4, nodes=[toy.node("c", target="choice_factors")], spaces={"c": SPACES["c"]})
    assert alone.groups == tuple(choice for choice in whole.groups if choice.group == "c")


def test_a_run_with_what_was_chosen_has_its_losses(world: tuple[Toy, Store], whole: AutoResult) -> None:
    toy, store = world
    tables = whole.tables()
    groups = {name: GroupSettings(**table) for name, table in tables["groups"].items()}
    chosen = [
        attrs.evolve(node, settings=attrs.evolve(node.settings, **tables["plugins"].get(node.name, {})))
        for node in nodes(toy)
    ]
    run, _ = toy.run("taken", chosen, store, groups=groups, epochs=2)
    for choice in whole.groups:
        loss = run.group(choice.group).read().best.validation_loss
        assert loss == pytest.approx(choice.candidate(choice.chosen).loss, rel=1e-12)


@pytest.mark.slow
def test_more_trials_go_on_and_groups_above_are_searched_anew_if_what_they_read_is_another(
    world: tuple[Toy, Store], whole: AutoResult
) -> None:
    first = found(world, "more", 1)
    more = found(world, "more", 4)
    assert more == whole
    assert all(choice.trials == 1 for choice in first.groups)
    text = journal_file(world[0].folder / "more" / "auto", "b").read_text()
    changed = first.groups[0].chosen != more.groups[0].chosen
    assert text.count('"study_name":"b-') == 1 + changed


@pytest.mark.slow
def test_the_time_is_shared_by_the_tiers_and_nothing_begins_after_it(world: tuple[Toy, Store]) -> None:
    now = [0.0]

    def progress(what: str, done: int, total: int) -> None:
        now[0] += 1.0

    result = found(world, "time", 50, seconds=6.0, clock=lambda: now[0], progress=progress)
    assert {choice.group: choice.trials for choice in result.groups} == {"a": 2, "c": 1, "b": 3}
    none = found(world, "no_time", 50, seconds=1e-9)
    assert all(choice.trials == 0 and choice.chosen == OWN for choice in none.groups)
    assert none.gain.value == 0.0


def test_a_plugin_that_fails_in_a_trial_is_recorded_and_the_others_go_on(world: tuple[Toy, Store]) -> None:
    toy, _ = world
    spaces: Mapping[str, Space] = {"a": {("plugins", "a", "fault_after"): Range(choices=(0, 1))}}
    result = found(world, "fails", 5, nodes=[toy.node("a")], spaces=spaces, study=StudySettings(sampler="random"))
    (choice,) = result.groups
    assert choice.failures
    assert all("became nan" in reason for reason in choice.failures.values())
    assert choice.trials == 5
    assert AUTO.read(toy.folder / "fails" / "auto" / "auto.json") == result
    assert {one.number for one in choice.candidates} == {OWN, *range(5)} - set(choice.failures)
    # the same settings as the own ones: no gain, so that the own ones stay
    assert (choice.best, choice.chosen, choice.corrected.value) == (OWN, OWN, 0.0)


def test_where_no_candidate_ends_the_own_settings_stay(world: tuple[Toy, Store]) -> None:
    toy, _ = world
    spaces: Mapping[str, Space] = {"a": {("plugins", "a", "fault_after"): Range(choices=(1, 2))}}
    (choice,) = found(world, "none_ends", 3, nodes=[toy.node("a")], spaces=spaces).groups
    assert len(choice.failures) == 3
    assert (choice.chosen, len(choice.candidates), choice.settings) == (OWN, 1, {})


def test_settings_that_do_not_go_together_fail_their_candidate(world: tuple[Toy, Store]) -> None:
    toy, _ = world
    spaces: Mapping[str, Space] = {"a": {("plugins", "a", "width"): Range(choices=(0, 8))}}
    (choice,) = found(world, "width", 4, nodes=[toy.node("a")], spaces=spaces).groups
    assert {one.values["plugins.a.width"] for one in choice.candidates[1:]} == {8}
    assert choice.failures


def test_no_group_that_descends_is_refused(world: tuple[Toy, Store]) -> None:
    with pytest.raises(RedheartError, match="no group descends"):
        found(world, "nothing", 1, spaces={})


def test_other_options_in_the_same_folder_are_refused(world: tuple[Toy, Store], whole: AutoResult) -> None:
    with pytest.raises(CheckpointError, match="begun with another sampler"):
        found(world, "whole", 4, study=StudySettings(sampler="random"))
    with pytest.raises(CheckpointError, match="begun with another space"):
        found(world, "whole", 4, spaces={**SPACES, "a": {("groups", "a", "learning_rate"): RATE}})


@pytest.mark.slow
def test_a_warm_start_tries_the_best_of_an_earlier_search_first(world: tuple[Toy, Store], whole: AutoResult) -> None:
    toy, _ = world
    folder = toy.folder / "whole" / "auto"
    warm = found(world, "warm", 2, warm=folder)
    for choice in whole.groups:
        before = sorted(choice.candidates[1:], key=lambda one: one.loss)
        after = next(one for one in warm.groups if one.group == choice.group)
        if choice.group != "b":
            assert [one.values for one in after.candidates[1:]] == [one.values for one in before[:2]]
    assert warm_values(folder, "a", {("plugins", "a", "dropout"): Range(0.0, 0.5)}) == []
    assert warm_values(folder, "nobody", SPACES["a"]) == []


@pytest.mark.slow
def test_two_processes_train_every_candidate_once(world: tuple[Toy, Store], whole: AutoResult) -> None:
    """One has trained candidate 1 alone; random candidates do not depend on who trains them."""
    toy, store = world
    study = StudySettings(sampler="random")
    spaces = {"c": SPACES["c"]}
    alone = found(world, "one_process", 2, study=study, spaces=spaces)
    folder = RunFolder(toy.folder / "two_processes")
    context = toy.context(nodes(toy), store, epochs=2)
    held = next(group for group in context.groups if group.name == "c")
    other = GroupStudy.open(folder.path / "auto", context, held, SPACES["c"], study, _description(folder, context))
    with other.claim(1) as mine:
        assert mine
        with claimed(folder.path / "auto", "c-1") as again:
            assert not again
        other.run(1)
    assert found(world, "two_processes", 2, study=study, spaces=spaces) == alone


def _description(run: RunFolder, context: Any) -> Any:
    from redheart_core.runs.describe import describe

    return describe(run.path, context.nodes, context.groups, context.settings, context.store)


def test_the_cheapest_within_noise_is_preferred_if_wanted(world: tuple[Toy, Store]) -> None:
    toy, _ = world
    wide = [toy.node("a", width=64)]
    spaces: Mapping[str, Space] = {"a": {("plugins", "a", "width"): Range(choices=(2, 64))}}
    study = StudySettings(objectives=("loss", "latency", "memory"))
    (cheap,) = found(world, "cheap", 4, nodes=wide, spaces=spaces, prefer="cost", study=study).groups
    taken = cheap.candidate(cheap.chosen)
    lowest = min(one.loss for one in cheap.candidates)
    near = [one for one in cheap.candidates if one.loss <= lowest or one.number == cheap.chosen]
    assert taken.cost.flops == min(one.cost.flops for one in near)
    assert {one.cost.flops for one in cheap.candidates} == {2 * 16 * 64 + 2 * 64, 2 * 16 * 2 + 2 * 2}
    assert {one.cost.bytes for one in cheap.candidates} == {4 * (17 * 64 + 65), 4 * (17 * 2 + 3)}
    assert all(one.front for one in cheap.candidates if one.loss == lowest)


def _study(losses: Mapping[int, np.ndarray[Any, Any]], flops: Mapping[int, int]) -> Any:
    """What choose asks of a study, with losses that are made up."""
    from types import SimpleNamespace

    from redheart_core.tuning.candidates import Candidate
    from redheart_core.tuning.cost import Cost

    every = {
        number: Candidate(number, row, Cost(flops.get(number, 1000), 8, 1.0), {"x": number}, {"groups": {"g": {}}})
        for number, row in losses.items()
    }
    return SimpleNamespace(
        group=SimpleNamespace(name="g", tier=0),
        context=SimpleNamespace(settings=SimpleNamespace(seed=0)),
        own_candidate=lambda: every[OWN],
        candidates=lambda most: [one for number, one in every.items() if number != OWN],
        finished=lambda: {number: None for number in every if number != OWN},
        failures=lambda most: {},
        space={("groups", "g", "x"): Range(0, 100)},
    )


def test_the_correction_takes_away_what_chance_gives() -> None:
    """Candidates that differ by noise alone seem to gain; corrected they do not. One that is better stays better."""
    stream = np.random.default_rng(0)
    apparent, corrected = [], []
    for _ in range(20):
        noise = {number: stream.normal(1.0, 0.3, 100) for number in range(OWN, 8)}
        choice = choose(_study(noise, {}), 8, "quality").choice
        apparent.append(choice.difference.mean)
        corrected.append(choice.corrected.number)
    assert np.mean(apparent) < -0.03
    assert np.mean(corrected) > -0.01
    base = stream.normal(1.0, 0.3, 100)
    better = {OWN: base, 0: base - 0.2 + stream.normal(0, 0.05, 100)}
    choice = choose(_study(better, {}), 1, "quality").choice
    assert choice.chosen == 0
    assert choice.corrected.is_below(-0.15)
    assert choice.corrected.holds(-0.2)


def test_cost_decides_among_those_within_a_standard_error_alone() -> None:
    stream = np.random.default_rng(1)
    base = stream.normal(1.0, 0.3, 100)
    noise = stream.normal(0.0, 0.05, 100)
    made = {OWN: base + 0.3, 0: base, 1: base + noise - noise.mean() + 0.001, 2: base + 0.2}
    flops = {OWN: 1, 0: 1000, 1: 100, 2: 10}
    assert choose(_study(made, flops), 3, "quality").choice.chosen == 0
    judged = choose(_study(made, flops), 3, "cost")
    assert judged.choice.chosen == 1
    assert {one.number for one in judged.choice.candidates if one.front} == {OWN, 0, 1, 2}
    beaten = choose(_study(made, {**flops, 2: 500}), 3, "quality").choice
    assert {one.number for one in beaten.candidates if one.front} == {OWN, 0, 1}


@pytest.mark.slow
def test_several_objectives_stop_what_is_worse_than_all_that_cost_no_more(
    world: tuple[Toy, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rate that learns nothing ends after its first epoch once five others are known."""
    monkeypatch.setattr("redheart_core.tuning.choice.ENOUGH", 5)
    toy, _ = world
    spaces: Mapping[str, Space] = {"a": {("groups", "a", "learning_rate"): Range(choices=(1e-8, 5e-2))}}
    study = StudySettings(sampler="random", objectives=("loss", "latency"))
    (choice,) = found(world, "objectives", 10, nodes=[toy.node("a")], spaces=spaces, study=study).groups
    assert choice.stopped_early > 0
    assert choice.trials == 10
    assert all(one.values["groups.a.learning_rate"] == 5e-2 for one in choice.candidates if one.number >= 5)
    (row,) = choice.rows
    assert row.name == "groups.a.learning_rate"
    assert row.importance == pytest.approx(1.0)
    assert row.p is not None


def test_the_folder_of_a_search_names_what_it_holds(world: tuple[Toy, Store], whole: AutoResult) -> None:
    folder = world[0].folder / "whole" / "auto"
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert {"auto.json", "a.journal", "b.journal", "c.journal"} <= names
    assert Path(folder / "a-own.safetensors").exists()
    assert AUTO.read(folder / "auto.json") == whole


def test_rounds_are_of_a_search_of_one_group_and_are_not_ignored() -> None:
    with pytest.raises(SettingsError, match="together = 2 is of a search of one group; auto shows a candidate all"):
        AutoSettings(study=StudySettings(together=2))
