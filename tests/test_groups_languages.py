"""Groups that learn from, are evaluated on and answer texts in some languages alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch
from residual_toy import ResidualToy
from test_groups_gathering import answering, named_output
from toy import StopAfter, Toy

from redheart_core import ActiveNode, PluginError, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.language import Language, language_number
from redheart_core.data.store import Store
from redheart_core.groups.graph import plan_groups
from redheart_core.groups.validation import evaluate
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.assembly import assemble
from redheart_core.models.model import Model, load_model
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.storage.settings import read_table
from redheart_core.testing import activate, load_installed
from redheart_core.training.context import TrainingContext

ENGLISH = GroupSettings(languages=("en",))
CPU = torch.device("cpu")
TEXT = "cruel debt. lost gift broken."
FilesOf = Callable[[RunFolder, str], dict[str, str]]


def spoken_store(toy: Toy, count: int = 240) -> Store:
    """Every third record each in English, in Korean and in a language that nobody states."""
    languages = ("en-US", "ko", None)
    records = toy.records(count)
    return toy.store([attrs.evolve(one, language=languages[n % 3]) for n, one in enumerate(records)])


def english(store: Store, split: str) -> torch.Tensor:
    rows = store.rows(split)
    return rows[[store.language(row) == "en-US" for row in rows.tolist()]]


def test_it_learns_from_and_is_evaluated_on_its_records_alone(toy: Toy) -> None:
    store = spoken_store(toy)
    context = toy.context([toy.node("a")], store, {"a": ENGLISH})
    (group,) = context.groups
    rows, own = store.rows("validation"), english(store, "validation")
    assert 0 < len(own) < len(rows)
    assert torch.equal(context.training_rows(group), english(store, "train"))
    whole = toy.context([toy.node("a")], store)
    result = evaluate(context.module(group), context.source, rows)
    expected = evaluate(whole.module(whole.groups[0]), whole.source, own)
    served = torch.isin(rows, own)
    assert result.metrics == expected.metrics
    assert torch.equal(result.predictions["a.value"][served], expected.predictions["a.value"])
    assert bool(result.predictions["a.value"][~served].isnan().all())
    assert bool((result.losses[~served] == 0).all())
    assert result.loss == pytest.approx(expected.loss)


def test_its_outputs_for_other_records_are_absent_and_the_same_for_its_own(toy: Toy) -> None:
    store = spoken_store(toy)
    context, whole = (toy.context([toy.node("a")], store, groups) for groups in ({"a": ENGLISH}, {}))
    batch = context.source.batch(store.rows("train")[:12])
    module, unrestricted = (one.module(one.groups[0]).eval() for one in (context, whole))
    served = batch.inputs["language"] == language_number("en")
    outputs = module(batch)["a.value"]
    assert torch.equal(served, ~outputs.isnan())
    torch.testing.assert_close(outputs[served], unrestricted(batch)["a.value"][served])
    none = attrs.evolve(batch, inputs={**batch.inputs, "language": torch.zeros(12, dtype=torch.int64)})
    assert bool(module(none)["a.value"].isnan().all())


def test_runs_stay_islands_and_resume_to_the_last_bit(toy: Toy, files_of: FilesOf) -> None:
    store = spoken_store(toy)
    groups = {"a": ENGLISH, "c": ENGLISH}
    nodes = [toy.node("a"), toy.node("b"), toy.node("c", reads=("embedding", "a.value"))]
    whole, stopped = toy.run("whole", nodes, store, groups=groups)
    assert not stopped
    with pytest.raises(KeyboardInterrupt):
        toy.run("resumed", nodes, store, [StopAfter(5)], groups)
    resumed, _ = toy.run("resumed", nodes, store, groups=groups)
    alone, _ = toy.run("alone", [toy.node("b")], store)
    own, _ = toy.run("own", [toy.node("a")], store, groups={"a": ENGLISH})
    assert all(files_of(whole, name) == files_of(resumed, name) for name in "abc")
    assert files_of(whole, "b") == files_of(alone, "b")
    assert files_of(whole, "a") == files_of(own, "a")


def fused(toy: Toy, fusion: str) -> tuple[list[ActiveNode], TrainingContext, Model]:
    """A model of an answer in English alone, one in all languages, and a fusion of both."""
    nodes: list[ActiveNode] = [named_output(answering(toy, name)) for name in ("first", "second")]
    nodes.append(activate(load_installed(fusion)))
    store, groups = spoken_store(toy), {"first": ENGLISH}
    run, stopped = toy.run("run", nodes, store, groups=groups, epochs=2, learning_rate=3e-2)
    assert stopped == {}
    context = toy.context(nodes, store, groups, epochs=2, learning_rate=3e-2)
    assemble(toy.folder / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    return nodes, context, load_model(toy.folder / "model", nodes, CPU)


@pytest.mark.parametrize("fusion", ["stacking_fusion", "mean_fusion"])
def test_a_fusion_answers_out_of_the_members_that_do(toy: Toy, fusion: str) -> None:
    _, context, model = fused(toy, fusion)
    assert model.manifest.groups["first"].languages == ("en",)
    rows = context.store.rows("validation")
    given = context.source.batch(rows).inputs
    outputs = model.predict(given["embedding"], given["mask"], {}, given.get("terms"), None, given["language"])
    served = given["language"] == language_number("en")
    assert torch.equal(outputs["first.regret"].isnan(), ~served)
    assert bool(outputs[f"{fusion}.regret"].isfinite().all())
    without = model.predict(given["embedding"], given["mask"], {}, given.get("terms"))
    assert bool(without["first.regret"].isnan().all())
    torch.testing.assert_close(without[f"{fusion}.regret"][~served], outputs[f"{fusion}.regret"][~served])
    assert not torch.allclose(without[f"{fusion}.regret"][served], outputs[f"{fusion}.regret"][served])
    if fusion == "mean_fusion":  # of one member the mean is that member
        torch.testing.assert_close(without["mean_fusion.regret"], without["second.regret"])


def test_a_fusion_answers_where_members_speak_different_languages(toy: Toy) -> None:
    nodes: list[ActiveNode] = [named_output(answering(toy, name)) for name in ("first", "second", "third")]
    nodes.append(activate(load_installed("stacking_fusion")))
    groups = {"first": ENGLISH, "third": GroupSettings(languages=("ko",))}
    run, stopped = toy.run("run", nodes, spoken_store(toy), groups=groups, epochs=1)
    assert stopped == {}
    context = toy.context(nodes, spoken_store(toy), groups, epochs=1)
    assemble(toy.folder / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    model = load_model(toy.folder / "model", nodes, CPU)
    for code, member in (("en", "first"), ("ko", "third")):
        findings = analyze(model, toy.encoder(), TEXT, language=Language(code, None)).findings
        (answer,) = answer_fields(model, findings)
        assert {one.plugin for one in answer.members} == {member, "second"}
        assert answer.finding.plugin == "stacking_fusion"


def test_an_analysis_names_who_has_answered(toy: Toy) -> None:
    _, context, model = fused(toy, "stacking_fusion")

    def plugins(code: str | None) -> tuple[list[str], list[str]]:
        found = analyze(model, toy.encoder(), TEXT, language=Language(code, None)).findings
        (answer,) = answer_fields(model, found)
        return [finding.plugin for finding in found], sorted(member.plugin for member in answer.members)

    assert plugins("en") == (["first", "second", "stacking_fusion"], ["first", "second"])
    assert plugins("ko") == (["second", "stacking_fusion"], ["second"])
    (source,) = (one for one in model.manifest.answers["regret"] if one.plugin == "first")
    assert source.languages == {"en": len(english(context.store, "validation"))}
    assert source.records == source.languages["en"]


def test_who_is_not_prepared_for_absent_answers_must_not_read_them(toy: Toy) -> None:
    reader = toy.node("b", reads=("embedding", "a.value"))

    def planned(table: GroupSettings) -> None:
        plan_groups([toy.node("a"), reader], {"a": GroupSettings(languages=("en", "ko")), "b": table})

    with pytest.raises(
        PluginError, match=r"'b' of group 'b' reads a.value, which is answered for texts in en, ko alone"
    ):
        planned(GroupSettings())
    with pytest.raises(PluginError, match=r"write languages = \['en', 'ko'\] under \[groups.b\]"):
        planned(GroupSettings(languages=("en", "de")))
    planned(ENGLISH)


def test_a_baseline_of_some_languages_has_readers_of_these_alone(toy: Toy) -> None:
    residual, store = ResidualToy(toy), spoken_store(toy)
    nodes = [residual.line("regret"), residual.deep("a", "regret")]
    with pytest.raises(PluginError, match=r"'a' of group 'a' reads line.regret"):
        toy.context(nodes, store, {"line": ENGLISH})
    run, stopped = toy.run("run", nodes, store, groups={"line": ENGLISH, "a": ENGLISH}, epochs=2)
    assert not stopped
    assert [entry.epoch for entry in run.group("a").read().epochs] == [0, 1, 2]


def test_a_fusion_of_answers_in_one_language_is_one_of_that_language(toy: Toy) -> None:
    nodes = [named_output(answering(toy, name)) for name in ("first", "second")]
    nodes.append(activate(load_installed("stacking_fusion")))
    store, groups = spoken_store(toy), {"first": ENGLISH, "second": ENGLISH}
    with pytest.raises(PluginError, match="for texts in other languages than en nobody answers 'regret'"):
        toy.context(nodes, store, groups)
    context = toy.context(nodes, store, {**groups, "stacking_fusion": ENGLISH})
    assert context.groups[-1].nodes[0].absent == ()


@pytest.mark.parametrize(
    ("languages", "said"), [(("de",), r"no train record in these has 'regret' \(languages of the data: en-US, ko, not")]
)
def test_languages_that_the_data_do_not_have_are_refused(toy: Toy, languages: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        toy.context([toy.node("a")], spoken_store(toy), {"a": GroupSettings(languages=languages)})


def test_a_language_is_a_code() -> None:
    with pytest.raises(SettingsError, match="languages"):
        read_table(GroupSettings, {"languages": ["English"]}, "[groups.a]")
