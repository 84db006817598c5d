"""run.json: frozen value types of all that decides the numbers of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.contract.data import Provenance, Tokenizer
from redheart_core.contract.errors import CheckpointError, join_complaints
from redheart_core.contract.fields import Field
from redheart_core.data.identity import EncoderIdentity
from redheart_core.data.token_views import by_view
from redheart_core.runs.environment import EnvironmentDescription
from redheart_core.runs.origin import Origin
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.settings import as_table, setting_differences
from redheart_core.storage.structuring import NOT_STORED, STORED_IF_SET

_APART = ("settings", "defaults", "resources")
"""Parts of a node's description that are compared piece by piece."""


@attrs.frozen
class NodeDescription:
    """An active node."""

    kind: str
    plugin: str
    distribution: str
    version: str
    group: str
    settings: Mapping[str, object]
    """As a table."""
    learning_rate_scale: float
    loss_weight: float
    residual: bool
    learns: tuple[str, ...]
    """Empty for all that it can."""
    resources: Mapping[str, str]
    """SHA-256 of the files outside of redheart that its module is built from, by name."""
    beside: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    tokenizer: str = attrs.field(default="", metadata=STORED_IF_SET)
    """SHA-256 of the one whose tokens it reads, of several of the data."""
    defaults: Mapping[str, object] = attrs.field(factory=dict, eq=False, metadata=NOT_STORED)
    """Of its settings, where it describes a node that is active now."""

    def differences(self, now: NodeDescription) -> list[str]:
        """What the description of the node that is active now says otherwise, for messages."""
        mine, theirs = attrs.asdict(self), attrs.asdict(now)
        changed = [key for key in mine if key not in _APART and mine[key] != theirs[key]]
        found = [f"{key} was {mine[key]!r}, is {theirs[key]!r}" for key in changed]
        found += setting_differences(self.settings, now.settings, now.defaults)
        names = sorted({*self.resources, *now.resources})
        return found + [
            f"its file {name} had the SHA-256 {self.resources.get(name)}, has {now.resources.get(name)}"
            for name in names
            if self.resources.get(name) != now.resources.get(name)
        ]


@attrs.frozen
class GroupDescription:
    """A checkpoint group."""

    tier: int
    nodes: tuple[str, ...]
    settings: GroupSettings


@attrs.frozen
class DataDescription:
    """The data, fields and encoder that a run or model depends on."""

    dataset: str
    fingerprint: str
    store: str
    """The way from the folder that holds this description to the store."""
    encoder: EncoderIdentity
    tokens: Tokenizer | None
    fields: Mapping[str, Field]
    provenance: Mapping[str, Provenance]
    """Licence and source of each data set that the records come from."""
    splits: Mapping[str, int]
    """Records per split, and how many were excluded."""
    validation_clusters: tuple[tuple[int, ...], ...]
    """Places of validation records that are near-duplicates of each other, and count as one."""
    more_tokens: tuple[Tokenizer, ...] = attrs.field(default=(), metadata=STORED_IF_SET)
    settings: Mapping[str, object] = attrs.field(factory=dict, metadata=STORED_IF_SET)
    """Of a data set without texts, so that its further files can be read alike; paths are reduced to their names."""

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        """Of every view of tokens."""
        return by_view(self.tokens, self.more_tokens)

    def differences(self, other: DataDescription) -> list[str]:
        """Names of what makes other data than this of another description."""
        keys = ("fingerprint", "encoder", "tokens", "more_tokens", "fields")
        return [key for key in keys if getattr(self, key) != getattr(other, key)]


@attrs.frozen
class LearntFrom:
    """A data set whose labels a group was trained on, itself or through the groups that it reads."""

    dataset: str
    licence: str | None
    source: str | None
    records: int
    """Training records with a label."""


@attrs.frozen
class RunDescription:
    """All that decides the numbers of a run."""

    redheart: str
    torch: str
    training: TrainSettings
    nodes: Mapping[str, NodeDescription]
    groups: Mapping[str, GroupDescription]
    data: DataDescription
    starts: Mapping[str, str] = attrs.field(factory=dict)
    """SHA-256 of the weights that groups begin with, by name, of a run that begins at a model."""
    learnt: Mapping[str, tuple[LearntFrom, ...]] = attrs.field(factory=dict, metadata=STORED_IF_SET)
    """What these weights were learnt from, by group, where that is more than the data of the run."""
    environment: EnvironmentDescription | None = None
    """Of a run of agents, who have no texts: data then names the environment alone."""
    origin: Origin | None = None
    """What began it; None of descriptions that are only compared."""

    def require_same(self, new: RunDescription, path: Path | str) -> None:
        """Everything of this run, which is in a folder, has to be in the new description, unchanged; groups may join.

        Raises:
            CheckpointError: Lists every difference.
        """
        now = as_table(new.training)
        complaints = [
            f"[training] {key} was {value!r}, is {now.get(key)!r}"
            for key, value in as_table(self.training).items()
            if now.get(key) != value
        ]
        if self.environment is not None:
            complaints += self.environment.differences(new.environment)
        else:
            complaints += [
                f"data: {key} was {getattr(self.data, key)!r:.120}, is {getattr(new.data, key)!r:.120}"
                for key in self.data.differences(new.data)
            ]
        for name, node in self.nodes.items():
            if name not in new.nodes:
                complaints.append(f"plugin '{name}' is no longer active")
            else:
                complaints += [f"plugin '{name}': {one}" for one in node.differences(new.nodes[name])]
        for name, group in self.groups.items():
            other = new.groups.get(name, group)
            joined = set(other.nodes) - set(group.nodes)
            if other.settings != group.settings:
                complaints.append(f"[groups.{name}] was {as_table(group.settings)}, is {as_table(other.settings)}")
            if joined:
                complaints.append(
                    f"group '{name}' cannot take in {', '.join(sorted(joined))}: its weights would change"
                )
        if self.torch != new.torch:
            complaints.append(f"torch was {self.torch}, is {new.torch}: the same bits are not certain")
        if complaints:
            raise CheckpointError(
                join_complaints(f"the run in {path} was begun otherwise; take another folder, or undo:", complaints)
            )


RUN_DESCRIPTION = SealedFile(
    RunDescription, "run", 7, "restore it from a copy, or train again with this version into another folder"
)
