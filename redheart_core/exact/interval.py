"""A number with its interval."""

from __future__ import annotations

import attrs


@attrs.frozen
class Interval:
    """A number, with its 95 % interval where there is one."""

    value: float
    low: float | None = None
    """Percentile of a bootstrap, such as the 2.5th; None without an interval."""
    high: float | None = None

    def is_below(self, limit: float) -> bool:
        """Whether all of the interval lies below a limit; False without one."""
        return self.high is not None and self.high < limit

    def is_above(self, limit: float) -> bool:
        """Whether all of the interval lies above a limit; False without one."""
        return self.low is not None and self.low > limit

    def holds(self, number: float) -> bool:
        """Whether a number lies within it; False without one."""
        return self.low is not None and self.high is not None and self.low <= number <= self.high
