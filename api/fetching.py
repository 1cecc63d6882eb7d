"""Fetches from addresses that programmes name: https, small, quick, never inside our own network.

The name is resolved once, every address it has is checked, and the connection goes to an
address that was checked: a name that answers otherwise a moment later gains nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import httpcore2
from httpcore2 import AsyncNetworkBackend, AsyncNetworkStream

from identity import addresses

SIZE_BYTES: Final = 64 * 1024
"""Largest answer that is read (attack 102 of docs/attacks.md)."""
SECONDS: Final = 2.0
"""For all of it: name, connection, TLS, answer."""
OK: Final = range(200, 300)
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → its addresses."""


class Unfetched(StrEnum):
    """Why nothing came."""

    ADDRESS = "address"
    """Not https, not a plain address, or one that is not on the public network."""
    NETWORK = "network"
    TIME = "time"
    SIZE = "size"
    STATUS = "status"
    """An answer other than 2xx, so also every redirection."""


class Refused(OSError):  # noqa: N818  (a denial on its way through the HTTP library)
    """An address is none that we connect to."""


class Fetcher:
    """Fetches safely. Holds no connection between two fetches."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        network: AsyncNetworkBackend | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Take what stands in for the name service, the network and the roots of trust."""
        self._network = _Public(resolve or _resolve, network or httpcore2.AnyIOBackend())
        self._trust = trust

    async def get(self, url: str) -> bytes | Unfetched:
        """What is there."""
        return await self._fetch("GET", url, b"", {"Accept": "application/json"})

    async def post(self, url: str, body: bytes, kind: str) -> bytes | Unfetched:
        """Hand something over; the answer to it."""
        return await self._fetch("POST", url, body, {"Content-Type": kind})

    async def _fetch(
        self, method: str, url: str, body: bytes, headers: dict[str, str]
    ) -> bytes | Unfetched:
        if addresses.problem_of(url):
            return Unfetched.ADDRESS
        sent = {"Host": urlsplit(url).netloc, "Accept-Encoding": "identity"} | headers
        if body:
            sent["Content-Length"] = str(len(body))
        try:
            async with asyncio.timeout(SECONDS):
                return await self._within(method, url, body, sent)
        except Refused:
            return Unfetched.ADDRESS
        except (TimeoutError, httpcore2.TimeoutException):
            return Unfetched.TIME
        except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError):
            return Unfetched.NETWORK

    async def _within(
        self, method: str, url: str, body: bytes, headers: dict[str, str]
    ) -> bytes | Unfetched:
        trust = self._trust or ssl.create_default_context()
        async with (
            httpcore2.AsyncConnectionPool(
                ssl_context=trust, network_backend=self._network, http2=False
            ) as pool,
            pool.stream(method, url, headers=[*headers.items()], content=body or None) as answer,
        ):
            if answer.status not in OK:
                return Unfetched.STATUS
            found = bytearray()
            async for part in answer.aiter_stream():
                found += part
                if len(found) > SIZE_BYTES:
                    return Unfetched.SIZE
            return bytes(found)


class _Public(AsyncNetworkBackend):
    """Connects to checked addresses alone."""

    def __init__(self, resolve: Resolve, network: AsyncNetworkBackend) -> None:
        self._resolve = resolve
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (the library's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        found = await self._resolve(host, port)
        # One bad address among good ones is a name that is not to be trusted.
        if not found or not all(map(addresses.is_public, found)):
            raise Refused
        return await self._network.connect_tcp(
            found[0], port, timeout, local_address, socket_options
        )


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
