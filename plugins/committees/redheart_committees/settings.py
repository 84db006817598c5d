"""The tables of the members and of the fusions."""

from __future__ import annotations

import attrs


@attrs.frozen
class MemberSettings:
    """Settings of a member."""

    features: int = attrs.field(default=512, validator=attrs.validators.in_(range(1, 65_537)))
    """Random features of the embedding."""


@attrs.frozen
class MeanSettings:
    """Nothing to set: every member counts the same."""


@attrs.frozen
class BestStageSettings:
    """Nothing to set: validation chooses the stage of each field."""
