"""HTTP/1.1 for a benchmark's asker: kept-alive connections, one request at a time on each.

A client library would take longer than the servers that are measured.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Self
from urllib.parse import urlencode

import msgspec

OK: Final = 200


class WrongAnswerError(Exception):
    """A server did not answer as it should."""


class Answered(msgspec.Struct, frozen=True):
    """One answer."""

    status: int
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes


class Wires:
    """So many connections to one server."""

    def __init__(self, port: int, free: asyncio.Queue["_Wire"]) -> None:
        """Take the connections that `opened` made."""
        self._port = port
        self._free = free

    @classmethod
    @asynccontextmanager
    async def opened(cls, port: int, count: int) -> AsyncIterator[Self]:
        """Connect, and disconnect at the end."""
        wires = [_Wire(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(count)]
        free: asyncio.Queue[_Wire] = asyncio.Queue()
        for wire in wires:
            free.put_nowait(wire)
        try:
            yield cls(port, free)
        finally:
            for wire in wires:
                wire.writer.close()

    async def post(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answered:
        """Post a form on a connection that is free."""
        body = urlencode(form).encode()
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        wire = await self._free.get()
        try:
            return await wire.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        finally:
            self._free.put_nowait(wire)


class _Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, request: bytes) -> Answered:
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answered(int(head[0].split(" ", 2)[1]), headers, body)
