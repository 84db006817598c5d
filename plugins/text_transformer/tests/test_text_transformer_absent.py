"""A model of adapters whose encoder is not installed: its group abstains by name, and the rest answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from test_groups_gathering import answering, named_output
from tiny_encoders import WIDTH, write_encoder
from toy import WORDS, Toy
from toy_and_encoder import folder, toy

from redheart_core import ActiveNode, CheckpointError
from redheart_core.data.language import Language
from redheart_core.data.store import Store
from redheart_core.evaluation.measuring import measure
from redheart_core.models.abstaining import abstentions, silences
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.assembly import assemble
from redheart_core.models.model import Model, load_model
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import activate, load_installed
from redheart_core.training.context import TrainingContext
from redheart_text_transformer import places, redheart_provide_analyzers
from redheart_text_transformer.settings import TextTransformerSettings

__all__ = ["folder", "toy"]

CPU = torch.device("cpu")
NAME = "text_transformer"
TEXT = "calm and cruel debt."
UNKNOWN = Language(None, None)


def transformer(*model: str) -> ActiveNode:
    """Adapters of the encoder in the first of some places."""
    (spec,) = redheart_provide_analyzers()
    settings = TextTransformerSettings(model=model[0] if len(model) == 1 else model, width=WIDTH, window=16, lora=2)
    return ActiveNode(spec, "analyzer", NAME, "redheart", "0", NAME, settings)


@pytest.fixture
def store(toy: Toy, folder: Path) -> Store:
    return toy.store(toy.records(100), tokenizers=[str(folder)])


def made(toy: Toy, store: Store, nodes: list[ActiveNode]) -> TrainingContext:
    """A model of these nodes in the folder "model"."""
    run, stopped = toy.run("run", nodes, store, epochs=1)
    assert not stopped
    context = toy.context(nodes, store, epochs=1)
    assemble(toy.folder / "model", run, context, find_sweetspot(run, trained_groups(run)).chosen("best"))
    return context


def members(folder: Path, toy: Toy) -> list[ActiveNode]:
    """Adapters that answer regret and choice factors, another answer on regret, a reader of features, and a fusion."""
    reader = toy.node("reader", reads=(f"{NAME}.features",))
    return [
        transformer(str(folder)),
        named_output(answering(toy, "other")),
        reader,
        activate(load_installed("stacking_fusion")),
    ]


def answers(model: Model, toy: Toy) -> dict[str, str]:
    return {one.field: one.finding.plugin for one in answer_fields(model, analyze(model, toy.encoder(), TEXT).findings)}


def test_the_group_and_its_readers_abstain_and_the_fusion_answers_out_of_the_others(
    toy: Toy, folder: Path, store: Store
) -> None:
    nodes = members(folder, toy)
    context = made(toy, store, nodes)
    whole = load_model(toy.folder / "model", nodes, CPU)
    assert not whole.absent
    assert answers(whole, toy) == {"regret": "stacking_fusion", "choice_factors": "stacking_fusion"}
    found = {one.plugin for one in analyze(whole, toy.encoder(), TEXT).findings}
    assert {NAME, "reader"} <= found
    shutil.move(folder, folder.with_name("elsewhere"))

    model = load_model(toy.folder / "model", nodes, CPU)
    assert set(model.absent) == {NAME, "reader"}
    assert f"no encoder: '{folder}': no such folder" in model.absent[NAME]
    assert model.absent["reader"] == f"it reads '{NAME}', which does not answer"
    findings = analyze(model, toy.encoder(), TEXT).findings
    assert {one.plugin for one in findings} == {"other", "stacking_fusion"}
    (answer,) = answer_fields(model, findings)
    assert (answer.field, [one.plugin for one in answer.members]) == ("regret", ["other"])
    (silent,) = abstentions(model, silences(model, UNKNOWN, {}))
    assert silent.field == "choice_factors"
    assert silent.reason == f"what {NAME} needs is not installed here"
    assert silent.remedy == "installing it; redheart models info says what that is"
    with pytest.raises(CheckpointError, match=rf"cannot answer here:\n  - {NAME}: no encoder: "):
        measure(model, context, "test")


def test_what_the_others_answer_is_what_they_answer_without_it(toy: Toy, folder: Path, store: Store) -> None:
    nodes = members(folder, toy)
    made(toy, store, nodes)
    whole = {
        one.plugin: one for one in analyze(load_model(toy.folder / "model", nodes, CPU), toy.encoder(), TEXT).findings
    }
    shutil.rmtree(folder)
    model = load_model(toy.folder / "model", nodes, CPU)
    part = {one.plugin: one for one in analyze(model, toy.encoder(), TEXT).findings if one.field == "regret"}
    assert part["other"] == whole["other"]
    assert part["stacking_fusion"].values != whole["stacking_fusion"].values


def test_the_same_files_elsewhere_will_do_and_others_are_refused(
    toy: Toy, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [transformer(str(folder))]
    made(toy, store, nodes)
    expected = analyze(load_model(toy.folder / "model", nodes, CPU), toy.encoder(), TEXT).findings
    elsewhere = shutil.move(folder, folder.with_name("elsewhere"))
    monkeypatch.setenv(places.ELSEWHERE, str(elsewhere))
    model = load_model(toy.folder / "model", nodes, CPU)
    assert not model.absent
    assert analyze(model, toy.encoder(), TEXT).findings == expected
    monkeypatch.setenv(places.ELSEWHERE, str(write_encoder(toy.folder / "changed", WORDS, seed=1)))
    with pytest.raises(CheckpointError, match=r"its file model\.safetensors had the SHA-256"):
        load_model(toy.folder / "model", nodes, CPU)


def test_of_several_places_the_first_that_is_there_is_taken(toy: Toy, folder: Path, store: Store) -> None:
    several = transformer("nobody/nothing", str(folder))
    first, _ = toy.run("first", [transformer(str(folder))], store, epochs=1)
    second, _ = toy.run("second", [several], store, epochs=1)
    one, other = (run.group(NAME).read().best.sha256 for run in (first, second))
    assert one == other


def test_without_its_libraries_it_abstains_too(
    toy: Toy, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_encoder(folder.with_name("roberta"), WORDS, kind="Roberta", pad_token_id=1)
    nodes = [transformer(str(other)), named_output(answering(toy, "other"))]
    made(toy, store, nodes)
    monkeypatch.setattr(places, "find_spec", lambda name: None)
    model = load_model(toy.folder / "model", nodes, CPU)
    assert model.absent == {
        NAME: "transformers is not installed, which computes encoders other than BERT: "
        "pip install 'redheart[transformers]'"
    }
    assert not model.tokenizers
    assert answers(model, toy) == {"regret": "other"}
