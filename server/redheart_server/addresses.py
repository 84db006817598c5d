"""How often each client address may ask a server without keys."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request

from redheart_server.problems import ProblemError
from redheart_server.rates import Bucket

_IPV6_PREFIX = 64
"""Bits that a provider gives to one connection; its owner has all addresses behind them."""


class Addresses:
    """A rate for each client address.

    Args:
        per_minute: Requests of one address, evenly; those of ten seconds may come at once.
        behind_proxy: Whether the client is the last one that X-Forwarded-For names, and not who connects.
        clock: Seconds.
    """

    def __init__(
        self, per_minute: int, behind_proxy: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_minute, self._behind_proxy, self._clock = per_minute, behind_proxy, clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    @property
    def known(self) -> int:
        """Addresses that are remembered: those that have asked so lately that it counts."""
        return len(self._buckets)

    def admit(self, request: Request) -> dict[str, str]:
        """Count a request; returns header fields of its response.

        Raises:
            ProblemError: It is one too many, or the proxy does not say whose it is.
        """
        client = self._client(request)
        bucket = self._buckets.pop(client, None) or Bucket(self._per_minute, self._clock)
        while self._buckets and next(iter(self._buckets.values())).is_full:  # a full one is like a new one
            self._buckets.popitem(last=False)
        self._buckets[client] = bucket
        taken = bucket.take()
        if not taken.passes:
            said = f"your address may ask {self._per_minute} times a minute; ask again in {taken.wait_s} s"
            raise ProblemError(429, said, retry_after_s=taken.wait_s, headers=taken.headers("address"))
        return taken.headers("address")

    def _client(self, request: Request) -> str:
        """What shares a rate: an IPv4 address, or a network of IPv6 addresses."""
        assert request.client is not None
        given = request.client.host
        if self._behind_proxy:
            given = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
        try:
            found = ipaddress.ip_address(given)
        except ValueError as error:
            raise ProblemError(
                400,
                f"the proxy has to name the client's address last in X-Forwarded-For, got {given!r:.60}; set it there, "
                "or start the server without --behind-proxy",
            ) from error
        if isinstance(found, ipaddress.IPv6Address):
            if found.ipv4_mapped is None:
                return str(ipaddress.ip_network((int(found), _IPV6_PREFIX), strict=False))
            return str(found.ipv4_mapped)
        return str(found)
