"""What a group that is fitted on validation records says of those that its weights have not seen."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from redheart_core.data.fitting import StorePart
from redheart_core.groups.group import Group
from redheart_core.groups.validation import compute_outputs
from redheart_core.training.context import TrainingContext

FOLDS = 5


def cross_fitted(context: TrainingContext, group: Group, names: Sequence[str]) -> dict[str, Tensor]:
    """Outputs on the validation records, each by a fit to the other four fifths of them.

    A fusion learns its weights on validation, so that its own answers there are no honest ones. The outputs that it
    reads have to be there (TrainingContext.add_outputs).

    Args:
        context: Of the run, or the same with members left out.
        group: Fitted in closed form.
        names: "node.output" of it.

    Returns:
        Each name to (N, *shape), in the order of the validation rows.

    Raises:
        DataError: Four fifths of the records are too few to fit it.
    """
    rows = context.store.rows("validation")
    folds = StorePart(context.source, rows).folds(FOLDS)
    found: dict[str, Tensor] = {}
    for fold in sorted(set(folds.tolist())):
        held = folds == fold
        module = context.fit(group, rows[~held])
        outputs = compute_outputs(module, context.source, rows[held], names)
        for name in names:
            tensor = outputs.batch(name, rows[held], 1)
            found.setdefault(name, tensor.new_empty((len(rows), *tensor.shape[1:])))[held] = tensor
    return found
