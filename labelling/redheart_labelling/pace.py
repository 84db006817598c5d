"""When the next request may be sent: rate limits, pauses that an endpoint asks for, and back-off with jitter."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

from redheart_core.contract.errors import SettingsError
from redheart_labelling.settings import Transport

WINDOW_S = 60.0
LONGEST_RETRY_AFTER_S = 600.0
"""An endpoint that asks for a longer pause ends the command, which goes on when it is run again."""


class Pace:
    """Requests and tokens of the last minute, for all threads together."""

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests, self._tokens = transport.requests_per_minute, transport.tokens_per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: deque[tuple[float, int]] = deque()
        self._not_before = 0.0

    def check(self, tokens: int) -> None:
        """Refuse a rate that the largest request exceeds alone.

        Raises:
            SettingsError: It could never be sent.
        """
        if self._tokens is not None and tokens > self._tokens:
            raise SettingsError(
                f"--tokens-per-minute {self._tokens:,}: one request may take {tokens:,}, answer included; raise it, or "
                "lower --max-tokens"
            )

    def pause(self, seconds: float) -> None:
        """Send nothing for a while."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def wait(self, tokens: int, stop: threading.Event) -> bool:
        """Wait for the turn of a request; False if the work stops before."""
        while not stop.is_set():
            with self._lock:
                wait_s = self._delay(tokens)
                if wait_s <= 0.0:
                    self._sent.append((self._clock(), tokens))
                    return True
            stop.wait(wait_s)
        return False

    def _delay(self, tokens: int) -> float:
        now = self._clock()
        while self._sent and self._sent[0][0] + WINDOW_S <= now:
            self._sent.popleft()
        if self._not_before > now:
            return self._not_before - now
        requests, taken = len(self._sent), sum(one for _, one in self._sent)
        wait_s = 0.0
        for at, freed in self._sent:
            if self._fits(requests, taken + tokens):
                break
            requests, taken, wait_s = requests - 1, taken - freed, at + WINDOW_S - now
        return wait_s

    def _fits(self, requests: int, tokens: int) -> bool:
        return (self._requests is None or requests < self._requests) and (
            self._tokens is None or tokens <= self._tokens
        )


def backoff_s(transport: Transport, seed: int, name: str, retry: int) -> float:
    """The pause before a retry: exponential, with half of it drawn, by a generator of the request's own.

    Args:
        transport: First and longest pause.
        seed: Of all generators.
        name: Of what is asked for.
        retry: From 0.
    """
    pause = min(transport.longest_pause_s, transport.pause_s * 2.0**retry)
    return pause * random.Random(f"{seed}/{name}/{retry}").uniform(0.5, 1.0)


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, section 10.2.3), a number or a date; None if it is neither."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time())
