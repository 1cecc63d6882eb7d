"""A TLS listener that shows the certificate of each connection to the app.

In the form of the ASGI TLS extension: any server that brings that may stand here.
"""

import asyncio
import ssl
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

App = Any
EXTENSION: Final = "tls"


class CertifiedProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, with the client's certificate in `extensions.tls.client_cert_chain`."""

    def connection_made(  # type: ignore[override]  # uvicorn narrows the type of asyncio too
        self, transport: asyncio.Transport
    ) -> None:
        """Take note of the certificate, once for all requests of the connection."""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls else None
        if der is not None:
            self.app = _with(self.app, ssl.DER_cert_to_PEM_cert(der))


def _with(app: App, pem: str) -> App:
    async def certified(scope: Any, receive: Any, send: Any) -> None:
        known = scope.get("extensions") or {}
        shown = {EXTENSION: {"client_cert_chain": [pem]}}
        await app(scope | {"extensions": known | shown}, receive, send)

    return certified
