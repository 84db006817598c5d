"""An assembled model: loaded from its folder, verified, ready to answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import attrs
import torch
from torch import Tensor

from redheart_core.config.tables import GroupSettings
from redheart_core.contract.errors import CheckpointError, join_complaints
from redheart_core.contract.fields import Field, Shape
from redheart_core.contract.layers import LayerSpec
from redheart_core.data.batch import Batch
from redheart_core.data.identity import EncoderIdentity
from redheart_core.data.language import UNDETERMINED
from redheart_core.data.term_view import TermView, load_terms
from redheart_core.data.token_views import token_views
from redheart_core.data.tokenizer import TextTokenizer, load_tokenizer, pad
from redheart_core.groups.absences import with_readers
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.graph import bind_nodes, output_shapes, plan_groups
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering, Surroundings
from redheart_core.groups.serving import absent_outputs
from redheart_core.groups.tokenizers import choose_tokenizers
from redheart_core.models.calibration import Calibration, read_calibration
from redheart_core.models.engine import Engine, TorchEngine
from redheart_core.models.evaluated import EvaluatedOutput, evaluated_outputs
from redheart_core.models.kinds import Kinds, TextKind, Vectors, read_kinds
from redheart_core.models.limits import ActiveLayer, LoadedLayer, contexts_of, read_limits
from redheart_core.models.manifest import ModelManifest, check_files, read_manifest, verify_files
from redheart_core.models.steps import Progress, shown, silent
from redheart_core.runs.describe import describe_node, missing_resources


@attrs.frozen(eq=False, slots=False)
class Model:
    """An assembled model, ready to answer."""

    folder: Path
    manifest: ModelManifest
    groups: tuple[Group, ...]
    modules: Mapping[str, Answering]
    fields: Mapping[str, Field]
    terms: TermView | None
    """The second view of a text, if the data set had one."""
    tokenizers: Mapping[str, TextTokenizer]
    """By view of tokens that a group reads which answers."""
    device: torch.device
    surroundings: Surroundings
    """What its groups know of the data and of each other."""
    engine: Engine
    """What computes the groups."""
    absent: Mapping[str, str] = attrs.field(factory=dict)
    """Groups that cannot answer on this machine, with the reason; modules has none of them."""
    calibration: Calibration | None = None
    """What the calibration split says of the answers; None of a model that was not calibrated."""
    kinds: Kinds = attrs.field(factory=Kinds)
    """The kinds of text that the calibration tells apart."""
    limits: tuple[LoadedLayer, ...] = ()
    """The layers of verification that it was assembled with."""
    contexts: tuple[LayerSpec, ...] = ()
    """The layers of context that are installed; they need no model."""

    @property
    def encoder_identity(self) -> EncoderIdentity:
        return self.manifest.data.encoder

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """Per record, of all that is read and given."""
        return self.surroundings.shapes

    @property
    def missing(self) -> Mapping[str, str]:
        """Groups of the run that this model of a part leaves out, with the reason; empty for a whole one."""
        return self.manifest.missing

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that some answer was measured on; none where no data set states any."""
        spoken = {code for sources in self.manifest.answers.values() for one in sources for code in one.languages}
        return tuple(sorted(spoken - {UNDETERMINED}))

    def kinds_of(self, languages: Sequence[str], vectors: Vectors) -> tuple[TextKind, ...]:
        """The kinds of N texts by their languages and (N, D) mean vectors; where no data set states a language, the
        languages that are detected count for nothing."""
        return self.kinds.of(languages if self.languages else [UNDETERMINED] * len(languages), vectors)

    @cached_property
    def read_fields(self) -> tuple[str, ...]:
        """Fields of a record that some plugin reads beside the text."""
        return tuple(sorted({name for group in self.groups for name in group.fields}))

    @cached_property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """What each node reads."""
        return {node.name: frozenset(node.spec.reads) for group in self.groups for node in group.nodes}

    @cached_property
    def evaluated(self) -> Mapping[str, tuple[EvaluatedOutput, ...]]:
        """By group that can answer here, the outputs that were evaluated against a field."""
        return {
            group.name: tuple(evaluated_outputs(self.manifest, self.fields, group, self.modules[group.name]))
            for group in self.groups
            if group.name not in self.absent
        }

    def tokens_of(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """By view of tokens the ids of B texts, (B, L) int64, -1 after a text's last one."""
        return {view: pad(one.encode(texts)) for view, one in self.tokenizers.items()}

    def missing_fields(self, fields: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Plugins that cannot evaluate a record with these fields alone, and which fields they lack."""
        required = {node: fields for group in self.groups for node, fields in group.requires.items()}
        missing = {node: tuple(name for name in names if name not in fields) for node, names in required.items()}
        return {node: names for node, names in missing.items() if names}

    def require_whole(self) -> None:
        """Refuse a model of which a group cannot answer on this machine.

        Raises:
            CheckpointError: Names the groups, with the reasons.
        """
        if self.absent:
            complaints = [f"{name}: {reason}" for name, reason in self.absent.items()]
            raise CheckpointError(join_complaints(f"some groups of {self.folder} cannot answer here:", complaints))

    def untrained(self, group: Group) -> tuple[str, ...]:
        """Groups, of this one and all that it reads, whose answers on texts of several chunks are partly untrained."""
        below = {name for other in self.groups if other.name in group.reads for name in self.untrained(other)}
        own = {group.name} if self.manifest.groups[group.name].untrained else set()
        return tuple(sorted(below | own))

    def predict(
        self,
        embedding: Tensor,
        mask: Tensor,
        fields: Mapping[str, Tensor],
        terms: Tensor | None = None,
        tokens: Mapping[str, Tensor] | None = None,
        language: Tensor | None = None,
        answered: Mapping[str, Mapping[str, Tensor]] = MappingProxyType({}),
    ) -> dict[str, Tensor]:
        """All outputs of all groups.

        Args:
            embedding: (B, T, D) float32 from the model's own encoder.
            mask: (B, T) bool, True for real chunks.
            fields: Each of read_fields to (B, *field.shape), NaN where missing.
            terms: (B, V) float32 from the model's own terms; needed if a plugin reads them.
            tokens: By view (B, L) int64 from the model's own tokenizers, as tokens_of gives them; likewise.
            language: (B,) int64, the language_number of each text; unknown if left out.
            answered: By group that is not asked again, all of its outputs that are wanted or read by others.

        Returns:
            "node.output" to (B, *shape); NaN for a text whose language the group does not answer.

        Raises:
            PluginError: A plugin changed what it was given, so that others would answer otherwise than alone.
        """
        return self.predict_with_disagreement(embedding, mask, fields, terms, tokens, language, answered)[0]

    @torch.inference_mode()
    def predict_with_disagreement(
        self,
        embedding: Tensor,
        mask: Tensor,
        fields: Mapping[str, Tensor],
        terms: Tensor | None = None,
        tokens: Mapping[str, Tensor] | None = None,
        language: Tensor | None = None,
        answered: Mapping[str, Mapping[str, Tensor]] = MappingProxyType({}),
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What predict gives, and of groups that answer as ensembles the members' standard deviation."""
        spreads: dict[str, Tensor] = {}
        unknown = torch.zeros(len(mask), dtype=torch.int64)
        given = {"embedding": embedding, "mask": mask, "language": unknown if language is None else language, **fields}
        given |= {**({} if terms is None else {"terms": terms}), **(tokens or {})}
        known = {name: tensor.to(self.device, copy=True) for name, tensor in given.items()}
        for group in self.groups:
            if group.name in answered:
                known |= {name: tensor.to(self.device) for name, tensor in answered[group.name].items()}
                continue
            batch = Batch(inputs=known, targets={})
            if group.name in self.absent:
                known |= absent_outputs(group, self.shapes, batch)
                continue
            module = self.modules[group.name]
            outputs, spread = module.with_disagreement(batch, compare=True)
            known |= outputs
            spreads |= {name: tensor.cpu() for name, tensor in spread.items()}
        return {name: tensor.cpu() for name, tensor in known.items() if "." in name}, spreads


def load_model(
    folder: Path,
    nodes: Sequence[ActiveNode],
    device: torch.device,
    layers: Sequence[ActiveLayer] = (),
    broken: Mapping[str, str] = MappingProxyType({}),
    engine: Engine | None = None,
) -> Model:
    """Read a model folder; every file is verified.

    Args:
        folder: What assemble made.
        nodes: The manifest's nodes as the registry resolves them.
        device: Where to compute.
        layers: Those of all installed packages.
        broken: By name why further layers cannot be used, and by distribution why packages cannot be imported.
        engine: What computes the groups; PyTorch with the weights of the folder if left out.

    Raises:
        PluginError: It was assembled with a layer that cannot be used.
        CheckpointError: A file is missing or damaged, or the plugins are others than it was made with.
    """
    return build_model(folder, read_manifest(folder), nodes, device, layers, broken, engine)


def build_model(
    folder: Path,
    manifest: ModelManifest,
    nodes: Sequence[ActiveNode],
    device: torch.device,
    layers: Sequence[ActiveLayer] = (),
    broken: Mapping[str, str] = MappingProxyType({}),
    engine: Engine | None = None,
    progress: Progress = silent,
) -> Model:
    """The model of a manifest, which may not be in the folder yet; progress is told how many groups are opened.

    Raises:
        CheckpointError: As load_model.
    """
    fields = manifest.data.fields
    missing = _check_nodes(folder, manifest, nodes)
    engine = TorchEngine(folder, manifest) if engine is None else engine
    verify_files(folder, manifest, {})
    terms = load_terms(folder / "terms") if (folder / "terms").exists() else None
    known = manifest.data.tokenizers
    nodes = choose_tokenizers(bind_nodes(nodes, {name: fields[name] for name in manifest.usable}), known)
    tables = {name: GroupSettings(languages=group.languages) for name, group in manifest.groups.items()}
    groups = plan_groups(nodes, tables)
    surroundings = Surroundings(
        fields=fields,
        shapes=output_shapes(nodes, fields, manifest.data.encoder.width, terms.size if terms else 0, known),
        scale=manifest.training.scale,
        seed=manifest.training.seed,
        tokenizers=known,
    )
    absent = with_readers(groups, missing)
    present = [group for group in groups if group.name not in absent]
    read_later = {file for group in present for file in engine.read_files(group.name)}
    check_files(folder, {file: sha256 for file, sha256 in engine.files.items() if file not in read_later})
    modules = {group.name: engine.open_group(group, surroundings, device) for group in shown(progress, "open", present)}
    read = {view for group in present for view in token_views(group.inputs)}
    tokenizers = {view: load_tokenizer(folder / view, one) for view, one in known.items() if view in read}
    return Model(
        folder,
        manifest,
        groups,
        modules,
        fields,
        terms,
        tokenizers,
        device,
        surroundings,
        engine,
        absent,
        read_calibration(folder, manifest.files),
        read_kinds(folder, manifest.files),
        read_limits(folder, manifest.files, layers, broken),
        contexts_of(layers),
    )


def _check_nodes(folder: Path, manifest: ModelManifest, nodes: Sequence[ActiveNode]) -> dict[str, str]:
    """Refuse plugins that are others than the model was made with.

    Returns:
        Groups of which something outside of redheart is missing, with the reason.
    """
    missing, hashes = missing_resources(nodes), dict[Path, str]()
    for node in nodes:
        stored = manifest.nodes[node.name]
        found = describe_node(node, stored.resources if node.group in missing else None, hashes)
        different = stored.differences(found)
        if different:
            raise CheckpointError(
                f"{folder} was made with another plugin '{node.name}': {', '.join(different)}; "
                f"install {stored.distribution}=={stored.version} or assemble a new model"
            )
    return missing
