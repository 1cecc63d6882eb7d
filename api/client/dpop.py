"""Proofs that a programme holds its key (RFC 9449), and the server's nonces, remembered."""

import base64
import secrets
import time
from collections.abc import Callable, Generator
from hashlib import sha256
from typing import Any, Final

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

WANTED: Final = "use_dpop_nonce"
Flow = Generator[httpx2.Request, httpx2.Response, None]


class Dpop:
    """A key of the programme's own, and proofs that it holds it."""

    def __init__(self) -> None:
        """Make the key; no server has given a nonce yet."""
        self._key = ECKey.generate_key("P-256")
        self._nonces: dict[str, str] = {}

    def proven(self, request: Callable[[], httpx2.Request], token: str | None = None) -> Flow:
        """Send with a proof; once more, made anew, if the server wants its nonce."""
        for _ in range(2):
            asked = request()
            self._prove(asked, token)
            response = yield asked
            if not self._wanted(response):
                return

    def _prove(self, request: httpx2.Request, token: str | None) -> None:
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": request.method,
            "htu": str(request.url.copy_with(query=None, fragment=None)),
            # A client: its machine's clock, not the service's.
            "iat": int(time.time()),  # noqa: TID251
        }
        if nonce := self._nonces.get(_origin(request.url)):
            claims["nonce"] = nonce
        if token is not None:
            claims["ath"] = base64url(sha256(token.encode()).digest())
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self._key.as_dict(private=False)}
        request.headers["DPoP"] = jwt.encode(header, claims, self._key)

    def _wanted(self, response: httpx2.Response) -> bool:
        """Remember a nonce; whether the server refused for want of it (§8)."""
        if nonce := response.headers.get("dpop-nonce"):
            self._nonces[_origin(response.url)] = nonce
        if response.status_code not in {httpx2.codes.BAD_REQUEST, httpx2.codes.UNAUTHORIZED}:
            return False
        return WANTED in response.text + response.headers.get("www-authenticate", "")


def base64url(octets: bytes) -> str:
    """Without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _origin(url: httpx2.URL) -> str:
    return f"{url.scheme}://{url.host}:{url.port}"
