"""What members add to a fused answer: exact, by name, and in a weighted mean the weight times a difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from test_models_answering import TEXT, made
from toy import Toy

from redheart_core import Reason
from redheart_core.data.language import stated
from redheart_core.groups.group_module import GroupModule
from redheart_core.models.analysis import analyze, answer_fields
from redheart_core.models.explained_text import AnsweredText
from redheart_core.models.explaining import reasons_of
from redheart_core.models.findings import Answer
from redheart_core.models.model import Model
from redheart_reasons import redheart_provide_explanations

ENGLISH = stated("en", "test")


def by_module(toy: Toy, model: Model, answers: Sequence[Answer]) -> tuple[Reason, ...]:
    (spec,) = (one for one in redheart_provide_explanations() if one.name == "reasons_by_module")
    return reasons_of(spec, AnsweredText(model, toy.encoder(), TEXT, answers, {}, ENGLISH))


@attrs.frozen
class Explained:
    """A model, what it answers, and what its modules add."""

    model: Model
    answers: Sequence[Answer]
    reasons: Sequence[Reason]


@pytest.fixture
def explained(toy: Toy, tmp_path: Path) -> Explained:
    model, _ = made(toy, tmp_path / "model", "stacking_fusion")
    answers = answer_fields(model, analyze(model, toy.encoder(), TEXT).findings)
    return Explained(model, answers, by_module(toy, model, answers))


def test_the_contributions_sum_to_the_difference_and_the_value_is_the_answer(explained: Explained) -> None:
    answers = {one.field: one for one in explained.answers}
    assert {one.field for one in explained.reasons} == {"choice_factors", "regret"}
    for one in explained.reasons:
        given = {value.label: value.value for value in answers[one.field].values}
        assert one.value == pytest.approx(given[one.label], abs=1e-6)
        assert sum(row.adds for row in one.rows) == pytest.approx(one.value - one.usual, abs=1e-9)
        members = answers[one.field].members
        assert [row.part for row in one.rows] == [f"{member.plugin}.{member.output}" for member in members]


def order(model: Model, field: str) -> list[str]:
    """The members of the mean on a field, as its weights stand."""
    (node,) = (node for group in model.groups for node in group.nodes if node.name == "mean_fusion")
    return [name for name in node.spec.reads if name.endswith(f".{field}")]


def test_in_a_mean_each_member_adds_its_weight_times_its_difference_from_the_usual(toy: Toy, tmp_path: Path) -> None:
    model, _ = made(toy, tmp_path / "model", "mean_fusion")
    answers = answer_fields(model, analyze(model, toy.encoder(), TEXT).findings)
    reasons = by_module(toy, model, answers)
    (answer,) = (one for one in answers if one.field == "regret")
    (found,) = (one for one in reasons if one.field == "regret")
    usual = answer.values[0].training_mean
    assert usual is not None
    fusion = model.modules["mean_fusion"]
    assert isinstance(fusion, GroupModule)
    state = fusion.parameter_dict()
    weights = dict(
        zip(order(model, "regret"), state["mean_fusion.means.regret.weight"].flatten().tolist(), strict=True)
    )
    adds = {row.part: row.adds for row in found.rows}
    for member in answer.members:
        name = f"{member.plugin}.{member.output}"
        assert adds[name] == pytest.approx(weights[name] * (member.values[0].value - usual), abs=1e-6)


def test_an_answer_of_one_module_has_no_members(toy: Toy, tmp_path: Path) -> None:
    model, _ = made(toy, tmp_path / "model")
    answers = answer_fields(model, analyze(model, toy.encoder(), TEXT).findings)
    assert by_module(toy, model, answers) == ()
