"""When the data are the reason that a parameter gets no gradient, the account says so and nothing is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn
from toy import Toy

from redheart_core import ActiveNode, AuditError, Field, FitData, Record
from redheart_core.models.analysis import analyze
from redheart_core.models.assembly import assemble
from redheart_core.models.model import load_model
from redheart_core.nn.attention import AttentionPooling
from redheart_core.nn.recurrent import Recurrent
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.training.audit import totals
from redheart_core.training.notes import training_notes


class OverChunks(nn.Module):
    """Attention and recurrence over chunks, as far as one shows gradients, and a parameter that nothing uses."""

    def __init__(self, extra: bool) -> None:
        super().__init__()
        self.pool, self.states = AttentionPooling(16, 4), Recurrent(16, 4, 1)
        self.last = nn.Linear(20, 1)
        self.extra = nn.Parameter(torch.ones(())) if extra else None

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        pooled = self.pool(inputs["embedding"], inputs["mask"]).squeeze(1)
        states = (self.states(inputs["embedding"], inputs["mask"]) * inputs["mask"].unsqueeze(-1)).sum(1)
        value = self.last(torch.cat([pooled, states], -1)).squeeze(-1)
        return {"value": torch.sigmoid(value if self.extra is None else value + 0.0 * self.extra)}


def over_chunks(toy: Toy, extra: bool = False) -> ActiveNode:
    node = toy.node("chunky")
    return attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda context: OverChunks(extra)))


def short(toy: Toy) -> list[Record]:
    """Texts of one chunk."""
    return [attrs.evolve(record, text=" ".join(record.text.split()[:4])) for record in toy.records()]


def test_attention_over_single_chunks_is_idle_and_trains(toy: Toy) -> None:
    store = toy.store(short(toy), "short")
    assert int(store.chunk_counts.max()) == 1
    run, stopped = toy.run("run", [over_chunks(toy)], store)
    assert not stopped
    accounts = json.loads((run.path / "audit.json").read_text())["accounts"]
    idle = {account["name"] for account in accounts if account["state"] == "idle"}
    assert idle == {"pool.hidden.weight", "pool.hidden.bias", "pool.score", "states.forwards.0.weight_hh_l0"}
    assert all("every training text has one chunk" in a["reason"] for a in accounts if a["state"] == "idle")
    context = toy.context([over_chunks(toy)], store)
    assert totals(context.audit_all())[-1].idle == sum(a["elements"] for a in accounts if a["state"] == "idle")
    notes = training_notes(context)
    assert any("every training text has one chunk" in note for note in notes)
    assert any("chunk_chars below 40" in note for note in notes)


def test_a_parameter_that_no_data_would_teach_is_refused_all_the_same(toy: Toy) -> None:
    with pytest.raises(AuditError, match="extra of plugin 'chunky', group 'chunky', 1 elements: gradient exactly zero"):
        toy.run("run", [over_chunks(toy, extra=True)], toy.store(short(toy), "short"))


def test_one_long_text_among_short_ones_is_found_by_the_audit(toy: Toy) -> None:
    records = short(toy) * 1
    long = max(toy.records(), key=lambda record: len(record.text))
    train = toy.store(records, "short")
    place = next(row for row in train.rows("train").tolist() if row)
    records[place] = attrs.evolve(records[place], text=long.text)
    context = toy.context([over_chunks(toy)], toy.store(records, "one"), batch_size=2)
    states = {account.name: account.state for account in context.audit_all()}
    assert int(context.store.chunk_counts[context.store.rows("train")].max()) > 1
    assert (states["pool.score"], states["states.forwards.0.weight_hh_l0"]) == ("trained", "trained")


def test_answers_of_what_never_saw_several_chunks_carry_a_warning(toy: Toy, tmp_path: Path) -> None:
    store = toy.store(short(toy), "short")
    nodes = [over_chunks(toy), toy.node("reader", reads=("chunky.value", "embedding")), toy.node("apart")]
    run, _ = toy.run("run", nodes, store, epochs=1)
    context = toy.context(nodes, store, epochs=1)
    chosen = find_sweetspot(run, trained_groups(run)).chosen("best")
    assemble(tmp_path / "model", run, context, chosen)
    model = load_model(tmp_path / "model", nodes, torch.device("cpu"))
    assert len(model.manifest.groups["chunky"].untrained) == 4
    brief, long = (r[0].text for r in (short(toy), sorted(toy.records(), key=lambda one: -len(one.text))))
    assert {one.warning for one in analyze(model, toy.encoder(), brief).findings} == {""}
    warnings = {one.plugin: one.warning for one in analyze(model, toy.encoder(), long).findings}
    assert warnings["apart"] == ""
    expected = "group chunky was trained on texts of one chunk, and this text has several: 4 parameters"
    assert warnings["chunky"].startswith(expected)
    assert warnings["reader"] == warnings["chunky"]


PAST = Field("past", "a number", 0.0, 1.0)


class OfPast(nn.Module):
    """Reads a field through a map without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.last = nn.Linear(1, 4, bias=False), nn.Linear(4, 1)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        hidden = torch.tanh(self.map(inputs["past"].nan_to_num().unsqueeze(-1)))
        return {"value": torch.sigmoid(self.last(hidden)).squeeze(-1)}


def test_an_input_that_is_always_zero_is_the_reason_and_named(toy: Toy) -> None:
    records = [attrs.evolve(record, values={**record.values, "past": 0.0}) for record in toy.records()]
    store = toy.store(records, "zero", (PAST,))
    node = toy.node("reader", reads=("past",))
    node = attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda context: OfPast()))
    found = {account.name: account for account in toy.context([node], store).audit_all()}
    assert found["map.weight"].state == "idle"
    assert found["map.weight"].reason == "'past' is the same in all training records"
    assert found["last.bias"].state == "trained"
    assert toy.run("run", [node], store)[1] == {}


class Halfway(nn.Module):
    """Begins at one half for every record."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(16, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mean = (inputs["embedding"] * inputs["mask"].unsqueeze(-1)).sum(1) / inputs["mask"].sum(1, keepdim=True)
        return {"value": torch.sigmoid(self.last(mean)).squeeze(-1)}


def test_a_target_that_is_met_at_the_start_is_the_reason(toy: Toy) -> None:
    records = [attrs.evolve(record, values={**record.values, "regret": 0.5}) for record in toy.records()]
    node = toy.node("a")
    node = attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda context: Halfway()))
    accounts = toy.context([node], toy.store(records, "half")).audit_all()
    assert {account.state for account in accounts} == {"idle"}
    assert accounts[0].reason == "'regret' is the same in all training records"
    run, stopped = toy.run("run", [node], toy.store(records, "half"))
    assert not stopped
    assert run.group("a").read().best.epoch == 1


def test_notes_name_what_validation_cannot_measure(toy: Toy) -> None:
    plain = toy.store(name="plain")
    held = {plain.ids[row] for row in plain.rows("validation").tolist()}
    answer = Field("answer", "0 or 1", 0.0, 1.0, labels=("seen", "rare"), binary=True)

    def values(record: Record) -> dict[str, Any]:
        kept = record.id in held
        regret = 0.3 if kept else record.values["regret"]
        return {**record.values, "regret": regret, "answer": {"seen": int(record.id[1:]) % 2, "rare": int(not kept)}}

    store = toy.store([attrs.evolve(record, values=values(record)) for record in toy.records()], "held", (answer,))
    context = toy.context([toy.node("a")], store)
    answering = attrs.evolve(toy.node("b"), spec=attrs.evolve(toy.node("b").spec, targets=("answer",)))
    groups = (*context.groups, attrs.evolve(context.groups[0], name="b", nodes=(answering,)))
    assert training_notes(attrs.evolve(context, groups=groups)) == (
        "'answer': no validation record has rare, so that no threshold is chosen and the macro-F1 "
        "is that of the others",
        "'regret' is the same in all validation records: no correlation and no explained variance of it is defined",
    )


class Level(nn.Module):
    """One number and how it goes with the first of the vector."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.slope = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"value": self.level + self.slope * inputs["embedding"][:, 0, 0]}


def fit_level(module: nn.Module, data: FitData) -> None:
    assert isinstance(module, Level)
    target, first = data.train.field("regret"), data.train.embedding()[:, 0]
    module.level.copy_(target.mean())
    module.slope.copy_((first * (target - target.mean())).sum() / first.square().sum())


def test_a_closed_form_of_what_is_always_the_same_is_idle_and_goes_on(toy: Toy) -> None:
    """As users' tables have a column with one value."""
    node = toy.node("level")
    spec = attrs.evolve(node.spec, build=lambda context: Level(), fit=fit_level)
    node = attrs.evolve(node, spec=spec)
    records = [attrs.evolve(record, values={**record.values, "regret": 0.25}) for record in toy.records()]
    for store, state in ((toy.store(records, "constant"), "idle"), (toy.store(), "fitted")):
        found = {account.name: account for account in toy.context([node], store).audit_all()}
        assert (found["level"].state, found["slope"].state) == ("fitted", state)
        assert ("'regret' is the same in all training records" in found["slope"].reason) == (state == "idle")
        assert toy.run(f"run {state}", [node], store)[1] == {}
