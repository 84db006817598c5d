"""What a server accepts, and for how long it works on it."""

from __future__ import annotations

import attrs
from attrs.validators import and_, gt, instance_of


def _above_0(default: int) -> int:
    return attrs.field(default=default, validator=and_(instance_of(int), gt(0)))


@attrs.frozen
class Limits:
    """Limits of a server; what is beyond one is refused with a message that names it."""

    body_bytes: int = _above_0(4_000_000)
    """Of a request."""
    texts: int = _above_0(64)
    """Of one request."""
    waiting: int = _above_0(256)
    """Texts that wait for an answer; more are refused with 503 and Retry-After."""
    together: int = _above_0(32)
    """Texts of several requests that are answered in one pass, unless one request alone has more."""
    deadline_s: float = attrs.field(default=30.0, validator=gt(0.0))
    """For waiting and computing together."""
    receive_s: float = attrs.field(default=20.0, validator=gt(0.0))
    """For the head of a request to arrive, and then for its body."""
    stop_s: int = _above_0(60)
    """For accepted requests to be finished when the server is stopped."""
