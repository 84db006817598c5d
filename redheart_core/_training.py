"""Frozen value types of training: settings, groups and batches."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import attrs
from attrs.validators import ge, gt, in_, le, lt, optional

from redheart_core._nodes import SCALES, ActiveNode

if TYPE_CHECKING:
    from torch import Tensor

RUN_FORMAT = 2
"""Of run.json and of the groups' manifests."""


@attrs.frozen
class DataSettings:
    """The [data] table."""

    dataset: str = "village"
    encoder: str = "lsa"
    chunk_chars: int = attrs.field(default=200, validator=ge(1))
    """A text is packed into chunks of at most so many characters."""
    terms: int = attrs.field(default=20_000, validator=ge(0))
    """At most so many words, pairs of words and parts of words make up the second view of a text; 0 for none."""
    seed: int = attrs.field(default=0, validator=ge(0))
    """Decides the splits."""


@attrs.frozen
class TrainSettings:
    """The [training] table."""

    scale: str = attrs.field(default="small", validator=in_(SCALES))
    epochs: int = attrs.field(default=12, validator=ge(1))
    batch_size: int = attrs.field(default=64, validator=ge(1))
    learning_rate: float = attrs.field(default=1e-3, validator=gt(0.0))
    """Peak rate, times learning_rate_scale of a plugin."""
    schedule: Literal["cosine", "cosine_restarts"] = "cosine"
    warmup_updates: int = attrs.field(default=100, validator=ge(0))
    """Linear warm-up, in optimizer updates."""
    restart_updates: int = attrs.field(default=1000, validator=ge(1))
    """Length of the first cosine of cosine_restarts; each next one is twice as long."""
    final_rate: float = attrs.field(default=0.01, validator=[ge(0.0), le(1.0)])
    """Rate at the end of a cosine as a share of the peak."""
    weight_decay: float = attrs.field(default=0.01, validator=ge(0.0))
    """AdamW's, on tensors of two or more dimensions."""
    clip_norm: float = attrs.field(default=1.0, validator=gt(0.0))
    """Global norm of a group's gradient."""
    mixture: float = attrs.field(default=1.0, validator=[ge(0.0), le(1.0)])
    """Of several data sets: the exponent on their sizes that gives their shares of an epoch; 1 takes every record
    once, 0 all data sets equally often."""
    interleave: Literal["epoch", "batch"] = "epoch"
    """Groups of a tier take turns by epoch or by batch: the same bits either way."""
    keep_epochs: int = attrs.field(default=0, validator=ge(0))
    """Checkpoints kept: 0 all, otherwise the newest so many, the best and the referenced ones."""
    seed: int = attrs.field(default=0, validator=ge(0))
    threads: int = attrs.field(default=1, validator=ge(1))
    """Part of the result: sums split over another number round differently. Small modules gain
    nothing from a second one."""
    device: str = "cpu"


@attrs.frozen
class GroupSettings:
    """A [groups.<name>] table: what a checkpoint group does otherwise than [training] says, and its techniques."""

    learning_rate: float | None = attrs.field(default=None, validator=optional(gt(0.0)))
    """Peak rate; that of [training] if left out."""
    weight_decay: float | None = attrs.field(default=None, validator=optional(ge(0.0)))
    layer_decay: float = attrs.field(default=1.0, validator=[gt(0.0), le(1.0)])
    """Factor on the rate per declared layer, counted from the output back (Howard and Ruder 2018)."""
    label_smoothing: float = attrs.field(default=0.0, validator=[ge(0.0), lt(1.0)])
    """Share of the uniform answer in targets that are distributions or 0/1 labels."""
    r_drop: float = attrs.field(default=0.0, validator=ge(0.0))
    """Weight of the disagreement of two passes with other dropout masks; each update costs two passes."""
    mixup: float = attrs.field(default=0.0, validator=ge(0.0))
    """Both parameters of the Beta distribution from which the share of another record is drawn."""
    ema: float = attrs.field(default=0.0, validator=[ge(0.0), lt(1.0)])
    """Decay of the moving average of the weights, which is saved and judged beside every epoch."""
    dropout_end: float = attrs.field(default=1.0, validator=ge(0.0))
    """Factor on all dropout shares at the last update; it goes there straight from 1."""

    def is_on(self, technique: str) -> bool:
        """Whether a technique is switched on."""
        return bool(getattr(self, technique) != attrs.fields_dict(GroupSettings)[technique].default)


@attrs.frozen
class Group:
    """A checkpoint group: the nodes that share gradients, an optimizer, an epoch and files."""

    name: str
    nodes: tuple[ActiveNode, ...]
    """In the order in which they compute."""
    tier: int
    """0 reads the data alone; a higher one reads outputs of lower ones."""
    reads: tuple[str, ...]
    """Groups whose outputs it reads."""
    requires: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, hash=False)
    """For each node the fields of the data set without which it cannot judge a record: those that
    it reads, and those that the nodes it reads require in turn."""
    settings: GroupSettings = GroupSettings()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Everything beside embedding and mask that a batch for the group holds."""
        terms = ("terms",) if any("terms" in node.spec.reads for node in self.nodes) else ()
        return (*self.fields, *terms, *self.external)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the data set that its nodes read, or need to judge a record."""
        read = {field for node in self.nodes for field in node.spec.read_fields}
        required = {field for fields in self.requires.values() for field in fields}
        return tuple(sorted(read | required))

    @property
    def external(self) -> tuple[str, ...]:
        """Names "node.output" of other groups that its nodes read."""
        own = {node.name for node in self.nodes}
        names = {read for node in self.nodes for read in node.spec.reads}
        return tuple(sorted(name for name in names if "." in name and name.partition(".")[0] not in own))

    def wanted(self, node: ActiveNode) -> frozenset[str]:
        """Outputs of a node that its group uses: all, but of a module without losses only what the group reads.

        What nobody in the group reads gets no gradient, so it is not built.
        """
        if node.spec.objective is not None or all(other.spec.objective is None for other in self.nodes):
            return frozenset(output.name for output in node.spec.gives)
        reads = [read.partition(".") for other in self.nodes for read in other.spec.reads]
        return frozenset(output for source, _, output in reads if source == node.name)

    @property
    def fitted(self) -> bool:
        """Whether its weights are computed in closed form, in one go, instead of descended to."""
        return any(node.spec.fit is not None for node in self.nodes)

    @property
    def targets(self) -> tuple[str, ...]:
        """Fields that its nodes learn."""
        return tuple(sorted({target for node in self.nodes for target in node.spec.targets}))


@attrs.frozen(eq=False)
class Batch:
    """Some records, ready for a group."""

    inputs: Mapping[str, Tensor]
    """"embedding" (B, T, D), "mask" (B, T) bool, "terms" (B, V), fields that are read, and "node.output" of
    lower tiers."""
    targets: Mapping[str, Tensor]
    """Field to (B, *shape) float32, NaN where missing."""

    @property
    def size(self) -> int:
        """B."""
        return self.inputs["mask"].shape[0]

    @property
    def chunks(self) -> int:
        """T, padded."""
        return self.inputs["mask"].shape[1]


@attrs.frozen
class EpochEntry:
    """What is known of one finished epoch of one group; all of it is reproducible bit for bit."""

    epoch: int
    file: str
    sha256: str
    bytes: int
    train_loss: float
    validation_loss: float
    metrics: Mapping[str, float]
    learning_rate: float
    losses_file: str
    """The validation loss record by record, for standard errors."""
    losses_sha256: str
    thresholds: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    """"node.output" to one threshold per label, chosen on validation, for labels that are 0 or 1."""
    averaged: bool = False
    """The weights are the moving average at the end of the epoch."""
    effects: Mapping[str, int] = attrs.field(factory=dict)
    """How often each technique that is switched on has acted in the epoch."""
    updates: int = 0
    """Steps of the schedule that the epoch takes; 0 for a closed form."""
    gradient: Mapping[str, float] = attrs.field(factory=dict)
    """"mean" and "max" of the gradient's norm before clipping over the updates, and the share "clipped" of them."""


@attrs.frozen
class GroupManifest:
    """The state of one group on disk."""

    group: str
    status: Literal["running", "finished", "stopped"]
    reason: str = ""
    epochs: tuple[EpochEntry, ...] = ()
    averages: tuple[EpochEntry, ...] = ()
    """The moving averages at the end of each epoch, if [groups.<name>] ema is on."""
    fitted: bool = False
    """The weights were computed in closed form; the one epoch stands for that."""
    state_file: str = ""
    """Optimizer state of the newest epoch, for resuming."""
    state_sha256: str = ""
    inputs: Mapping[str, Mapping[str, object]] = attrs.field(factory=dict)
    """For each group that it reads: the epoch and SHA-256 that were fixed for it."""

    def to_json(self) -> dict[str, object]:
        return {"format": RUN_FORMAT, **json.loads(json.dumps(attrs.asdict(self)))}

    @property
    def best(self) -> EpochEntry:
        """The epoch of the lowest validation loss, or the average at its end; the earlier one of equals."""
        return min(self.candidates, key=lambda entry: (entry.validation_loss, entry.epoch, entry.averaged))

    @property
    def candidates(self) -> tuple[EpochEntry, ...]:
        """Everything that may be chosen: the epochs, and the moving averages at their ends."""
        return (*self.epochs, *self.averages)

    def entry(self, epoch: int) -> EpochEntry | None:
        return next((entry for entry in self.epochs if entry.epoch == epoch), None)
