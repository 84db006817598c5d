"""What later commands make of a made-up run: choice of epochs and model; and the index of its store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import attrs
from made_up_results import COUNTS

from redheart_core import CATALOGUE, Field
from redheart_core.config.tables import TrainSettings
from redheart_core.contract.data import Provenance
from redheart_core.data.division import SplitReport
from redheart_core.data.identity import EncoderIdentity, EncoderPart
from redheart_core.data.index import FileEntry, Shard, StoreIndex
from redheart_core.data.store import Store
from redheart_core.exact.interval import Interval
from redheart_core.groups.group import Group
from redheart_core.models.manifest import ExactnessCheck, ModelGroup, ModelManifest, WeightsFile
from redheart_core.runs.describe import describe_data, describe_node
from redheart_core.runs.manifest import GroupManifest
from redheart_core.selection.common_epoch import Cost, EpochInterval
from redheart_core.selection.detectors import Detection
from redheart_core.selection.sweetspot import GroupChoice, Sweetspot, common_epoch


def make_sweetspot(manifests: dict[str, GroupManifest]) -> Sweetspot:
    common = common_epoch(manifests)
    choices = []
    for manifest in manifests.values():
        one_se, at_common = manifest.entry(max(1, manifest.best.epoch - 2)), manifest.entry(common)
        assert one_se is not None
        assert at_common is not None
        cost = at_common.validation_loss / manifest.best.validation_loss - 1
        choices.append(
            GroupChoice(
                group=manifest.group,
                epochs=len(manifest.epochs),
                best=manifest.best,
                one_se=one_se,
                one_se_difference=0.001,
                one_se_error=0.002,
                common=at_common,
                cost=cost,
                interval=EpochInterval(
                    one_se.epoch, manifest.best.epoch, {one_se.epoch: 0.25, manifest.best.epoch: 0.75}
                ),
                detections=make_detections(manifest.best.epoch, one_se.epoch),
                common_cost=make_cost(at_common.validation_loss - manifest.best.validation_loss),
                metric_differences={
                    name: (at_common.metrics[name] or 0.0) - (value or 0.0)
                    for name, value in manifest.best.metrics.items()
                },
                entries={entry.epoch: entry for entry in manifest.epochs},
            )
        )
    mean = sum(choice.cost for choice in choices) / len(choices)
    return Sweetspot(tuple(choices), common, EpochInterval(common, common, {common: 1.0}), mean, make_cost(mean))


def make_detections(best: int, one_se: int) -> dict[str, Detection]:
    return {
        "best": Detection(best, "lowest validation loss"),
        "one_se": Detection(one_se, "within the standard error"),
        "plateau": Detection(None, "no 5 epochs in a row are flat"),
        "knee": Detection(one_se, "the fall bends there"),
        "onset": Detection(None, "the loss does not rise"),
        "vote": Detection(one_se, "2 of 3 within 1 epoch"),
    }


def make_cost(value: float) -> Cost:
    return Cost(Interval(value, value - 0.004, value + 0.005), Interval(value - 0.001, value - 0.006, value + 0.004))


def make_model(
    model: Path, groups: list[Group], sweetspot: Sweetspot, settings: TrainSettings, store: Store
) -> ModelManifest:
    chosen = sweetspot.chosen("best")
    stored: dict[str, ModelGroup] = {}
    for group in groups:
        stored[group.name] = ModelGroup(group.tier, tuple(node.name for node in group.nodes))
        if group.name in chosen:
            entry = chosen[group.name]
            stored[group.name] = attrs.evolve(
                stored[group.name],
                files=(WeightsFile(f"groups/{group.name}.safetensors", entry.sha256, {entry.file: 1.0}),),
                epoch=entry.epoch,
                epochs=entry.name,
                validation_loss=entry.validation_loss,
                metrics=entry.metrics,
            )
    return ModelManifest(
        groups=stored,
        missing={},
        nodes={node.name: describe_node(node) for group in groups for node in group.nodes},
        training=settings,
        data=describe_data(store, model),
        usable=(),
        statistics={},
        files={},
        run="..",
        origin=None,
        answers={},
        checks=tuple(
            ExactnessCheck(name, entry.name, entry.validation_loss, entry.validation_loss)
            for name, entry in chosen.items()
        ),
    )


def make_index() -> StoreIndex:
    emotion, regret = CATALOGUE["emotion"], CATALOGUE["regret"]
    fields: dict[str, Field] = {"emotion": emotion, "regret": regret, "votes": CATALOGUE["votes"]}
    return StoreIndex(
        dataset="village",
        dataset_settings={},
        content=hashlib.sha256(b"content").hexdigest(),
        fingerprint=hashlib.sha256(b"data").hexdigest(),
        encoder=EncoderIdentity(
            (
                EncoderPart("lsa", "scikit-learn 1.7, 768 dimensions", hashlib.sha256(b"lsa").hexdigest(), 768),
                EncoderPart("use_multilingual", "weights 0db5", hashlib.sha256(b"use").hexdigest(), 512),
            ),
            1200,
            "float16",
        ),
        encoder_settings={},
        chunk_chars=1200,
        terms=20_000,
        tokenizer="",
        tokens=None,
        near_duplicates=0.8,
        seed=7,
        shard_records=1000,
        fields=fields,
        coverage={"emotion": 3990, "regret": 4004, "votes": 1203},
        counts=COUNTS,
        languages=("en", "ko"),
        sources=("village",),
        provenance={"toy": Provenance("MIT", None)},
        split_report=SplitReport(
            counts=COUNTS,
            wanted={name: float(count) for name, count in COUNTS.items() if name != "excluded"},
            duplicate_clusters=14,
            clustered_records=31,
            largest_cluster=4,
            published=False,
            examples=(("en-0017", "en-0404"), ("ko-0003", "ko-1999")),
            clusters=(),
        ),
        shards=(Shard("shard-0000.safetensors", 4004, 4100, 1),),
        files={"shard-0000.safetensors": FileEntry(12_595_200, "0" * 64)},
    )
