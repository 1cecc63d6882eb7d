"""A TLS listener that shows the certificate of each connection to the app.

In the form of the ASGI TLS extension: any server that brings that may stand here.
"""

import asyncio
import ssl
from typing import Final

from api.connections import Connection

EXTENSION: Final = "tls"


class CertifiedConnection(Connection):
    """A connection with the client's certificate in `extensions.tls.client_cert_chain`."""

    _certificate: str | None = None
    """PEM."""

    def connection_made(  # type: ignore[override]  # uvicorn narrows the type of asyncio too
        self, transport: asyncio.Transport
    ) -> None:
        """Take note of the certificate, once for all requests of the connection."""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls else None
        if der is not None:
            self._certificate = ssl.DER_cert_to_PEM_cert(der)

    def on_message_begin(self) -> None:
        """Show it with each request."""
        super().on_message_begin()
        if self._certificate is not None:
            shown: dict[object, object] = {"client_cert_chain": [self._certificate]}
            self.scope["extensions"] = {EXTENSION: shown}
