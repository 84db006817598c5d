"""The embedded data set, short scenarios from a small causal world, and a life in it as an environment."""

from __future__ import annotations

import attrs

from redheart_core import CATALOGUE, DatasetSpec, EnvironmentSpec, Field, hookimpl
from redheart_village.settings import LifeSettings, VillageSettings

__all__ = ["redheart_provide_datasets", "redheart_provide_environments"]

FIELDS = (
    *("emotion", "bentham", "utility", "regret", "choice_factors"),
    *("self_before", "self_after", "others_before", "others_after", "others_traits", "others_culture"),
    *("projection", "community", "history", "culture", "causal_parts", "causal_paths"),
    *("payoffs", "state_probability", "act_regret", "act_max_regret", "chosen_act", "regret_course"),
    *("burdens", "context_layers", "utility_in_context", "utility_horizons", "mood_log", "transfer"),
)
EXACT = (
    *("utility", "utility_in_context", "utility_horizons", "causal_parts", "causal_paths", "transfer"),
    *("act_regret", "act_max_regret"),
)
"""Of these the calculators of the world know the facts; the texts do not state them."""
SIGNALS = ("eeg", "ecg", "gsr", "image", "audio")


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """One data set, named like the plugin."""
    return [
        DatasetSpec(
            name="village",
            meaning="About 4,000 short scenarios in English and Korean, made by a seeded causal world; labels by rule.",
            settings=VillageSettings,
            fields=_fields,
            records="redheart_village.records:make_records",
            licence="MIT",
            source="made by this plugin",
            sample={"english": 120, "korean": 80},
        )
    ]


@hookimpl
def redheart_provide_environments() -> list[EnvironmentSpec]:
    """A life among a few persons of the village."""
    return [
        EnvironmentSpec(
            name="village_life",
            meaning="Two or three persons live through events, rewarded with the utility of their acts less regret.",
            settings=LifeSettings,
            make="redheart_village.life:make",
            scene="redheart_village.environment:scene",
        )
    ]


def _fields(settings: VillageSettings) -> tuple[Field, ...]:
    signals = [CATALOGUE[name] for name in (SIGNALS if settings.signals else ())]
    return (
        *(attrs.evolve(CATALOGUE[name], exact=name in EXACT) for name in FIELDS),
        *(attrs.evolve(field, meaning=f"{field.meaning}, simulated") for field in signals),
    )
