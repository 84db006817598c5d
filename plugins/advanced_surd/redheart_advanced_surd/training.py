"""What advanced SURD learns: exact decompositions of the causes, exact transfer entropies of the log."""

from __future__ import annotations

import attrs

from redheart_advanced_surd.model import AdvancedSurd
from redheart_advanced_surd.paths import PARTS, PATHS, places
from redheart_advanced_surd.settings import AdvancedSurdSettings
from redheart_core import BuildContext, LossTerm, Metric, Objective, PluginError
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import divergence, squared_error
from redheart_core.nn.metrics import distribution_metrics, explained_variance, jensen_shannon


def build(context: BuildContext) -> AdvancedSurd:
    """The module at the settings' widths, for the data set's order of labels.

    Raises:
        PluginError: The data set names other parts, paths or persons.
    """
    settings: AdvancedSurdSettings = context.settings
    return AdvancedSurd(
        width_in=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        layers=settings.layers,
        causal_width=settings.causal_width,
        causal_heads=settings.causal_heads,
        parts=places(context.labels("causal_parts"), PARTS, "causal_parts"),
        paths=places(context.labels("causal_paths"), PATHS, "causal_paths") if "causal_paths" in context.fields else (),
        directions=_directions(context) if "transfer" in context.wanted else (),
        transfer_width=settings.transfer_width,
        wanted=context.wanted,
        position_width=settings.position_width,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: AdvancedSurdSettings, larger: AdvancedSurdSettings) -> AdvancedSurdSettings:
    """Widths that repeat those of the smaller one, and its positions."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    before, wanted = ((one.causal_width, one.causal_heads) for one in (smaller, larger))
    causal_width, causal_heads = multiple_with_heads(before, wanted, 4)
    return attrs.evolve(
        larger,
        width=width,
        heads=heads,
        causal_width=causal_width,
        causal_heads=causal_heads,
        position_width=smaller.position_width or smaller.width,
    )


def objective(context: BuildContext) -> Objective:
    """Divergence of parts and paths from the exact ones, squared error of the transfer entropy."""
    settings: AdvancedSurdSettings = context.settings
    losses = [LossTerm("parts_logits", "causal_parts", "logits", divergence)]
    metrics = [*distribution_metrics("causal_parts", "causal_parts")]
    if "causal_paths" in context.fields:
        losses.append(LossTerm("paths_logits", "causal_paths", "logits", divergence))
        metrics.append(Metric("paths_jensen_shannon", "causal_paths", "causal_paths", jensen_shannon, "min"))
    if "transfer" in context.wanted:
        losses.append(LossTerm("transfer", "transfer", "values", squared_error, settings.transfer_weight))
        metrics.append(Metric("transfer_explained", "transfer", "transfer", explained_variance, "max"))
    return Objective(tuple(losses), tuple(metrics))


def _directions(context: BuildContext) -> tuple[tuple[int, int], ...]:
    """Places of source and target in the log for each label of the transfer, such as agent_to_other."""
    persons = context.labels("mood_log")
    directions = []
    for label in context.labels("transfer"):
        source, _, target = label.partition("_to_")
        if source not in persons or target not in persons:
            raise PluginError(
                "it reads 'transfer' as SOURCE_to_TARGET with persons of 'mood_log' "
                f"({', '.join(persons)}); got {label}: rename it, or leave it out with --disable"
            )
        directions.append((persons.index(source), persons.index(target)))
    return tuple(directions)
