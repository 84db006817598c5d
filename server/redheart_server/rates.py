"""Rate limits: a token bucket for each key or client address."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import attrs

WINDOW_S = 10
"""Requests of so many seconds may come at once."""


@attrs.frozen
class Taken:
    """Whether a request may pass, as the header fields RateLimit and RateLimit-Policy say it (an IETF draft)."""

    passes: bool
    left: int
    burst: int
    wait_s: int
    """Until one may pass again, at least 1; where this one passes, until the bucket is full."""

    def headers(self, policy: str) -> dict[str, str]:
        """Header fields of the response, under the name of what is counted."""
        return {
            "ratelimit-policy": f'"{policy}";q={self.burst};w={WINDOW_S}',
            "ratelimit": f'"{policy}";r={self.left};t={self.wait_s}',
        }


@attrs.define
class Bucket:
    """Fills evenly, and holds what may come at once."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _left: float = attrs.field(init=False)
    _at: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._left, self._at = float(self.burst), self.clock()

    @property
    def burst(self) -> int:
        """What may come at once."""
        return max(1, self.per_minute * WINDOW_S // 60)

    @property
    def is_full(self) -> bool:
        """Whether it is by now as if nobody had taken anything."""
        self._fill()
        return self._left == self.burst

    def _fill(self) -> None:
        now = self.clock()
        self._left = min(float(self.burst), self._left + (now - self._at) * self.per_minute / 60)
        self._at = now

    def take(self) -> Taken:
        """Take one request out."""
        self._fill()
        a_second = self.per_minute / 60
        if self._left < 1.0:
            return Taken(False, 0, self.burst, max(1, math.ceil((1.0 - self._left) / a_second)))
        self._left -= 1.0
        return Taken(True, int(self._left), self.burst, math.ceil((self.burst - self._left) / a_second))
