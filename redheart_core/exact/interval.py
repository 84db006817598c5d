"""A number with its interval."""

from __future__ import annotations

import attrs


@attrs.frozen
class Interval:
    """A number, with its interval where there is one, of 95 % unless said otherwise."""

    value: float | None
    """None if the figure is undefined."""
    low: float | None = None
    """Percentile of a bootstrap, such as the 2.5th; None without an interval."""
    high: float | None = None
    reason: str = ""
    """Why the figure is undefined."""

    @classmethod
    def undefined(cls, reason: str) -> Interval:
        """No number, and why."""
        return cls(None, reason=reason)

    @property
    def number(self) -> float:
        """The value of a figure that is defined."""
        assert self.value is not None, self.reason
        return self.value

    @property
    def ends(self) -> tuple[float, float]:
        """Low and high of an interval that is there."""
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high

    def is_below(self, limit: float) -> bool:
        """Whether all of the interval lies below a limit; False without one."""
        return self.high is not None and self.high < limit

    def is_above(self, limit: float) -> bool:
        """Whether all of the interval lies above a limit; False without one."""
        return self.low is not None and self.low > limit

    def holds(self, number: float) -> bool:
        """Whether a number lies within it; False without one."""
        return self.low is not None and self.high is not None and self.low <= number <= self.high

    def in_words(self, sign: str = "") -> str:
        """The number with its interval, if it has one, or a dash for what is undefined; "+" shows the sign."""
        style = f"{sign}.4f"
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return format(self.value, style)
        return f"{self.value:{style}} [{self.low:{style}}, {self.high:{style}}]"
