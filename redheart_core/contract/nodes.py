"""Frozen value types of nodes: what an analyzer, head or fusion declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.converters import optional

from redheart_core.contract.builders import name_builders, to_function
from redheart_core.contract.errors import PluginError
from redheart_core.contract.fields import Field, Shape

if TYPE_CHECKING:
    from torch import Tensor, nn

    from redheart_core.contract.data import Tokenizer
    from redheart_core.contract.fitting import FitData

Fit = Callable[["nn.Module", "FitData"], "Mapping[str, Tensor] | None"]
"""See NodeSpec.fit."""

Form = Literal["values", "probabilities", "logits", "features"]
"""What the numbers of an output are. A loss says which form it takes; the two must agree."""

SCALES = ("tiny", "small", "base", "full")

VIEWS = ("embedding", "terms", "tokens")
"""What a node may read of the text itself: the vectors of its chunks (B, T, D), the TF-IDF weights of the whole text's
terms (B, V), and the ids of its tokens (B, L) int64, which are -1 after a text's last token. Of several tokenizers
"tokens" stands for the one that is the node's own."""


@attrs.frozen
class Output:
    """One named tensor that a node gives, (B, *shape) float32.

    Beside the answer on a field of values, FIELD_quantiles of shape (*axes, quantiles) with the field's labels, the
    lowest first, makes the interval of the answer: from the lowest to the highest, as far beyond as calibration asks.
    """

    name: str
    meaning: str
    form: Form
    shape: Shape = ()
    """Per record: numbers, "T" for the chunks of the text, or names of integer settings."""
    labels: str | None = None
    """Field whose labels name the last axis, which is added to shape."""
    low: float = float("-inf")
    high: float = float("inf")
    needs: tuple[str, ...] = ()
    """Optional fields of the node without which this output is not built. The field of labels is needed anyhow."""

    def resolve(self, settings: Any, fields: Mapping[str, Field]) -> Shape:
        """The per-record shape with settings and label counts put in; "T" stays."""
        sizes: list[int | str] = []
        for size in self.shape:
            sizes.append(size if isinstance(size, int) or size == "T" else int(getattr(settings, size)))
        if self.labels is not None:
            sizes.append(len(fields[self.labels].labels))
        return tuple(sizes)


@attrs.frozen
class LossTerm:
    """One loss of a node. The node's loss is the weighted sum of its terms.

    The core calls function(prediction, target, present) with the records that have the target: prediction (B, *shape)
    in the declared form, target and present (B, *shape), and expects one loss per record, (B,). Where present is False
    the target is NaN. Prediction and target have equal shapes, unless the term states the prediction's own.
    """

    output: str
    target: str
    """A field; or, for a self-supervised loss, "embedding" or a "node.output" of the node or one that it reads: that
    tensor of the batch, detached, NaN at padded chunks."""
    takes: Form
    function: Callable[[Tensor, Tensor, Tensor], Tensor]
    weight: float = 1.0
    shape: Shape | None = None
    """Per-record shape of the prediction, if it differs from the target's on purpose."""


@attrs.frozen
class Metric:
    """One figure over a whole split.

    function(prediction, target, present) gets all N records that have the target, a field, with the prediction in the
    target's own space and shape, and returns a float. With thresholded it also gets one threshold per label, which are
    chosen on the validation split.
    """

    name: str
    output: str
    target: str
    function: Callable[..., float]
    direction: Literal["min", "max"]
    thresholded: bool = False
    """For probabilities of labels that are 0 or 1."""
    shape: Shape | None = None
    """Per-record shape of the prediction, if it differs from the target's on purpose, as that of quantiles does; the
    function then takes predictions of the target's shape too, such as those of a baseline."""


@attrs.frozen
class Objective:
    """What a node learns and how it is evaluated."""

    losses: tuple[LossTerm, ...]
    metrics: tuple[Metric, ...]
    """The first one is the node's main metric."""
    penalty: Callable[[Mapping[str, Tensor]], Tensor] | None = None
    """Outputs of a training batch to a scalar that is added to the loss (load balance, bands). Validation evaluates the
    loss terms alone, and of those on a field that the node answers the ones on that answer."""


@attrs.frozen
class BuildContext:
    """All that a builder may know."""

    settings: Any
    scale: str
    inputs: Mapping[str, Shape]
    """Per-record shape of everything the node reads; of optional fields those that are there."""
    fields: Mapping[str, Field]
    """The fields of the data set that the node reads or learns, with their labels."""
    wanted: frozenset[str]
    """The outputs to give: all that are declared and whose fields are there, but of a module without losses only those
    that its group reads, so that nothing untrained is built."""
    tokenizer: Tokenizer | None = None
    """Of the view "tokens", for a node that reads it."""
    absent: frozenset[str] = frozenset()
    """Of inputs "node.output" those that may be absent: NaN for a record that the other group does not answer. Only
    a node that accepts absent answers gets any."""
    languages: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Of these inputs that are answered for texts in some languages alone, the codes of these."""
    restored: bool = False
    """A checkpoint with every parameter and buffer is loaded right after, so that no weights need be read to begin
    with; torch.nn.init and the drawing methods of a tensor leave parameters as they are allocated."""

    def input_width(self, name: str) -> int:
        """Size of the last axis of an input.

        Raises:
            PluginError: There is no such input, or it is one number per record.
        """
        if not self.inputs.get(name):
            wide = ", ".join(one for one, shape in self.inputs.items() if shape) or "none"
            raise PluginError(f"'{name}' is no input with a width (inputs with one: {wide})")
        width = self.inputs[name][-1]
        assert isinstance(width, int)
        return width

    def labels(self, field: str) -> tuple[str, ...]:
        """The data set's labels of a field, in order.

        Raises:
            PluginError: The node neither reads nor learns such a field here.
        """
        if field not in self.fields:
            raise PluginError(f"there is no field '{field}' here (fields: {', '.join(sorted(self.fields)) or 'none'})")
        return self.fields[field].labels

    def gathered(self, field: str) -> tuple[str, ...]:
        """The inputs "node.output" that answer a field; several for one that the node gathers.

        Raises:
            PluginError: One has another shape than the field.
        """
        names = tuple(name for name in self.inputs if name.partition(".")[2] == field)
        shape = self.fields[field].shape
        for name in names:
            if self.inputs[name] != shape:
                raise PluginError(f"'{name}' has the shape {self.inputs[name]} per record, the field '{field}' {shape}")
        return names


@attrs.frozen
class NodeSpec:
    """An analyzer, head or fusion: one nn.Module and all that the core has to know of it.

    build, fit and objective are functions, or name one as "package.module:function"; it is imported when it is called.

    The module's forward takes a dict of inputs, name to tensor (B, *shape), plus "mask" (B, T) bool, True for real
    chunks, and returns a dict with exactly the outputs declared in gives, or the wanted ones of them
    (BuildContext.wanted). Inputs from another checkpoint group arrive detached. Padding must not change the result, and
    records must not see each other. A field that the node reads arrives as (B, *field.shape), NaN where missing; a
    record that has nothing of a field in reads does not count in the node's losses and metrics.
    """

    name: str
    meaning: str
    settings: type[Any]
    """attrs class of the [plugins.<name>] table; widths and depths included."""
    scales: Mapping[str, Mapping[str, Any]]
    """For each of tiny, small, base, full the settings that make up the scale."""
    learning_rates: Mapping[str, float] = attrs.field(factory=dict, kw_only=True)
    """By scale the peak rate of its group where neither [training] nor [groups.<name>] gives one; of several nodes in a
    group the lowest. Without one it is the default of [training]."""
    reads: tuple[str, ...]
    """"embedding", "terms", "tokens", "node.output" of another node, or a field that is not among the targets."""
    gives: tuple[Output, ...]
    build: Callable[[BuildContext], nn.Module] = attrs.field(converter=to_function)
    """Makes the module with all its layers; imports torch only when called. A calculator has no parameters."""
    fit: Fit | None = attrs.field(default=None, converter=optional(to_function))
    """Computes the module's weights in closed form from finished records, instead of descending the losses, which
    then only evaluate. Its parameters have requires_grad False, and all nodes of its group are fitted.

    It may return honest answers: output to (N, *shape) float32, what the node would say of each record of data.train
    if it had not learnt from that record (leave-one-out, out-of-fold), NaN where it has not learnt from it anyhow.
    Nodes of higher groups read these for the training records, the module's own answers for all others."""
    fits_validation: bool = False
    """Its fit looks at data.validation alone, so it may read groups without honest answers."""
    baseline: bool = False
    """Other nodes may start from its answers, all of them honest. At most one node that is active is a baseline."""
    objective: Callable[[BuildContext], Objective] | None = attrs.field(default=None, converter=optional(to_function))
    """Losses and metrics for what build makes; None for a module that others in its group train and calculators."""
    targets: tuple[str, ...] = ()
    """Fields that the losses and metrics use."""
    optional_reads: tuple[str, ...] = ()
    """Fields that the node also reads where the data set has them."""
    optional_targets: tuple[str, ...] = ()
    """Fields that the node also learns where the data set has them."""
    learns_any: Callable[[Mapping[str, Field]], Mapping[str, tuple[Output, ...]]] | None = None
    """The data set's fields to those that the node also learns whatever their names, in order, each with the outputs
    that answer it, as redheart_core.nn.answers.text_answers; as if these stood in optional_targets and gives."""
    gathers: tuple[str, ...] = ()
    """Fields, among the optional targets, of which a fusion reads every answer: the outputs of other nodes that learn
    the field and are named like it, as values or probabilities. It learns those alone that some node answers, and
    leaves out what needs more of a record than itself, what lies above it, and other nodes that gather."""
    gathers_any: bool = False
    """A fusion gathers every field that learns_any finds."""
    gathers_from: tuple[str, ...] = ()
    """The nodes of which alone the answers are gathered, such as the members of a committee. A node that names them is
    gathered by others like any node, and of the nodes that a fusion names it alone."""
    accepts_absent: bool = False
    """Of a node that gathers: it answers a record for which some of the gathered answers are absent, out of the others.
    (B, *shape) of such a record is NaN; BuildContext.absent says for which answers that may be."""
    group: str | None = None
    """Checkpoint group; None is a group of its own, named like the node."""
    resources: Callable[[Any], Mapping[str, Path]] | None = attrs.field(default=None, converter=optional(to_function))
    """Settings to the files outside of redheart that the module is built from, by name, such as the weights of a frozen
    encoder. Runs and models record their SHA-256, and refuse others. Raises MissingResourceError if one is missing, or
    a library without which the module cannot be built: a model then does without its group."""
    tokenizer: Callable[[Any], str | None] | None = attrs.field(default=None, converter=optional(to_function))
    """Settings to the place of the tokenizer whose tokens alone the module reads, as [data] tokenizer names it; None
    for a module that reads any. Asked where the data have several."""
    layers: tuple[str, ...] = ()
    """Prefixes of parameter names from input to output, for layer-wise learning-rate decay; "encoder.*" stands for
    encoder.0, encoder.1, ... in order, and "layer.*|block.*" for whichever there are."""
    adds_nothing: str = ""
    """The data sets on which leaving its group out of the fusion costs nothing beyond noise (`redheart bench fusion`),
    if it costs something on none; `redheart plugins list` shows them. Empty if it adds or was not measured."""
    grown: Callable[[Any, Any], Any] | None = attrs.field(default=None, converter=optional(to_function))
    """Settings of a smaller and a larger module to those of one whose method grow_from takes over what the smaller one
    computes (redheart_core.nn.growing). Without it a node keeps its size while others grow."""
    not_exported: str = ""
    """Why its module cannot be exported to ONNX, so that its group stays on PyTorch; empty if it can."""
    minimum_core: str = "0.1"

    def __attrs_post_init__(self) -> None:
        name_builders(self)
        if self.baseline and self.fit is None:
            raise PluginError(f"node '{self.name}' is a baseline and has no fit; others start from a closed form alone")
        if self.fits_validation and (self.fit is None or self.baseline):
            raise PluginError(f"'{self.name}' fits validation records alone, which needs a fit, and is no baseline")

    @property
    def read_fields(self) -> tuple[str, ...]:
        """Names of the data set's fields that the node reads."""
        return tuple(read for read in self.reads if "." not in read and read not in VIEWS)

    def output(self, name: str) -> Output:
        """The declared output of that name."""
        for output in self.gives:
            if output.name == name:
                return output
        known = ", ".join(sorted(output.name for output in self.gives))
        raise PluginError(f"node '{self.name}' gives no output '{name}' (outputs: {known})")

    def answers(self, field: str) -> bool:
        """Whether the node learns a field and gives it under its name, label by label."""
        return field in self.targets and any(
            output.name == field
            and output.form in ("values", "probabilities")
            and (output.shape, output.labels) in (((), field), ((), None))
            for output in self.gives
        )
