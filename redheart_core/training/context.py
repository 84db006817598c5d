"""What the groups of a run share: data, batches, device; and how each is built, audited or fitted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

import attrs
import torch

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.data.batches import BatchSource
from redheart_core.data.fitting import StoreFitData, StorePart
from redheart_core.data.lower_outputs import LowerOutputs
from redheart_core.data.store import Store
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.closed_form import fit_nodes
from redheart_core.groups.figures import Limits
from redheart_core.groups.fused_for import fused_for, own_fields
from redheart_core.groups.graph import bind_nodes, check_without_texts, output_shapes, plan_groups
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering, GroupModule, Surroundings
from redheart_core.groups.serving import serves
from redheart_core.groups.tokenizers import choose_tokenizers
from redheart_core.groups.validation import (
    SplitResult,
    append_absent,
    appending,
    asked_in,
    compute_outputs,
    evaluate,
    evaluated_in,
    new_outputs,
)
from redheart_core.groups.weights_digest import weights_digest
from redheart_core.runs.accounts import ParameterAccount
from redheart_core.storage.runtime import choose_device, use_threads
from redheart_core.training.audit import audit_fitted, audit_group, audit_optimizer, audit_unlearning
from redheart_core.training.beginnings import fitting
from redheart_core.training.compiling import check_device
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.kept_outputs import KeptOutputs
from redheart_core.training.probe import sameness
from redheart_core.training.trainable import SEEN, check_coverage, check_languages, usable_fields

AUDIT_BATCHES = 20
NOTHING: Mapping[str, str] = MappingProxyType({})


@attrs.frozen(eq=False)
class TrainingContext:
    """Everything that the groups of a run share; none of it learns."""

    store: Store
    nodes: tuple[ActiveNode, ...]
    settings: TrainSettings
    groups: tuple[Group, ...]
    surroundings: Surroundings
    source: BatchSource
    device: torch.device
    kept: KeptOutputs = attrs.field(factory=KeptOutputs)
    starts: Mapping[str, Mapping[str, torch.Tensor]] = attrs.field(factory=dict)
    """Weights of a model at which groups begin, by group, in a sweep or a search; a run has them in files."""

    @classmethod
    def prepare(
        cls,
        store: Store,
        nodes: Sequence[ActiveNode],
        settings: TrainSettings,
        group_settings: Mapping[str, GroupSettings] | None = None,
    ) -> TrainingContext:
        """Check plugins against data and plan groups.

        Args:
            store: The data.
            nodes: The active nodes.
            settings: The [training] table.
            group_settings: The [groups.<name>] tables.

        Raises:
            PluginError: A plugin cannot be trained on this data.
            DataError: There is no validation split.
            SettingsError: The device cannot train a group as its table says.
        """
        use_threads(settings.threads)
        device = choose_device(settings.device)
        nodes = choose_tokenizers(bind_nodes(nodes, usable_fields(store)), store.tokenizers)
        if not store.has_texts:
            check_without_texts(nodes)
        groups = plan_groups(nodes, group_settings)
        check_coverage(nodes, store)
        check_languages(groups, store)
        for group in groups:
            check_device(group.name, group.settings, device)
        surroundings = Surroundings(
            fields=store.fields,
            shapes=output_shapes(nodes, store.fields, store.embedding_width, store.term_count, store.tokenizers),
            scale=settings.scale,
            seed=settings.seed,
            tokenizers=store.tokenizers,
        )
        targets = sorted({target for group in groups for target in group.targets})
        source = BatchSource(store, targets, settings.batch_size, settings.seed, device, settings.mixture)
        return cls(store, nodes, settings, groups, surroundings, source, device)

    def trainer(self, group: Group) -> GroupTrainer:
        """The group as it begins.

        Raises:
            SettingsError: As module.
        """
        made = GroupTrainer(group, self.surroundings, self.settings, self.updates_per_epoch(group), self.device)
        if group.name in self.starts:
            made.begin_at(fitting(self.starts[group.name], made.module))
        return made

    def updates_per_epoch(self, group: Group) -> int:
        """How many batches an epoch of the group has."""
        return self.source.updates_per_epoch(self.training_rows(group), self.own_settings(group).batch_size)

    def own_settings(self, group: Group) -> TrainSettings:
        """The [training] table as it is for the group."""
        return group.settings.over(self.settings)

    def training_rows(self, group: Group) -> torch.Tensor:
        """The training records that the group can learn from."""
        return self.served(group, self.source.training_rows(group.targets))

    def served(self, group: Group, rows: torch.Tensor) -> torch.Tensor:
        """Those of some rows that the group serves."""
        return rows[serves(group, self.store.language_numbers[rows])]

    def training_order(self, group: Group, epoch: int) -> list[torch.Tensor]:
        """The group's batches of an epoch as row numbers."""
        size = self.own_settings(group).batch_size
        return self.source.training_order(epoch, self.training_rows(group), group.inputs, size)

    def longest_rows(self, group: Group) -> torch.Tensor:
        """A batch of the training records with the longest texts."""
        rows = self.training_rows(group)
        longest = self.source.lengths(group.inputs)[rows].argsort(descending=True, stable=True)
        return rows[longest][: self.own_settings(group).batch_size]

    def module(self, group: Group) -> GroupModule:
        """The modules of the group as it begins.

        Raises:
            SettingsError: It begins at a model, and its settings want other weights.
        """
        made = GroupModule(group, self.surroundings, self.device)
        if group.name in self.starts:
            made.load(fitting(self.starts[group.name], made))
        return made

    def has_epoch_zero(self, group: Group) -> bool:
        """Whether the group may stay as it begins: at the answers of the baseline, or at a model."""
        return group.begins_at_baseline or group.name in self.starts

    def audit(self, trainer: GroupTrainer) -> list[ParameterAccount]:
        """Account for every parameter of a group on the first training batches and on the longest texts."""
        if not trainer.group.targets:
            return audit_unlearning(trainer)
        group = trainer.group
        order = [*self.training_order(group, 1)[:AUDIT_BATCHES], self.longest_rows(group)]
        size = trainer.micro_batch or self.own_settings(group).batch_size
        batches = (self.source.batch(part, group.inputs) for rows in order for part in torch.split(rows, size))
        return audit_group(trainer, batches, sameness(self.store, group))

    def audit_all(self, progress: Callable[[str, int, int], None] | None = None) -> list[ParameterAccount]:
        """Account for every parameter of every group; higher tiers read untrained lower ones."""
        accounts = []
        for number, group in enumerate(self.groups):
            if progress:
                progress("audit", number, len(self.groups))
            if group.fitted:
                module = self.fit(group)
                accounts += audit_fitted(module, sameness(self.store, group))
            else:
                trainer = self.trainer(group)
                module = trainer.module
                accounts += self.audit(trainer)
            self.add_outputs(group, module)
        return accounts

    def audit_sizes(self) -> list[ParameterAccount]:
        """Account for every parameter of every group on the meta device: no memory, no gradient."""
        meta, updates = torch.device("meta"), [self.updates_per_epoch(group) for group in self.groups]
        with meta:
            trainers = [
                GroupTrainer(group, self.surroundings, self.settings, count, meta)
                for group, count in zip(self.groups, updates, strict=True)
            ]
        return [account for trainer in trainers for account in audit_optimizer(trainer)]

    def fit(self, group: Group, validation_rows: torch.Tensor | None = None) -> GroupModule:
        """Compute a fitted group's weights and honest answers from the training and all or some validation records."""
        module = self.module(group)
        rows = {split: StorePart.of(self.source, split).rows for split in ("train", "validation")}
        if group.fits_validation:
            rows["train"] = rows["train"][:0]
        if validation_rows is not None:
            rows["validation"] = validation_rows
        train, validation = (StorePart(self.source, self.served(group, rows[split])) for split in rows)
        data = StoreFitData(train, validation, self.store.fields, self.settings.seed, group.settings.honest)
        fit_nodes(module, data, train.rows)
        return module

    def read_splits(self, group: Group) -> tuple[str, ...]:
        """The splits on whose records groups above read this one while they learn."""
        readers = [other for other in self.groups if group.name in other.reads]
        return tuple(
            dict.fromkeys(
                split for other in readers for split in (*self.fitted_splits(other), *self.read_splits(other))
            )
        )

    def fitted_splits(self, group: Group) -> tuple[str, ...]:
        """The splits on whose records a group learns and is validated."""
        return SEEN if not group.fits_validation else ("validation",)

    def add_outputs(
        self, group: Group, module: Answering, splits: Sequence[str] | None = None, *, whole: bool = False
    ) -> None:
        """Make what the groups above read of this one readable, as outputs has it."""
        outputs = self.outputs(group, module, splits, whole=whole)
        if outputs is not None:
            self.source.add_lower(outputs)

    def outputs(
        self,
        group: Group,
        module: Answering,
        splits: Sequence[str] | None = None,
        *,
        whole: bool = False,
        also: Mapping[str, str] = NOTHING,
    ) -> LowerOutputs | None:
        """What the groups above read of this one on the records of some splits; None if nothing is wanted.

        The same weights on the same inputs are asked once for each split, whoever wants the same answers.

        Args:
            group: Of this context.
            module: The group with its weights.
            splits: Those of read_splits if left out.
            whole: On all records, whoever reads them. Otherwise what fusions alone read is absent (NaN) for records
                that have none of the group's fields: no loss and no metric looks at their answers there.
            also: "node.output" of the group that are wanted whether or not anyone reads them, each for records that
                have one of its fields.
        """
        names = sorted({*self.read_outputs(group), *also})
        if not names:
            return None
        fields, rest = own_fields(group, self.store.fields), whole or fused_for(group, self.groups) is None
        outputs = self._take(group, module, names, rest)
        for split in self.read_splits(group) if splits is None else splits:
            if not outputs.holds(self.store.rows(split)):
                compute_outputs(
                    module, self.source, self.store.rows(split), outputs.names or names, outputs, fields, rest
                )
        self.kept.put(outputs)
        return outputs

    def evaluate(
        self,
        group: Group,
        module: Answering,
        split: str = "validation",
        also: Mapping[str, str] = NOTHING,
        thresholds: Mapping[str, Limits] | None = None,
    ) -> SplitResult:
        """The result of a group on a split. What the groups above read of it there is kept, and what is also wanted
        (as outputs has it), so that outputs does not ask again, if it is about the same records.

        Args:
            group: Of this context.
            module: The group with its weights.
            split: Whose records are evaluated.
            also: As outputs has it.
            thresholds: As the evaluate of groups has them.
        """
        rows, names, rest = (
            self.store.rows(split),
            sorted({*self.read_outputs(group), *also}),
            fused_for(group, self.groups) is None,
        )
        evaluated = evaluated_in(module, self.source, rows)
        asked = asked_in(self.source, rows, own_fields(group, self.store.fields))
        if not names or not torch.equal(evaluated, asked) or (rest and not bool(asked.all())):
            return evaluate(module, self.source, rows, thresholds)
        outputs = self._take(group, module, names, rest)
        if outputs.holds(rows):
            result = evaluate(module, self.source, rows, thresholds)
        else:
            names = [*(outputs.names or names)]
            append_absent(module, outputs, rows[~evaluated], names)
            result = evaluate(module, self.source, rows, thresholds, appending(module, outputs, names))
        self.kept.put(outputs)
        return result

    def known_outputs(
        self, group: Group, module: Answering, names: Collection[str], rows: torch.Tensor
    ) -> LowerOutputs | None:
        """What was asked before of a group, if all of these answers to all of these records are there.

        Args:
            group: Of this context; what it reads of others is readable.
            module: The group with its weights.
            names: "node.output" of the group.
            rows: Of any splits.
        """
        rest = fused_for(group, self.groups) is None
        found = self.kept.take(self._kept_as(group, module, rest))
        if found is None:
            return None
        self.kept.put(found)
        asked = rest or bool(asked_in(self.source, rows, own_fields(group, self.store.fields)).all())
        return found if asked and found.gives(names) and found.holds(rows) else None

    def _take(self, group: Group, module: Answering, names: Sequence[str], rest: bool) -> LowerOutputs:
        """Outputs for all records, or without the rest, as they are kept, maybe beside others; or of no record yet."""
        identity = self._kept_as(group, module, rest)
        found = self.kept.take(identity)
        return found if found is not None and found.gives(names) else new_outputs(module, self.source, names, identity)

    def _kept_as(self, group: Group, module: Answering, rest: bool) -> str:
        return f"{self.identity(group, module)}/{'all' if rest else 'own'}"

    def read_outputs(self, group: Group) -> tuple[str, ...]:
        """ "node.output" of a group that groups above it read."""
        own = {node.name for node in group.nodes}
        read = {name for other in self.groups for name in other.external}
        return tuple(sorted(name for name in read if name.partition(".")[0] in own))

    def identity(self, group: Group, module: Answering) -> str:
        """Tells the answers of a group to a record from all others: by its weights, and by the outputs that it reads
        now."""
        parts = (group.name, weights_digest(module), *self.source.lower_identities(group.external))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def seen_rows(self) -> torch.Tensor:
        """Rows that training may look at: train and validation."""
        return torch.cat([self.store.rows(split) for split in SEEN]).sort().values
