"""What is known before training and limits what will be learnt or measured, or how fast."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.data.store import Store
from redheart_core.storage.runtime import has_bfloat16
from redheart_core.training.context import TrainingContext
from redheart_core.training.probe import constant_labels, sameness

NAMED = 5
"""Labels that a note names."""


def training_notes(context: TrainingContext) -> tuple[str, ...]:
    """One line per fact; the test split is not looked at."""
    store = context.store
    notes = [note for group in context.groups for note in sameness(store, group)]
    notes += _on_precision(context)
    if store.has_texts and int(store.chunk_counts[store.rows("train")].max()) == 1:
        notes.append(
            f"a chunk_chars below {store.encoder_identity.chunk_chars} gives texts of several chunks: prepare the data "
            "again with --set data.chunk_chars=N"
        )
    if len(store.rows("validation")) == 1:
        notes.append(
            "there is one validation record: correlations, explained variances and standard errors are undefined, and "
            "the choice of epochs rests on that record"
        )
    for name in sorted({target for group in context.groups for target in group.targets}):
        notes += _on_validation(store, store.fields[name])
    return tuple(dict.fromkeys(notes))


def _on_precision(context: TrainingContext) -> Iterator[str]:
    """Which groups train in a precision that the processor computes in software."""
    trained = [group for group in context.groups if not group.fitted and context.own_settings(group).epochs]
    slow = [group.name for group in trained if group.settings.precision == "bfloat16"]
    if slow and not has_bfloat16(context.device):
        yield (
            f'{", ".join(slow)}: precision = "bfloat16" takes several times as long as "float32" on this processor, '
            "which has no instructions for it"
        )


def _on_validation(store: Store, field: Field) -> Iterator[str]:
    """What a target cannot be measured by."""
    if len(store.rows("validation")) == 1:
        return
    if field.binary:
        target = store.target(field.name)[store.rows("validation")]
        absent = _labels(field, ~(target == 1).any(0))
        if absent:
            yield (
                f"'{field.name}': no validation record has {absent}, so that no threshold is chosen and the macro-F1 "
                "is that of the others"
            )
        return
    same = constant_labels(store, field, "validation")
    if bool(same.any()):
        which = "" if not field.labels or bool(same.all()) else f" for {_labels(field, same)}"
        yield (
            f"'{field.name}' is the same in all validation records{which}: no correlation and no explained variance "
            "of it is defined"
        )


def _labels(field: Field, chosen: Tensor) -> str:
    names = [name for name, wanted in zip(field.elements, chosen.flatten().tolist(), strict=True) if wanted]
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
