"""Parts are sums of paths by construction, causes are evaluated in sets, transfer knows no units."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_advanced_surd.causal import CausalModel
from redheart_advanced_surd.decomposition import Decomposition, part_logits
from redheart_advanced_surd.model import AdvancedSurd
from redheart_advanced_surd.paths import MEMBERS, PART_OF_PATH, PARTS, PATHS, part_of, places
from redheart_advanced_surd.transfer import Transfer
from redheart_core import RedheartError

ALL = ("causal_parts", "parts_logits", "causal_paths", "paths_logits")


def given(width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mask = torch.arange(3) < torch.tensor([3, 1, 2, 3]).unsqueeze(1)
    return {"embedding": torch.randn(4, 3, width, generator=draw), "mask": mask}


def coupled(strengths: Tensor, days: int = 64) -> Tensor:
    """x' = .3 x + e, y' = .3 y + strength x + e: a log for each strength."""
    noise = torch.randn(len(strengths), days, 2, generator=torch.Generator().manual_seed(1))
    log = [noise[:, 0]]
    for day in range(1, days):
        x, y = log[-1].unbind(-1)
        log.append(torch.stack([0.3 * x, 0.3 * y + strengths * x], -1) + noise[:, day])
    return torch.stack(log, 1)


def exact_transfer(strengths: Tensor) -> Tensor:
    """Of x to y in `coupled`, 0.5 ln(var(y' | y) / 1) in nats, from the stationary covariances."""
    var_x = 1 / (1 - 0.3**2)
    covariance = 0.3 * strengths * var_x / (1 - 0.3 * 0.3)
    var_y = (1 + strengths.square() * var_x + 2 * 0.3 * strengths * covariance) / (1 - 0.3**2)
    lagged = 0.3 * var_y + strengths * covariance
    return 0.5 * (var_y - lagged.square() / var_y).log()


def test_each_path_belongs_to_the_part_of_its_letter() -> None:
    assert [part_of(path) for path in PATHS] == [
        *["redundant"] * 4,
        *["unique"] * 3,
        *["synergistic"] * 2,
        "leak",
    ]
    assert [PARTS[place] for place in PART_OF_PATH] == [part_of(path) for path in PATHS]
    assert sorted(place for members in MEMBERS for place in members) == list(range(10))


def test_labels_in_another_order_are_found_by_name_and_other_labels_refused() -> None:
    assert places(PARTS[::-1], PARTS, "causal_parts") == (3, 2, 1, 0)
    with pytest.raises(RedheartError, match="knows 'causal_parts' as redundant"):
        places(("selection", *PARTS[1:]), PARTS, "causal_parts")


def test_parts_are_the_sums_of_their_paths_whatever_the_order_of_labels() -> None:
    torch.manual_seed(0)
    parts, paths = ("leak", "synergistic", "unique", "redundant"), PATHS[::-1]
    module = AdvancedSurd(
        width_in=6,
        width=16,
        heads=2,
        layers=1,
        causal_width=32,
        causal_heads=2,
        parts=places(parts, PARTS, ""),
        paths=places(paths, PATHS, ""),
        directions=(),
        transfer_width=8,
        wanted=ALL,
        dropout=0.0,
        input_dropout=0.0,
        skip_dropout=0.0,
    ).eval()
    outputs = module(given(6))
    assert outputs.keys() == set(ALL)
    for place, part in enumerate(parts):
        members = [number for number, path in enumerate(paths) if part_of(path) == part]
        torch.testing.assert_close(outputs["causal_parts"][:, place], outputs["causal_paths"][:, members].sum(-1))
    torch.testing.assert_close(outputs["causal_parts"].sum(-1), torch.ones(4))


def test_a_part_network_moves_all_paths_of_its_part_alike_and_no_other() -> None:
    torch.manual_seed(0)
    network, features = Decomposition(8, 0.0), torch.randn(4, 8)
    before = network(features)
    with torch.no_grad():
        last = [p for name, p in network.parts.named_parameters() if name.endswith("bias")][-1]
        last[PARTS.index("unique")] += 1.0
    moved = network(features) - before
    expected = torch.tensor([float(part_of(path) == "unique") for path in PATHS])
    torch.testing.assert_close(moved, expected.expand(4, 10))
    torch.testing.assert_close(part_logits(before).softmax(-1).sum(-1), torch.ones(4))


def test_causes_that_change_names_change_the_names_of_their_paths() -> None:
    torch.manual_seed(0)
    model, sequence, mask = CausalModel(6, 32, 2), torch.randn(4, 3, 6), given(6)["mask"]
    before = dict(zip(PATHS, model(sequence, mask).unbind(-1), strict=True))
    with torch.no_grad():
        model.variables[:2] = model.variables[[1, 0]].clone()
    after = dict(zip(PATHS, model(sequence, mask).unbind(-1), strict=True))
    swapped = {"U1": "U2", "U2": "U1", "R13": "R23", "R23": "R13"}
    for path in PATHS:
        torch.testing.assert_close(after[path], before[swapped.get(path, path)])
    assert not torch.equal(before["U1"], before["U2"])


def test_transfer_knows_no_units_and_swaps_with_the_persons() -> None:
    torch.manual_seed(0)
    model, log = Transfer(((0, 1), (1, 0)), 8), coupled(torch.tensor([0.6]))
    transfer = model(log)
    torch.testing.assert_close(model(log * torch.tensor([7.0, 0.01]) + torch.tensor([3.0, -1.0])), transfer)
    torch.testing.assert_close(model(log.flip(-1)), transfer.flip(-1))
    assert bool((transfer >= 0).all())


def test_days_that_are_missing_at_the_end_change_nothing() -> None:
    torch.manual_seed(0)
    model, log = Transfer(((0, 1), (1, 0)), 8), coupled(torch.tensor([0.6]), 40)
    padded = torch.cat([log, torch.full((1, 24, 2), float("nan"))], 1)
    torch.testing.assert_close(model(padded), model(log))
    assert bool(model(torch.full((1, 64, 2), float("nan"))).isfinite().all())
    assert bool(model(torch.zeros(1, 64, 2)).isfinite().all())


def test_transfer_of_unseen_couplings_is_learnt_with_its_direction() -> None:
    torch.manual_seed(0)
    strengths = torch.rand(640, generator=torch.Generator().manual_seed(2)) * 0.9
    log, target = coupled(strengths), torch.stack([exact_transfer(strengths), torch.zeros(640)], -1)
    model = Transfer(((0, 1), (1, 0)), 8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(80):
        rows = torch.randint(512, (64,))
        optimizer.zero_grad()
        loss = (model(log[rows]) - target[rows]).square().mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = (model(log[512:]) - target[512:]).square().mean().item()
    constant = (target[512:] - target[512:].mean(0)).square().mean().item()
    assert error < 0.6 * constant
