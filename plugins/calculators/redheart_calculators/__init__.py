"""Exact calculators: mathematics without parameters, for arrays that a user gives."""

from __future__ import annotations

from redheart_calculators import (
    conformal,
    hedonic,
    information,
    kalman,
    pid,
    regret,
    surd,
    trajectory,
    trend,
    votes,
)
from redheart_core import CalculatorSpec, hookimpl

_MODULES = (surd, information, pid, hedonic, regret, kalman, trajectory, conformal, trend, votes)


@hookimpl
def redheart_provide_calculators() -> list[CalculatorSpec]:
    """Offer the calculators."""
    return [module.spec() for module in _MODULES]
