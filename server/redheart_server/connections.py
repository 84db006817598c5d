"""Connections of the server: the head of a request has to arrive in time, as its body has to (edge)."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def timed(receive_s: float) -> type[H11Protocol]:
    """uvicorn's protocol, for its setting http, which closes a connection whose client is too slow with a head.

    It has no limit for that itself: its keep-alive is for the time after an answer, and any byte ends it.

    Args:
        receive_s: From the connection, or the first byte after an answer, to the end of a head.
    """

    class Timed(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as there
            super().connection_made(transport)
            self._expect_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is h11.IDLE:
                self._expect_head()
            else:
                self._expect_nothing()

        def connection_lost(self, exc: Exception | None) -> None:
            self._expect_nothing()
            super().connection_lost(exc)

        def _expect_head(self) -> None:
            if self._late is None:
                self._late = asyncio.get_running_loop().call_later(receive_s, self.transport.close)

        def _expect_nothing(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Timed
