"""A toy world for tests: a small store, small nodes, and runs of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pluggy
import torch
from torch import Tensor, nn

from redheart_core import (
    CATALOGUE,
    SCALES,
    ActiveNode,
    BuildContext,
    DatasetSpec,
    EncoderSpec,
    EpochFinished,
    Field,
    LossTerm,
    Metric,
    NodeSpec,
    Objective,
    Output,
    Record,
    hookimpl,
)
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.contract import hookspecs
from redheart_core.contract.markers import PROJECT_NAME
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.discovery.calls import Hooks
from redheart_core.nn import losses, metrics
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.loop import train
from redheart_core.training.turns import TurnPlan

WORDS = ("calm", "kind", "late", "cruel", "brave", "poor", "rich", "lost", "found", "broken", "gift", "debt")

_PREPARED: dict[str, bytes] = {}
"""The files of the usual store, so that it is prepared once and laid out for further tests; `prepare` checks them."""


@attrs.frozen
class NoSettings:
    """Nothing to set."""


@attrs.frozen
class NodeSettings:
    """Settings of a toy node."""

    width: int = 8
    dropout: float = 0.1
    fault_after: int = 0
    """Forward passes in training after which the output is not finite; 0 never."""


class WordEncoder:
    """Each word is a fixed direction; a chunk is the mean of its words."""

    width = 16
    revision = "words-1"

    def encode(self, chunks: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.stack([np.mean([self._word(word) for word in chunk.split()], axis=0) for chunk in chunks])

    @staticmethod
    @cache
    def _word(word: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        digest = hashlib.sha256(word.encode()).digest()
        return np.frombuffer(digest[:16], dtype=np.uint8).astype(np.float32) / 128.0 - 1.0

    def save(self, folder: Path) -> None:
        (folder / "words.txt").write_text(self.revision)


class ToyNode(nn.Module):
    """Mean over chunks, a hidden layer with dropout, sigmoid."""

    def __init__(self, inputs: Mapping[str, int], width: int, outputs: int, dropout: float, fault_after: int) -> None:
        super().__init__()
        self.names = tuple(inputs)
        self.hidden = nn.Linear(sum(inputs.values()), width)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(width, outputs)
        self.fault_after, self.calls = fault_after, 0

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        mask = inputs["mask"].unsqueeze(-1)
        parts = []
        for name in self.names:
            tensor = inputs[name]
            parts.append(
                (tensor * mask).sum(1) / mask.sum(1) if tensor.dim() == 3 else tensor.reshape(tensor.shape[0], -1)
            )
        value = torch.sigmoid(self.last(self.dropout(torch.tanh(self.hidden(torch.cat(parts, -1))))))
        self.calls += self.training
        if self.fault_after and self.calls > self.fault_after:
            value = value * float("nan")
        return {"value": value.squeeze(-1) if value.shape[-1] == 1 else value}


class Mean(nn.Module):
    """The mean of some numbers per record, and twice the chunks."""

    def __init__(self, reads: tuple[str, ...]) -> None:
        super().__init__()
        self.reads = reads

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        value = torch.stack([inputs[read] for read in self.reads]).mean(0)
        return {"value": value, "chunks": 2 * inputs["embedding"]}


@attrs.frozen
class Toy:
    """Makers of toy things."""

    folder: Path

    def records(
        self, count: int = 160, missing: Callable[[int, str], bool] = lambda index, field: False
    ) -> list[Record]:
        """Texts of known words; regret and choice factors follow from them."""
        records = []
        for index in range(count):
            picks = np.random.default_rng(index).integers(len(WORDS), size=4 + index % 9)
            words = [WORDS[pick] for pick in picks]
            share = sum(word in ("cruel", "broken", "debt", "lost") for word in words) / len(words)
            factors = {
                label: (share + number / 8) / 1.5 for number, label in enumerate(CATALOGUE["choice_factors"].labels)
            }
            values: dict[str, object] = {"regret": share, "choice_factors": factors}
            text = " ".join(words) + f". {' '.join(reversed(words))} {index}."
            values = {name: None if missing(index, name) else value for name, value in values.items()}
            records.append(Record(f"r{index}", text, values, f"toy line {index + 1}"))
        return records

    def store(
        self,
        records: list[Record] | None = None,
        name: str = "store",
        more_fields: tuple[Field, ...] = (),
        tokenizers: Sequence[str] = (),
    ) -> Store:
        """A prepared store."""
        held = self.records() if records is None else records

        def fields(_: NoSettings) -> tuple[Field, ...]:
            return CATALOGUE["regret"], CATALOGUE["choice_factors"], *more_fields

        def read(_: NoSettings) -> Iterator[Record]:
            return iter(held)

        dataset = DatasetSpec("toy", "A toy.", NoSettings, fields, read)
        encoder = EncoderSpec(
            "words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder()
        )
        folder, nothing = self.folder / name, NoSettings()
        usual = records is None and not more_fields and not tokenizers and not folder.exists()
        if usual:
            for file, content in _PREPARED.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(content)
        store = prepare(folder, dataset, nothing, [(encoder, nothing)], chunk_chars=40, tokenizers=tokenizers)
        if usual and not _PREPARED:
            files = (path for path in folder.rglob("*") if path.is_file())
            _PREPARED.update((path.relative_to(folder).as_posix(), path.read_bytes()) for path in files)
        return store

    def encoder(self) -> TextEncoder:
        """The encoder of the store."""
        return TextEncoder((WordEncoder(),), 40, "float32")

    def node(
        self,
        name: str,
        reads: tuple[str, ...] = ("embedding",),
        target: str = "regret",
        group: str | None = None,
        loss: Any = losses.squared_error,
        learning_rate_scale: float = 1.0,
        loss_weight: float = 1.0,
        layers: tuple[str, ...] = (),
        **settings: Any,
    ) -> ActiveNode:
        """A node that predicts a field."""

        def build(context: BuildContext) -> nn.Module:
            inputs = {read: math.prod(size for size in context.inputs[read] if isinstance(size, int)) for read in reads}
            outputs = max(1, len(context.labels(target)))
            s = context.settings
            return ToyNode(inputs, s.width, outputs, s.dropout, s.fault_after)

        def objective(_: BuildContext) -> Objective:
            return Objective(
                losses=(LossTerm("value", target, "values", loss),),
                metrics=(
                    Metric("mean_absolute_error", "value", target, metrics.mean_absolute_error, "min"),
                    Metric("explained_variance", "value", target, metrics.explained_variance, "max"),
                ),
            )

        labels = target if CATALOGUE[target].labels else None
        spec = NodeSpec(
            name=name,
            meaning="A toy.",
            settings=NodeSettings,
            scales={scale: {} for scale in SCALES},
            reads=reads,
            gives=(Output("value", "The prediction.", "values", (), labels, 0.0, 1.0),),
            build=build,
            objective=objective,
            targets=(target,),
            layers=layers,
        )
        return ActiveNode(
            spec,
            "analyzer",
            name,
            "toy",
            "1.0",
            group or name,
            NodeSettings(**settings),
            learning_rate_scale=learning_rate_scale,
            loss_weight=loss_weight,
        )

    def calculator(self, name: str, reads: tuple[str, ...]) -> ActiveNode:
        """A node without parameters: the mean of what it reads as "value", and the chunks themselves as "chunks"."""

        def build(_: BuildContext) -> nn.Module:
            return Mean(reads)

        spec = NodeSpec(
            name=name,
            meaning="A toy.",
            settings=NoSettings,
            scales={scale: {} for scale in SCALES},
            reads=("embedding", *reads),
            gives=(
                Output("value", "The mean.", "values", (), None, 0.0, 1.0),
                Output("chunks", "The chunks, doubled.", "features", ("T", 16)),
            ),
            build=build,
        )
        return ActiveNode(spec, "analyzer", name, "toy", "1.0", name, NoSettings())

    def settings(self, **changes: Any) -> TrainSettings:
        """Quick training settings."""
        values = {"scale": "tiny", "epochs": 4, "batch_size": 16, "warmup_updates": 3, "threads": 1, **changes}
        return TrainSettings(**values)

    def context(
        self,
        nodes: Sequence[ActiveNode],
        store: Store | None = None,
        groups: Mapping[str, GroupSettings] | None = None,
        **changes: Any,
    ) -> TrainingContext:
        """A trainer over a store."""
        return TrainingContext.prepare(store or self.store(), nodes, self.settings(**changes), groups)

    def run(
        self,
        name: str,
        nodes: Sequence[ActiveNode],
        store: Store | None = None,
        listeners: Sequence[object] = (),
        groups: Mapping[str, GroupSettings] | None = None,
        plan: Callable[[TrainingContext], TurnPlan] | None = None,
        **changes: Any,
    ) -> tuple[RunFolder, dict[str, str]]:
        """Train nodes into a folder, within a plan if one is made; the run and the groups that stopped."""
        run, context = RunFolder(self.folder / name), self.context(nodes, store, groups, **changes)
        return run, train(run, context, hooks(*listeners), plan=None if plan is None else plan(context))


class StopAfter:
    """Interrupts a run after some finished epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def hooks(*listeners: object) -> Hooks:
    """The hooks with nobody but these listening."""
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    for listener in listeners:
        manager.register(listener)
    return Hooks(manager.hook)


def group_files(run: RunFolder, group: str) -> dict[str, str]:
    """Every file of a group with its SHA-256."""
    folder = run.group(group).path
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
