"""Tokens and money: what has been spent, what is reserved, and no request that could exceed the budget."""

from __future__ import annotations

import threading
from decimal import Decimal

import attrs

from redheart_core.contract.errors import SettingsError
from redheart_labelling.settings import Spending

MILLION = Decimal(1_000_000)


@attrs.frozen
class Usage:
    """Tokens of one request or of many."""

    input: int = 0
    output: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input + other.input, self.output + other.output)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.input - other.input, self.output - other.output)

    @property
    def total(self) -> int:
        """Of requests and answers."""
        return self.input + self.output

    def within(self, most: Usage) -> bool:
        """Whether it is at most what was reserved, in both."""
        return self.input <= most.input and self.output <= most.output


def cost(usage: Usage, prices: Spending) -> Decimal:
    """What tokens cost."""
    return (usage.input * prices.price_in + usage.output * prices.price_out) / MILLION


def check_spending(spending: Spending) -> None:
    """Refuse a budget in money without prices.

    Raises:
        SettingsError: The budget could not be kept.
    """
    if spending.budget is not None and not (spending.price_in or spending.price_out):
        raise SettingsError(
            "--budget is in money, and no price is known; give --price-in and --price-out (per million tokens), or "
            "--budget-tokens"
        )


class Budget:
    """What is spent and reserved. A request is sent only once the most that it can cost has been reserved."""

    def __init__(self, spending: Spending, spent: Usage) -> None:
        self._limits, self._spent, self._reserved = spending, spent, Usage()
        self._changed = threading.Condition()
        self._closed = False

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self._limits.budget is not None or self._limits.budget_tokens is not None

    def reserve(self, most: Usage) -> bool:
        """Reserve for one request; waits for others to give back what they did not need.

        Returns:
            False if it does not fit even so, or the budget was closed.
        """
        with self._changed:
            while not self._closed:
                if self._fits(self._spent + self._reserved + most):
                    self._reserved += most
                    return True
                if self._reserved == Usage():
                    return False
                self._changed.wait()
            return False

    def settle(self, most: Usage, charged: Usage) -> None:
        """Put what a request has cost in the place of its reservation."""
        with self._changed:
            self._reserved -= most
            self._spent += charged
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more is reserved."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fits(self, usage: Usage) -> bool:
        limits = self._limits
        return (limits.budget_tokens is None or usage.total <= limits.budget_tokens) and (
            limits.budget is None or cost(usage, limits) <= limits.budget
        )
