"""Stacked answers.

Shapes: B records, M members that answer a field, L numbers of the field.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from redheart_core import Field
from redheart_core.nn.answers import LEAST, from_probabilities, from_values, is_values, size_of
from redheart_core.nn.fusing import Gathered
from redheart_core.nn.named import Named
from redheart_stacking_fusion.candidates import CANDIDATES, Choice


class Stack(nn.Module):
    """Members (M, B, L) to (B, L); the weights are set by a fit and get no gradient.

    Attributes:
        weight: (M, L); for values (M + 1, L), the last row the intercept.
        choice: int64, the place in CANDIDATES of how the weights were found.
        cross_fitted: (C,) the loss of each candidate on records that its weights had not seen.
        standard_error: (C,) that of its difference from the least one.
    """

    choice: Tensor
    cross_fitted: Tensor
    standard_error: Tensor

    def __init__(self, members: int, size: int, intercept: bool) -> None:
        super().__init__()
        self.intercept = intercept
        self.weight = nn.Parameter(torch.zeros(members + intercept, size), requires_grad=False)
        self.register_buffer("choice", torch.zeros((), dtype=torch.int64))
        self.register_buffer("cross_fitted", torch.zeros(len(CANDIDATES)))
        self.register_buffer("standard_error", torch.zeros(len(CANDIDATES)))

    def forward(self, members: Tensor) -> Tensor:
        weight, intercept = (self.weight[:-1], self.weight[-1]) if self.intercept else (self.weight, 0.0)
        return (members * weight.unsqueeze(1)).sum(0) + intercept

    def set(self, choice: Choice, weights: NDArray[np.float64]) -> None:
        """Take over weights in the field's own unit, and how they were chosen."""
        self.weight.copy_(_tensor(weights))
        self.choice.fill_(CANDIDATES.index(choice.candidate))
        self.cross_fitted.copy_(_tensor(choice.losses))
        self.standard_error.copy_(_tensor(choice.standard_errors))


class StackingFusion(nn.Module):
    """One stack per field of all its members; and one of those that always answer, for records on which others do not.

    Where no text has all members, as some answer in one language alone and some in another, there is a stack for each
    language of the members that answer there, in place of the one of all.

    Args:
        gathered: The fields to answer, and the inputs that do.
        absent: Inputs that may be NaN for a record.
        languages: Those of them that are NaN for texts in other languages, with the codes of their own.
    """

    def __init__(
        self,
        gathered: Sequence[Gathered],
        absent: Collection[str] = (),
        languages: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.gathered = tuple(gathered)
        always = {
            one.field.name: [place for place, name in enumerate(one.names) if name not in absent]
            for one in self.gathered
        }
        some = [one for one in self.gathered if 0 < len(always[one.field.name]) < len(one.names)]
        self.certain = {one.field.name: always[one.field.name] for one in some}
        """The places of the members that always answer, of fields that some members may not answer."""
        found = {one.field.name: teams(one.names, languages) for one in self.gathered}
        self.teams = {name: own for name, own in found.items() if own}
        """By field of which no text has all members: by languages the places of those that answer there."""
        whole = [one for one in self.gathered if one.field.name not in self.teams]
        self.stacks = Named({one.field.name: _stack(one.field, len(one.names)) for one in whole})
        self.spoken = Named({
            one.field.name: Named({
                codes: _stack(one.field, len(own)) for codes, own in self.teams[one.field.name].items()
            })
            for one in self.gathered if one.field.name in self.teams
        })  # fmt: skip
        self.others = Named({one.field.name: _stack(one.field, len(always[one.field.name])) for one in some})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for one in self.gathered:
            field, members = one.field, one.stacked(inputs.__getitem__)
            members = members if is_values(field) else members.clamp(LEAST, 1 - LEAST)
            if field.name in self.teams:
                mixed = self._of_teams(field, members)
            else:
                mixed, complete = self.stacks[field.name](members), _complete(members)
                if torch.compiler.is_exporting() or not bool(complete.all()):  # an exported graph has no branches
                    mixed = torch.where(complete, mixed, self._of_others(field, members))
            outputs |= answer(field, mixed)
        return outputs

    def _of_teams(self, field: Field, members: Tensor) -> Tensor:
        """Each record out of the largest team that is there."""
        mixed, stacks = self._of_others(field, members), self.spoken[field.name]
        assert isinstance(stacks, Named)
        for codes, places in self.teams[field.name].items():
            own = members[places]
            mixed = torch.where(_complete(own), stacks[codes](own), mixed)
        return mixed

    def _of_others(self, field: Field, members: Tensor) -> Tensor:
        """Out of the members that always answer; the mean of those that do where none always does."""
        if field.name not in self.certain:
            return members.nanmean(0)
        mixed: Tensor = self.others[field.name](members[self.certain[field.name]])
        return mixed


def teams(names: Sequence[str], languages: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """The places of the members that answer texts in the same languages, smaller teams first, by the codes of these.

    None if some language has all members, or all members answer in all languages.
    """
    codes = sorted({code for name in names for code in languages.get(name, ())})
    spoken: dict[tuple[int, ...], list[str]] = {}
    for code in codes:
        team = tuple(place for place, name in enumerate(names) if code in languages.get(name, codes))
        spoken.setdefault(team, []).append(code)
    if any(len(team) == len(names) for team in spoken):
        return {}
    return {"+".join(spoken[team]): list(team) for team in sorted(spoken, key=lambda team: (len(team), team))}


def _complete(members: Tensor) -> Tensor:
    """(M, B, L) to (B, 1), whether a record has all of them."""
    return ~members.isnan().any(-1).any(0).unsqueeze(-1)


def _stack(field: Field, members: int) -> Stack:
    return Stack(members, size_of(field), is_values(field))


def answer(field: Field, mixed: Tensor) -> dict[str, Tensor]:
    """A mixture (B, L) to the outputs of a field; distributions and shares are divided by their sum."""
    return from_values(field, mixed) if is_values(field) else from_probabilities(field, mixed)


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values)
