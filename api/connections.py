"""HTTP/1.1 connections of uvicorn, which no request holds open that never comes whole.

A proxy before us has limits of its own; these are for whoever reaches us without one.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_OCTETS: Final = 64 * 1024
"""Longest request line with its headers; what a read brings at once may be over it once."""
HEAD_SECONDS: Final = 10
"""From the first octet of a request, or from the connection, to the end of its headers."""


class Connection(HttpToolsProtocol):
    """Cuts off whoever sends no end of headers, in octets or in seconds."""

    _unread = 0
    """Octets of a head that has not ended; 0 between requests."""
    _waiting: asyncio.TimerHandle | None = None

    _in_head = True
    """Whether a head is to come, or to end: before the first request, and once one began."""

    def connection_made(  # type: ignore[override]  # uvicorn narrows the type of asyncio too
        self, transport: asyncio.Transport
    ) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as far as a head may reach."""
        super().data_received(data)
        if self._in_head:  # most come whole, and need no clock
            self._wait()
            self._unread += len(data)
            if self._unread > HEAD_OCTETS:
                self._cut(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._end()
        super().on_headers_complete()

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_SECONDS, self._cut, b"408 Request Timeout")

    def _end(self) -> None:
        self._unread, self._in_head = 0, False
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _cut(self, status: bytes) -> None:
        self._end()
        if self.transport.is_closing():
            return
        # There is no cycle before the first request, whatever uvicorn's types say.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
        self.transport.close()
