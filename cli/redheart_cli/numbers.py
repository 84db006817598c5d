"""The types of options that take numbers: nan and inf are none."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A finite number in a range; click alone takes nan for any."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class Amount(click.ParamType[Decimal]):
    """An amount of money, exactly as it is written."""

    name = "amount"
    MOST = Decimal(10**9)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The amount."""
        try:
            amount = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not a number.", param, ctx)
        if not (amount.is_finite() and 0 <= amount <= self.MOST):
            self.fail(f"{value} is not in the range 0<=x<={self.MOST:,}.", param, ctx)
        return amount
