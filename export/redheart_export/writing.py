"""A model folder with graphs in the place of weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import torch

from redheart_core.contract.errors import CheckpointError, join_complaints
from redheart_core.groups.exporting import NotExportableError
from redheart_core.models.engine import TorchEngine
from redheart_core.models.manifest import MODEL_MANIFEST, manifest_sha256
from redheart_core.models.model import Model
from redheart_core.models.packing import without_run
from redheart_core.storage.files import make_folder, remove_file, sha256
from redheart_core.storage.new_folder import new_folder
from redheart_core.storage.placing import place
from redheart_core.training.context import TrainingContext
from redheart_export.comparing import compare_models
from redheart_export.engine import OnnxEngine
from redheart_export.extra import TO_EXPORT, require_extra
from redheart_export.graph import Graph
from redheart_export.group import export_group
from redheart_export.inputs import ModelInputs
from redheart_export.manifest import EXPORT_FILE, EXPORT_MANIFEST, ExportManifest, GraphFile, Precision
from redheart_export.pruning import Pruning, count_units, prune_graphs
from redheart_export.quality import quality_costs
from redheart_export.quantizing import quantize_graph
from redheart_export.sharing import share_constants


def export_model(
    model: Model,
    output: Path,
    inputs: Iterable[ModelInputs],
    source: str,
    allow_partial: bool = False,
    int8: bool = False,
    context: TrainingContext | None = None,
    pruning: Pruning | None = None,
) -> ExportManifest:
    """Make a model folder that answers by ONNX graphs, and compare its answers with PyTorch's.

    Args:
        model: Loaded from its folder on the CPU.
        output: Made here.
        inputs: What both answer.
        source: Where these are from, for people.
        allow_partial: Keep groups that no graph can be made of on PyTorch, with their weights.
        int8: Replace each graph by its int8 form where that is smaller.
        context: The model's run, on whose validation records the cost of int8 and of pruning is measured; not measured
            if left out.
        pruning: Remove hidden units of feed-forward blocks, before int8.

    Raises:
        CheckpointError: The output exists, the model was exported before or cannot answer here, or some groups cannot
            be exported; the message names them with the reasons.
        DataError: The records to prune on are too few.
        MissingResourceError: The packages of redheart[export] are not installed.
        PluginError: What a plugin declares as a feed-forward block is none.
        SettingsError: No such share of hidden units can be removed.
    """
    versions = {"torch": str(torch.__version__), **require_extra(TO_EXPORT)}
    if output.exists():
        raise CheckpointError(f"{output} exists; choose another folder or remove it")
    if not isinstance(model.engine, TorchEngine):
        raise CheckpointError(f"{model.folder} was exported already; export the model that it was made from")
    model.require_whole()
    with new_folder(output) as building:
        make_folder(building / "groups")
        whole = {name: Graph(module) for name, module in model.modules.items()}
        made = whole if pruning is None else prune_graphs(model, whole, pruning)
        units = {name: count_units(graph) for name, graph in whole.items()}
        graphs, kept = _export_groups(model, made, units, building, int8)
        if kept and not allow_partial:
            complaints = [f"{name}: {reason}" for name, reason in kept.items()]
            hint = "--allow-partial leaves them on PyTorch; some groups cannot be exported:"
            raise CheckpointError(join_complaints(hint, complaints))
        copied = [*model.manifest.files, *(one.file for name in kept for one in model.manifest.groups[name].files)]
        for name in copied:
            make_folder((building / name).parent)
            place(model.folder / name, building / name, link=False)
        MODEL_MANIFEST.write(building / "manifest.json", without_run(model.manifest))
        share, on = (0.0, "") if pruning is None else (pruning.share, pruning.source)
        exported = ExportManifest(manifest_sha256(building), graphs, kept, {}, 0, {}, share, on, source, versions)
        answering = _answering_by(model, building, exported)
        differences, texts = compare_models(model, answering, inputs)
        changed = int8 or pruning is not None
        costs = quality_costs(model, answering, context) if changed and context is not None else {}
        exported = attrs.evolve(exported, differences=differences, texts=texts, costs=costs)
        EXPORT_MANIFEST.write(building / EXPORT_FILE, exported)
    return exported


@attrs.frozen(eq=False)
class _Made:
    """A graph of a group, before it shares constants with others."""

    graph: Graph
    file: Path
    bytes: int
    precision: Precision
    hidden_units: int


def _export_groups(
    model: Model, graphs: Mapping[str, Graph], units: Mapping[str, int], building: Path, int8: bool
) -> tuple[Mapping[str, GraphFile], Mapping[str, str]]:
    """The graphs of all groups that have one, and why others have none."""
    made: dict[str, _Made] = {}
    kept: dict[str, str] = {}
    for group in model.groups:
        file, graph = building / "groups" / f"{group.name}.onnx", graphs[group.name]
        try:
            export_group(group, graph, model.shapes, file, apart=int8)
        except NotExportableError as error:
            kept[group.name] = str(error)
            remove_file(file)
            continue
        size = file.stat().st_size
        precision: Precision = quantize_graph(file) if int8 else "float32"
        made[group.name] = _Made(graph, file, size, precision, units[group.name])
    shared = share_constants([one.file for one in made.values()])
    return {name: _described(model, building, name, one, shared[one.file]) for name, one in made.items()}, kept


def _described(model: Model, building: Path, name: str, made: _Made, shared: Sequence[str]) -> GraphFile:
    return GraphFile(
        file=f"groups/{made.file.name}",
        sha256=sha256(made.file),
        bytes=made.file.stat().st_size,
        shared={f"groups/{one}": sha256(made.file.parent / one) for one in shared},
        precision=made.precision,
        float32_bytes=made.bytes,
        weights_bytes=sum((model.folder / one.file).stat().st_size for one in model.manifest.groups[name].files),
        members=len(made.graph.members),
        hidden_units=made.hidden_units,
        left_units=count_units(made.graph),
        inputs=made.graph.reads,
        outputs=made.graph.outputs,
    )


def _answering_by(model: Model, folder: Path, exported: ExportManifest) -> Model:
    """The same model with the engine of what was exported."""
    engine = OnnxEngine(folder, model.manifest, exported)
    modules = {group.name: engine.open_group(group, model.surroundings, model.device) for group in model.groups}
    return attrs.evolve(model, modules=modules, engine=engine)
