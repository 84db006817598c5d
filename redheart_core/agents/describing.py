"""run.json of a training in an environment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import attrs

from redheart_core.agents.context import AgentsContext
from redheart_core.config.tables import GroupSettings
from redheart_core.contract.data import Provenance
from redheart_core.data.identity import EncoderIdentity
from redheart_core.runs.description import DataDescription, GroupDescription, NodeDescription, RunDescription
from redheart_core.runs.environment import EnvironmentDescription
from redheart_core.storage.files import to_json
from redheart_core.storage.settings import as_table, default_table


@attrs.frozen
class Source:
    """Where a plugin is from."""

    distribution: str
    version: str


def describe_agents(context: AgentsContext, environment: Source, settings: Any, learner: Source) -> RunDescription:
    """All that decides the numbers of a run of agents.

    Args:
        context: Of the training.
        environment: The package of the environment.
        settings: Of the environment.
        learner: The package of the agents' plugin.
    """
    world, spec = context.world, context.spec
    described = EnvironmentDescription(
        name=world.name,
        distribution=environment.distribution,
        version=environment.version,
        settings=_plain(as_table(settings)),
        learner=spec.name,
        agents=world.agents,
        observations=world.observations,
        actions=world.actions,
        playing=context.agents,
        defaults=_plain(default_table(type(settings))),
    )
    own, defaults = _plain(as_table(context.own)), _plain(default_table(type(context.own)))
    nodes = {
        group: NodeDescription("agent", spec.name, learner.distribution, learner.version, group, own, 1.0, 1.0,
                               residual=False, learns=(), resources={}, defaults=defaults)
        for group in world.groups
    }  # fmt: skip
    groups = {
        group: GroupDescription(0, (group,), context.groups.get(group, GroupSettings())) for group in world.groups
    }
    fingerprint = hashlib.sha256(to_json(described.as_stored())).hexdigest()
    data = DataDescription(
        dataset=world.name,
        fingerprint=fingerprint,
        store="",
        encoder=EncoderIdentity((), 0, "float32"),
        tokens=None,
        fields={},
        provenance={world.name: Provenance(None, None)},
        splits={},
        validation_clusters=(),
    )
    return RunDescription(
        redheart=version("redheart"),
        torch=version("torch"),
        training=context.training,
        nodes=nodes,
        groups=groups,
        data=data,
        environment=described,
    )


def _plain(table: Mapping[str, Any]) -> Mapping[str, object]:
    """As it is when it has been read from a file."""
    found: dict[str, object] = json.loads(to_json(table))
    return found
