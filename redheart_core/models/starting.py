"""Weights of a model with which the groups of a new run begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.data.token_views import token_views
from redheart_core.groups.group import Group
from redheart_core.models.manifest import ModelGroup, ModelManifest
from redheart_core.storage.files import load_tensors
from redheart_core.storage.paths import file_inside
from redheart_core.training.beginnings import shapes_differ
from redheart_core.training.context import TrainingContext

_NOT_THERE = "the model has no such group"


@attrs.frozen(eq=False)
class Start:
    """What a group that descends to its weights begins with."""

    group: str
    weights: Mapping[str, Tensor] = attrs.field(factory=dict)
    """Those of the model; empty if they are drawn."""
    why: str = ""
    """Why they are drawn; empty if they are the model's."""


def starts(context: TrainingContext, folder: Path, model: ModelManifest) -> Iterator[Start]:
    """Each group that descends to its weights, from the lowest tier to the highest.

    A group begins at the model's weights where these mean the same here: the same plugins, labels and tokenizer, the
    same encoder if it reads vectors, shapes that agree, and below it no group that begins anew.

    Args:
        context: Of the new run.
        folder: Of the model.
        model: Its manifest.

    Raises:
        CheckpointError: A file of the model is missing or damaged.
    """
    drawn = set[str]()
    for group in context.groups:
        module = context.module(group)
        if group.fitted or not module.parameter_dict():
            continue
        known = model.groups.get(group.name)
        why = _NOT_THERE if known is None else _differs(context, group, model, known, drawn)
        weights: Mapping[str, Tensor] = {}
        if known is not None and not why:
            (file,) = known.files
            weights = load_tensors(file_inside(folder, file.file), file.sha256)
            why = shapes_differ(module, weights)
        if why:
            drawn.add(group.name)
        yield Start(group.name, {} if why else weights, why)


def _differs(context: TrainingContext, group: Group, model: ModelManifest, known: ModelGroup, drawn: set[str]) -> str:
    """Why weights of the model's group would mean something else here; empty if they would not."""
    here = {node.name: node.plugin for node in group.nodes}
    there = {name: model.nodes[name].plugin for name in known.nodes}
    if here != there:
        return f"it holds {_nodes(here)}, in the model {_nodes(there)}"
    if known.epoch == 0 and not known.started:
        return "the model took it as it was before its first update"
    if len(known.files) != 1:
        return "it is a blend of several epochs in the model"
    data, store = model.data, context.store
    read = {node.view(name) for node in group.nodes for name in node.spec.reads}
    if "embedding" in read and data.encoder != store.encoder_identity:
        return f"it reads vectors, and their encoder is another: {store.encoder_identity.differences(data.encoder)}"
    if "terms" in read:
        return "it reads counts of terms, of which each data set has its own"
    for view in token_views(read):
        if context.surroundings.tokenizers[view] not in data.tokenizers.values():
            return "it reads tokens of another tokenizer"
    for name in (*group.targets, *group.fields):
        if name not in data.fields:
            return f"the model knows no field '{name}'"
        if _numbers(data.fields[name]) != _numbers(store.fields[name]):
            return f"the field '{name}' has other labels, another range or other units in the model"
    below = [name for name in group.reads if name in drawn]
    return f"it reads {', '.join(below)}, which begins anew" if below else ""


def _numbers(field: Field) -> Field:
    """A field without what does not change the meaning of its numbers."""
    return attrs.evolve(field, meaning="", exact=False)


def _nodes(plugins: Mapping[str, str]) -> str:
    return ", ".join(name if name == plugin else f"{name} ({plugin})" for name, plugin in plugins.items())
