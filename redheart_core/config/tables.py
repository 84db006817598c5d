"""The tables [data], [training], [analysis], [memory] and [groups.NAME] of plugins.toml."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from attrs.validators import deep_iterable, ge, gt, in_, le, lt, matches_re, optional

from redheart_core.contract.nodes import SCALES

DEFAULT_TERMS = 40_000
"""Terms of the second view at most; sizes and times are given for so many."""
MOST_RECORDS = 2**31 - 1
"""In a batch; torch splits into parts of a 64-bit size, and several batches are sorted together."""
MOST_THREADS = 1024
"""OpenMP ends the process where it cannot start them."""
OPTIMIZER_BITS = (32, 8, 4)
LEAST_CONCENTRATION, MOST_CONCENTRATION = 1e-6, 1e6
"""Of a Beta distribution that is drawn in float32."""


def _off_or_concentration(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if value != 0.0 and not LEAST_CONCENTRATION <= value <= MOST_CONCENTRATION:
        raise ValueError(
            f"'{attribute.name}' must be 0 (off) or within {LEAST_CONCENTRATION:g}..{MOST_CONCENTRATION:g}: {value}"
        )


Precision = Literal["float32", "bfloat16", "float16"]
Shard = Literal["ddp", "fsdp"]
OptimizerBits = Literal[32, 8, 4]
CheckpointDtype = Literal["float32", "bfloat16"]

Vectors = Literal["float16", "float32"]
"""The type of the numbers of a stored vector; half precision takes half the room."""


def _names(_: object, attribute: attrs.Attribute[Any], value: str | tuple[str, ...]) -> None:
    names = _split(value)
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"'{attribute.name}' must be one name or a list of different names: {value}")


def _places(instance: object, attribute: attrs.Attribute[Any], value: str | tuple[str, ...]) -> None:
    if value != "":
        _names(instance, attribute, value)


def _split(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.split("+")) if isinstance(value, str) else value


@attrs.frozen
class DataSettings:
    """The [data] table."""

    dataset: str
    encoder: str | tuple[str, ...] = attrs.field(default=(), validator=_names)
    """One encoder, or several as a list or joined by a plus: their vectors stand side by side, each of length 1. A data
    set without texts needs none, and uses none."""
    vectors: Vectors = "float32"
    """The type of the numbers of a stored vector. What is stored is what trains; analysis rounds the same way."""
    chunk_chars: int = attrs.field(default=200, validator=ge(1))
    """A text is packed into chunks of at most so many characters."""
    terms: int = attrs.field(default=DEFAULT_TERMS, validator=ge(0))
    """At most so many words, pairs of words and parts of words make up the second view of a text; 0 for none."""
    tokenizer: str | tuple[str, ...] = attrs.field(default="", validator=_places)
    """Cuts texts into the tokens of the third view: a model's folder, "package:NAME/FOLDER", "OWNER/NAME@REVISION" in
    the local cache of the Hugging Face hub, or "learnt:SIZE" from the training texts; none if empty. Several, as a list
    or joined by a plus, make a view each, and every plugin reads that of its own model."""
    near_duplicates: float = attrs.field(default=0.8, validator=[ge(0.5), le(1.0)])
    """Texts whose shingles have at least this Jaccard index stay in one split; at 1 only equal texts do."""
    seed: int = attrs.field(default=0, validator=ge(0))
    """Decides the splits."""

    @property
    def encoders(self) -> tuple[str, ...]:
        """The names of the encoders, in order."""
        return _split(self.encoder)

    @property
    def tokenizers(self) -> tuple[str, ...]:
        """The places of the tokenizers, in order."""
        return _split(self.tokenizer) if self.tokenizer else ()


@attrs.frozen
class AnalysisSettings:
    """The [analysis] table."""

    country: str = attrs.field(default="", validator=matches_re("([A-Za-z]{2})?"))
    """Whose helplines a person in crisis is given, as a code of two letters (ISO 3166); "" for the country where the
    text's language is mostly spoken."""


@attrs.frozen
class MemorySettings:
    """The [memory] table."""

    where: str = ""
    """File, or address of a PostgreSQL database, of the memory of cases; "" for none, and nothing is remembered."""
    keep_text: bool = False
    """Whether the texts of cases are kept beside their vectors."""


@attrs.frozen
class TrainSettings:
    """The [training] table."""

    scale: str = attrs.field(default="small", validator=in_(SCALES))
    epochs: int = attrs.field(default=12, validator=ge(0))
    """With 0 every group stays as it begins, at the baseline or at a model (start_from)."""
    batch_size: int = attrs.field(default=64, validator=[ge(1), le(MOST_RECORDS)])
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
    optimizer_bits: OptimizerBits = attrs.field(default=32, validator=in_(OPTIMIZER_BITS))
    """Of each moment of AdamW between updates, for parameters of 4096 numbers or more; 8 and 4 as torchao has them, for
    a quarter and an eighth of the memory, and slower updates. Weights, gradients and all that is computed stay
    float32."""
    clip_norm: float = attrs.field(default=1.0, validator=gt(0.0))
    """Global norm of a group's gradient."""
    mixture: float = attrs.field(default=1.0, validator=[ge(0.0), le(1.0)])
    """Of several data sets: the exponent on their sizes that gives their shares of an epoch; 1 takes every record
    once, 0 all data sets equally often."""
    interleave: Literal["epoch", "batch"] = "epoch"
    """Groups of a tier take turns by epoch or by batch: the same bits either way."""
    checkpoint_dtype: CheckpointDtype = "float32"
    """Of the weights in the file of an epoch. With bfloat16 parameters and buffers of float32 are rounded there to 8
    bits, for half the room; what is validated, chosen and answered is what the file holds. Training stays in float32,
    and goes on from float32 weights in the state beside the optimizer's. Closed forms are always stored in float32."""
    keep_epochs: int = attrs.field(default=0, validator=ge(0))
    """Checkpoints kept: 0 all, otherwise the newest so many, the best ones and the referenced ones."""
    keep_best: int = attrs.field(default=1, validator=ge(1))
    """How many of the lowest validation loss are kept per group, where keep_epochs does not keep all."""
    keep_states: int = attrs.field(default=2, validator=ge(0))
    """Optimizer states kept per group, twice the size of its weights each, and once more with checkpoint_dtype =
    "bfloat16": those of the newest kept checkpoints; 0 keeps one beside each. `redheart repair` goes back to an epoch
    that has one."""
    background_saving: bool = False
    """Whether an epoch is written while the next one is trained, from a copy of weights and optimizer state: the same
    files. Takes memory for that copy, and a second core or the time of one."""
    seed: int = attrs.field(default=0, validator=ge(0))
    threads: int = attrs.field(default=1, validator=[ge(1), le(MOST_THREADS)])
    """Part of the result: sums split over another number round differently. Small modules gain
    nothing from a second one."""
    device: str = "cpu"


@attrs.frozen
class GroupSettings:
    """A [groups.<name>] table: what a checkpoint group does otherwise than [training] says, and its techniques."""

    epochs: int | None = attrs.field(default=None, validator=optional(ge(0)))
    """This and the next six are those of [training] if left out."""
    batch_size: int | None = attrs.field(default=None, validator=optional([ge(1), le(MOST_RECORDS)]))
    """Of training; a group is evaluated in batches of [training]."""
    learning_rate: float | None = attrs.field(default=None, validator=optional(gt(0.0)))
    warmup_updates: int | None = attrs.field(default=None, validator=optional(ge(0)))
    weight_decay: float | None = attrs.field(default=None, validator=optional(ge(0.0)))
    optimizer_bits: OptimizerBits | None = attrs.field(default=None, validator=optional(in_(OPTIMIZER_BITS)))
    checkpoint_dtype: CheckpointDtype | None = None
    micro_batch: int | None = attrs.field(default=None, validator=optional(ge(1)))
    """Records that an update computes at a time; the gradient of the batch is their sum, the same up to rounding where
    nothing is drawn at random. Takes less memory. All of the batch at once if left out."""
    shard: Shard | None = None
    """Whether several processes under torchrun train the group together: "ddp" divides the records of a batch, "fsdp"
    the weights, gradients and states of the optimizer too. The checkpoints are those of one process."""
    precision: Precision = "float32"
    """Of matrix products in the forward and backward pass of an update (torch.autocast). Weights, gradients, losses and
    the optimizer stay float32, and so does all that is evaluated and answered. float16 scales the loss, and is for
    CUDA alone."""
    compile: bool = False
    """Whether updates run compiled (torch.compile), once for each shape of a batch, so that a resumed training has the
    same bits. They differ from uncompiled ones by rounding; evaluations and answers are never compiled."""
    recompute: bool = False
    """Whether updates compute the inside of each layer that a plugin declares twice instead of keeping it for the
    backward pass (Chen et al. 2016): less memory, the same bits."""
    languages: tuple[str, ...] = attrs.field(default=(), validator=deep_iterable(matches_re("[a-z]{2,3}")))
    """Codes such as "en" of the only languages whose texts it learns from, is evaluated on and answers; all if none is
    named. A record whose language nobody states is in none of them."""
    layer_decay: float = attrs.field(default=1.0, validator=[gt(0.0), le(1.0)])
    """Factor on the rate per declared layer, counted from the output back (Howard and Ruder 2018)."""
    label_smoothing: float = attrs.field(default=0.0, validator=[ge(0.0), lt(1.0)])
    """Share of the uniform answer in targets that are distributions or 0/1 labels."""
    r_drop: float = attrs.field(default=0.0, validator=ge(0.0))
    """Weight of the disagreement of two passes with other dropout masks; each update costs two passes."""
    mixup: float = attrs.field(default=0.0, validator=_off_or_concentration)
    """Both parameters of the Beta distribution from which the share of another record is drawn."""
    ema: float = attrs.field(default=0.0, validator=[ge(0.0), lt(1.0)])
    """Decay of the moving average of the weights, which is saved and evaluated beside every epoch."""
    dropout_end: float = attrs.field(default=1.0, validator=ge(0.0))
    """Factor on all dropout shares at the last update; it goes there straight from 1."""
    priority: int = 0
    """Of staying on the device while groups take turns within a budget; the lower leaves first. Changes no result."""
    honest: bool = True
    """Of a group that is fitted in closed form: whether it gives honest answers on its training records, which cost
    most of the time of some fits. Without them no group may read it."""

    def over(self, training: TrainSettings) -> TrainSettings:
        """The [training] table as it is for the group."""
        given = {name: getattr(self, name) for name in _OF_TRAINING}
        return attrs.evolve(training, **{name: value for name, value in given.items() if value is not None})

    def is_on(self, technique: str) -> bool:
        """Whether a technique is switched on."""
        return bool(getattr(self, technique) != attrs.fields_dict(GroupSettings)[technique].default)


_OF_TRAINING = (
    "epochs", "batch_size", "learning_rate", "warmup_updates", "weight_decay", "optimizer_bits", "checkpoint_dtype",
)  # fmt: skip
"""Keys of [training] that a group may have otherwise."""


@attrs.frozen
class NodeOptions:
    """The keys of a [plugins.<name>] table that every node has; None leaves the choice to the plugin."""

    of: str | None = None
    """The node that this table uses once more, under the table's name and in a group of its own."""
    group: str | None = attrs.field(default=None, validator=optional(matches_re(r"[A-Za-z0-9_-]+")))
    """Checkpoint group; also the name of its folder."""
    learning_rate_scale: float = attrs.field(default=1.0, validator=gt(0.0))
    loss_weight: float = attrs.field(default=1.0, validator=gt(0.0))
    residual: bool = True
    """Whether the plugin learns what the baseline leaves, on the fields that both answer."""
    learns: tuple[str, ...] = ()
    """The fields that it learns, of those that it learns where the data set has them; all of them if none is named."""
    beside: tuple[str, ...] = ()
    """Features "node.output" of other groups that it reads beside the embedding."""
    ignores: tuple[str, ...] = ()
    """Fields, of those that it reads where the data set has them, that it does without."""
    tokenizer: str = ""
    """Name or SHA-256 of the one, of several under [data] tokenizer, whose tokens it reads; that of its own pretrained
    model if empty."""


NODE_OPTIONS = tuple(attribute.name for attribute in attrs.fields(NodeOptions))
"""Names that a plugin's own settings cannot have."""
