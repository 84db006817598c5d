"""Fit the third voter on the English cases that fitting.py reads; plugins/ready/make_crisis.py runs it.

The adapters learn crisis against harmless and, beside it, which kind a crisis is. What is kept is a running mean of the
weights (Polyak and Juditsky 1992), as so few cases are soon overfitted. Random numbers come from one seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.bert import Bert
from redheart_core.safety.adapted import FILE, SCALE, Adapters, Reader, framed, make_reader, open_encoder, pool
from redheart_core.safety.fitting import LABELS, Case, weights_of

SEED = 0
RANK = 16
EPOCHS = 3
BATCH = 32
TOGETHER = 16
"""Batches whose texts are sorted by length before they are dealt out, so that little is padded."""
RATE = 1e-3
WARMUP = 50
DROPOUT = 0.2
DECAY = 0.99
"""Of the weights in their mean."""
KINDS_WEIGHT = 0.5
TOKENS = 96
"""Of a case, longer ones are cut."""


class Trained(nn.Module):
    """The encoder with adapters beside its weights, and a linear head for crisis and for the kinds."""

    def __init__(self, bert: Bert) -> None:
        super().__init__()
        self.bert = bert.requires_grad_(False)
        width = bert.embeddings.word_embeddings.embedding_dim
        self.maps = nn.ModuleDict()
        for name, layer in list(bert.encoder.named_modules()):
            if isinstance(layer, nn.Linear):
                self.maps[name.replace(".", "/")] = added = Added(layer)
                owner, _, last = name.rpartition(".")
                setattr(bert.encoder.get_submodule(owner), last, added)
        self.query = nn.Parameter(torch.zeros(width))
        self.crisis = nn.Linear(2 * width, 1)
        self.kind = nn.Linear(2 * width, len(LABELS))

    def forward(self, tokens: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) tokens, of which some are real, to (B,) for a crisis and (B, K) for its kind."""
        states = self.bert(tokens, real).last_hidden_state
        found = F.dropout(pool(states, real, self.query), DROPOUT, self.training)
        return self.crisis(found)[:, 0], self.kind(found)

    def adapters(self) -> Adapters:
        """What is shipped of it, rounded as it is shipped."""
        maps = {}
        for name, layer in self.maps.items():
            assert isinstance(layer, Added)
            maps[name.replace("/", ".")] = (_rounded(layer.first), _rounded(layer.second))
        slopes, bias = _rounded(self.crisis.weight)[0], float(self.crisis.bias.item())
        return Adapters(maps, _rounded(self.query), slopes, bias)


class Added(nn.Module):
    """A linear layer with an adapter beside it."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.first = nn.Parameter(torch.randn(RANK, linear.in_features) / linear.in_features**0.5)
        self.second = nn.Parameter(torch.zeros(linear.out_features, RANK))

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.linear(x) + F.linear(F.linear(x, self.first), self.second) * SCALE
        return added


def fit_adapters(cases: Sequence[Case]) -> Adapters:
    """Crisis against harmless, on English cases; the global random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        bert, tokenizer = open_encoder(DROPOUT)
        model = Trained(bert)
        _train(model, cases, [ids[:TOKENS] for ids in framed(tokenizer, [case.text for case in cases])])
    return model.adapters()


def _train(model: Trained, cases: Sequence[Case], ids: Sequence[Sequence[int]]) -> None:
    crisis = torch.tensor([float(case.label in LABELS) for case in cases])
    kinds = torch.tensor([LABELS.index(case.label) if case.label in LABELS else 0 for case in cases])
    weights = torch.tensor(weights_of(cases))
    own = [one for one in model.parameters() if one.requires_grad]
    mean = [one.detach().clone() for one in own]
    optimizer = torch.optim.AdamW(own, lr=RATE)
    draws, step, steps = np.random.default_rng(SEED), 0, EPOCHS * (-(-len(cases) // BATCH))
    model.train()
    for _ in range(EPOCHS):
        for batch in _batches(ids, draws):
            optimizer.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / WARMUP) * max(0.02, 1 - step / steps)
            score, kind = model(*_pad([ids[place] for place in batch]))
            loss = (F.binary_cross_entropy_with_logits(score, crisis[batch], reduction="none") * weights[batch]).mean()
            of_kinds = F.cross_entropy(kind, kinds[batch], reduction="none") * crisis[batch]
            optimizer.zero_grad()
            torch.autograd.backward(loss + KINDS_WEIGHT * of_kinds.mean())
            nn.utils.clip_grad_norm_(own, 1.0)
            optimizer.step()
            step += 1
            share = 1 - min(DECAY, (1 + step) / (10 + step))
            for kept, one in zip(mean, own, strict=True):
                kept.lerp_(one.detach(), share)
    with torch.no_grad():
        for kept, one in zip(mean, own, strict=True):
            one.copy_(kept)


def write_adapters(adapters: Adapters) -> Reader:
    """The shipped ones, in half precision; gives what reads with them."""
    numbers = {"query": adapters.query, "slopes": adapters.slopes}
    for name, (first, second) in adapters.maps.items():
        numbers |= {f"{name}:in": first, f"{name}:out": second}
    halves = {name: one.astype(np.float16) for name, one in numbers.items()}
    np.savez_compressed(FILE, allow_pickle=False, bias=np.float64(adapters.bias), **halves)
    return make_reader(adapters)


def _rounded(numbers: Tensor) -> NDArray[np.float32]:
    return numbers.detach().half().float().numpy()


def _batches(ids: Sequence[Sequence[int]], draws: np.random.Generator) -> Iterator[list[int]]:
    """Places of the texts of each batch, in an order that is drawn, texts of like length together."""
    order = draws.permutation(len(ids)).tolist()
    found: list[list[int]] = []
    for start in range(0, len(order), BATCH * TOGETHER):
        some = sorted(order[start : start + BATCH * TOGETHER], key=lambda place: len(ids[place]))
        found += [some[first : first + BATCH] for first in range(0, len(some), BATCH)]
    yield from (found[place] for place in draws.permutation(len(found)).tolist())


def _pad(texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The tokens of texts, 0 behind each, and which are real."""
    tokens = nn.utils.rnn.pad_sequence([torch.tensor(one) for one in texts], batch_first=True)
    lengths = torch.tensor([len(one) for one in texts])
    return tokens, torch.arange(tokens.shape[1])[None] < lengths[:, None]
