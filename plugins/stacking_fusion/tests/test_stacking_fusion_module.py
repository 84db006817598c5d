"""The module answers with its stacks, in the fields' own units, and remembers how they were chosen."""

from __future__ import annotations

from typing import cast

import attrs
import torch
from torch import Tensor

from redheart_core import CATALOGUE, Field
from redheart_core.data.batches import BatchSource
from redheart_core.data.fitting import StoreFitData, StorePart
from redheart_core.nn.fusing import Gathered
from redheart_stacking_fusion.candidates import CANDIDATES
from redheart_stacking_fusion.model import Stack, StackingFusion, teams
from redheart_stacking_fusion.training import fit

RECORDS = 600


@attrs.frozen(eq=False)
class Records:
    """Targets and answers by name, as far as a fit looks at them."""

    tensors: dict[str, Tensor]

    @property
    def store(self) -> Records:
        return self

    @property
    def clusters(self) -> Tensor:
        return torch.arange(RECORDS)

    def target(self, name: str) -> Tensor:
        return self.tensors[name]

    def lower(self, name: str, rows: Tensor) -> Tensor:
        return self.tensors[name][rows]

    def shuffle_key(self, row: int) -> bytes:
        return row.to_bytes(4, "big")


def fitted(field: Field, target: Tensor, *members: Tensor) -> tuple[StackingFusion, dict[str, Tensor]]:
    """A stack of some answers on a field, and its inputs."""
    inputs = {f"member_{number}.{field.name}": member for number, member in enumerate(members)}
    source = cast(BatchSource, Records({field.name: target, **inputs}))
    module = StackingFusion([Gathered(field, tuple(inputs))])
    part = StorePart(source, torch.arange(RECORDS))
    fit(module, StoreFitData(part, part, {field.name: field}, 0))
    return module, inputs


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def stack_of(module: StackingFusion, name: str) -> Stack:
    stack = module.stacks[name]
    assert isinstance(stack, Stack)
    return stack


def test_a_wrong_scale_and_offset_of_values_is_put_right() -> None:
    """vad lies in 1..5: the intercept has to come back in its own unit."""
    target = (3 + 0.5 * noise(RECORDS, 3)).clamp(1, 5)
    module, inputs = fitted(CATALOGUE["vad"], target, 2 + 0.5 * (target - 3))
    torch.testing.assert_close(module(inputs)["vad"], target, atol=1e-4, rtol=0)
    weight = stack_of(module, "vad").weight
    torch.testing.assert_close(weight, torch.tensor([[2.0] * 3, [-1.0] * 3]), atol=1e-4, rtol=0)


def test_the_choice_and_its_losses_are_kept_beside_the_weights() -> None:
    target = (0.5 + 0.1 * noise(RECORDS)).clamp(0, 1)
    module, _ = fitted(CATALOGUE["regret"], target, target, noise(RECORDS, seed=1))
    stack = stack_of(module, "regret")
    assert CANDIDATES[int(stack.choice)] == "best member"
    assert stack.cross_fitted[1] == 0 < 1e-3 < stack.cross_fitted[0]
    assert stack.standard_error[0] > 0
    names = {f"stacks.regret.{name}" for name in ("weight", "choice", "cross_fitted", "standard_error")}
    assert module.state_dict().keys() == names


def test_records_without_the_target_add_nothing() -> None:
    target = (0.5 + 0.1 * noise(RECORDS, 4)).clamp(0, 1)
    holed, member, other = target.clone(), target.clone(), noise(RECORDS, 4, seed=2)
    holed[::2], member[::2] = float("nan"), 40.0
    field = CATALOGUE["choice_factors"]
    weight = stack_of(fitted(field, holed, member, other)[0], "choice_factors").weight
    torch.testing.assert_close(weight[0], torch.ones(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(weight[1:], torch.zeros(2, 4), atol=1e-3, rtol=0)


def test_a_mixture_of_distributions_stays_one() -> None:
    logits = 2 * noise(RECORDS, 7)
    members = [(logits + noise(RECORDS, 7, seed=seed)).softmax(-1) for seed in (1, 2)]
    module, inputs = fitted(CATALOGUE["emotion"], logits.softmax(-1), *members)
    outputs = module(inputs)
    torch.testing.assert_close(outputs["emotion"].sum(-1), torch.ones(RECORDS))
    assert bool((outputs["emotion"] > 0).all())
    torch.testing.assert_close(outputs["emotion_logits"].softmax(-1), outputs["emotion"])


def test_votes_are_stacked_as_shares_and_records_without_votes_are_left_out() -> None:
    logits = noise(RECORDS, 5)
    counts = torch.distributions.Multinomial(20, logits=logits, validate_args=True).mean.round()
    counts[:50] = 0.0
    useless = noise(RECORDS, 5, seed=3).softmax(-1)
    module, inputs = fitted(CATALOGUE["votes"], counts, logits.softmax(-1), useless)
    assert stack_of(module, "votes").weight[1].max() < 0.1
    torch.testing.assert_close(module(inputs)["votes"].sum(-1), torch.ones(RECORDS))


def test_the_answer_of_the_best_member_is_given_bit_for_bit_where_it_is_taken() -> None:
    target = (0.5 + 0.1 * noise(RECORDS)).clamp(0, 1)
    module, inputs = fitted(CATALOGUE["regret"], target, target, noise(RECORDS, seed=1))
    assert torch.equal(module(inputs)["regret"], target)


def test_members_of_different_languages_are_stacked_with_those_that_answer_there() -> None:
    field, target = CATALOGUE["regret"], (0.5 + 0.1 * noise(RECORDS)).clamp(0, 1)
    english = torch.arange(RECORDS) % 2 == 0
    weak = (target + 0.3 * noise(RECORDS, seed=1)).clamp(0, 1)
    inputs = {"weak.regret": weak, "en.regret": target.clone(), "ko.regret": 0.5 * target + 0.1}
    inputs["en.regret"][~english], inputs["ko.regret"][english] = torch.nan, torch.nan
    inputs["ko.regret"][1] = inputs["en.regret"][0] = torch.nan  # not installed here
    languages = {"en.regret": ("en",), "ko.regret": ("ko",)}
    module = StackingFusion([Gathered(field, tuple(inputs))], {"en.regret", "ko.regret"}, languages)
    part = StorePart(cast(BatchSource, Records({"regret": target, **inputs})), torch.arange(RECORDS))
    fit(module, StoreFitData(part, part, {"regret": field}, 0))
    assert {name.rpartition(".")[0] for name, _ in module.named_parameters()} == {
        "spoken.regret.en", "spoken.regret.ko", "others.regret",
    }  # fmt: skip
    found = module(inputs)["regret"]
    torch.testing.assert_close(found[2:], target[2:], rtol=0, atol=1e-5)
    certain = module.others["regret"](weak[None, :2, None])
    assert torch.equal(found[:2], certain[:, 0])
    assert not torch.allclose(certain[:, 0], target[:2], atol=1e-3)


def test_who_answers_together_is_told_by_the_languages() -> None:
    names = ("all", "en", "ko", "west")
    languages = {"en": ("en",), "ko": ("ko",), "west": ("de", "en", "fr")}
    assert teams(names, languages) == {"ko": [0, 2], "de+fr": [0, 3], "en": [0, 1, 3]}
    assert teams(names[:2], languages) == teams(("en", "west"), languages) == teams(("all",), languages) == {}


def test_an_exported_graph_answers_to_the_bit_as_the_module_whether_members_are_absent_or_not() -> None:
    field = CATALOGUE["emotion"]
    module, inputs = fitted(field, *(noise(RECORDS, *field.shape, seed=seed).softmax(-1) for seed in range(3)))
    given = {name: tensor[:3] for name, tensor in inputs.items()}
    rows = {name: {0: torch.export.Dim.DYNAMIC} for name in given}
    program = torch.export.export(module, (given,), dynamic_shapes=(rows,)).module()
    absent = given["member_0.emotion"].index_fill(0, torch.tensor([1]), torch.nan)
    partly = {**given, "member_0.emotion": absent}
    for case in (given, partly, {name: tensor[:2] for name, tensor in inputs.items()}):
        for name, tensor in module(case).items():
            torch.testing.assert_close(program(case)[name], tensor, rtol=0, atol=0, equal_nan=True)
