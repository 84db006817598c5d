"""A model folder: one file per group, the encoder, and a manifest that names each with its SHA-256."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import CheckpointError
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import ActiveNode
from redheart_core.data.batch import Batch
from redheart_core.data.encoding import EncoderIdentity
from redheart_core.data.index import parse_field
from redheart_core.data.term_view import TermView, load_terms
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.graph import bind_nodes, output_shapes, plan_groups
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule, Surroundings
from redheart_core.runs.run import describe_node
from redheart_core.storage.files import load_tensors, read_json, sha256, to_json

FORMAT = 1


@attrs.frozen(eq=False)
class Model:
    """An assembled model, ready to answer."""

    folder: Path
    manifest: Mapping[str, Any]
    groups: tuple[Group, ...]
    modules: Mapping[str, GroupModule | Ensemble]
    fields: Mapping[str, Field]
    terms: TermView | None
    """The second view of a text, if the data set had one."""
    device: torch.device

    @property
    def encoder_identity(self) -> EncoderIdentity:
        return EncoderIdentity(**self.manifest["data"]["encoder"])

    @property
    def read_fields(self) -> tuple[str, ...]:
        """Fields of a record that some plugin reads beside the text."""
        return tuple(sorted({name for group in self.groups for name in group.fields}))

    def lacking(self, fields: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Plugins that cannot judge a record with these fields alone, and which fields they lack."""
        required = {node: fields for group in self.groups for node, fields in group.requires.items()}
        missing = {node: tuple(name for name in names if name not in fields) for node, names in required.items()}
        return {node: names for node, names in missing.items() if names}

    def predict(
        self, embedding: Tensor, mask: Tensor, fields: Mapping[str, Tensor], terms: Tensor | None = None
    ) -> dict[str, Tensor]:
        """All outputs of all groups.

        Args:
            embedding: (B, T, D) float32 from the model's own encoder.
            mask: (B, T) bool, True for real chunks.
            fields: Each of read_fields to (B, *field.shape), NaN where missing.
            terms: (B, V) float32 from the model's own terms; needed if a plugin reads them.

        Returns:
            "node.output" to (B, *shape).

        Raises:
            PluginError: A plugin changed what it was given, so that others would answer otherwise than alone.
        """
        return self.predict_with_disagreement(embedding, mask, fields, terms)[0]

    @torch.inference_mode(False)  # inference mode counts no writes, see redheart_core.groups.plugin_calls.lending
    @torch.no_grad()
    def predict_with_disagreement(
        self, embedding: Tensor, mask: Tensor, fields: Mapping[str, Tensor], terms: Tensor | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What predict gives, and of groups that answer as ensembles the members' standard deviation."""
        spreads: dict[str, Tensor] = {}
        given = {"embedding": embedding, "mask": mask, **fields} | ({} if terms is None else {"terms": terms})
        known = {name: tensor.to(self.device, copy=True) for name, tensor in given.items()}
        for group in self.groups:
            module, batch = self.modules[group.name], Batch(inputs=known, targets={})
            if isinstance(module, Ensemble):
                outputs, spread = module.with_disagreement(batch, compare=True)
                known |= outputs
                spreads |= {name: tensor.cpu() for name, tensor in spread.items()}
            else:
                known |= module(batch, compare=True)
        return {name: tensor.cpu() for name, tensor in known.items() if "." in name}, spreads


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder.

    Raises:
        CheckpointError: No model, or of another format.
    """
    file = folder / "manifest.json"
    if not file.exists():
        raise CheckpointError(
            f"{folder} holds no model (no manifest.json); make one with redheart crossover RUN -o {folder}"
        )
    manifest = read_json(file)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CheckpointError(f"{file} is not a model of format {FORMAT}; assemble it again with this version")
    return manifest


def load_model(folder: Path, nodes: Sequence[ActiveNode], device: torch.device) -> Model:
    """Read a model folder; every file is verified.

    Args:
        folder: What assemble made.
        nodes: The manifest's nodes as the registry resolves them.
        device: Where to compute.

    Raises:
        CheckpointError: A file is missing or damaged, or the plugins are others than it was made with.
    """
    manifest = read_manifest(folder)
    fields = {name: parse_field(table) for name, table in manifest["data"]["fields"].items()}
    for node in nodes:
        stored, now = manifest["nodes"][node.name], json.loads(to_json(describe_node(node)))
        different = [f"{key} {stored[key]!r} -> {now[key]!r}" for key in stored if stored[key] != now[key]]
        if different:
            raise CheckpointError(
                f"{folder} was made with another plugin '{node.name}': {', '.join(different)}; "
                f"install {stored['distribution']}=={stored['version']} or assemble a new model"
            )
    for file, expected in manifest["files"].items():
        if not (folder / file).exists() or sha256(folder / file) != expected:
            raise CheckpointError(f"{folder / file} is missing or damaged; assemble the model again")
    terms = load_terms(folder / "terms") if (folder / "terms").exists() else None
    nodes = bind_nodes(nodes, manifest["data"]["usable"])
    groups = plan_groups(nodes)
    surroundings = Surroundings(
        fields=fields,
        shapes=output_shapes(nodes, fields, int(manifest["data"]["encoder"]["width"]), terms.size if terms else 0),
        scale=manifest["training"]["scale"],
        seed=manifest["training"]["seed"],
    )
    modules: dict[str, GroupModule | Ensemble] = {}
    for group in groups:
        module = GroupModule(group, surroundings, device)
        table = manifest["groups"][group.name]
        found = table.get("members", [table] if "file" in table else [])
        states = [load_tensors(folder / member["file"], member["sha256"]) for member in found]
        if states:
            module.load(states[0])
        on_device = [{name: tensor.to(device) for name, tensor in state.items()} for state in states]
        modules[group.name] = Ensemble(module, on_device).eval() if len(states) > 1 else module.eval()
    return Model(folder, manifest, groups, modules, fields, terms, device)
