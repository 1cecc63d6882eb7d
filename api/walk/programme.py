"""A programme: Authlib's HTTP client, private_key_jwt, and DPoP proofs of its own.

Authlib's client knows no DPoP yet; it is taught here, through its own two hooks (how the
client authenticates, how a token is shown). Authlib has no types: its `Any` ends here.
"""

import base64
import json
import secrets
import time
from collections.abc import Generator
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.httpx_client.oauth2_client import OAuth2Auth, OAuth2ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey

from api.walk.telling import Teller, expect

ASSERTION_SECONDS: Final = 60
NONCE_WANTED: Final = "use_dpop_nonce"

Flow = Generator[httpx2.Request, httpx2.Response, None]


class Dpop:
    """A key of the programme's own, and proofs that it holds it (RFC 9449)."""

    def __init__(self) -> None:
        """Make the key; no server has given a nonce yet."""
        self._key = ECKey.generate_key("P-256")
        self._nonces: dict[str, str] = {}

    def prove(self, request: httpx2.Request, token: str | None = None) -> None:
        """Put a proof on a request; with the token it is for, if any."""
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": request.method,
            "htu": str(request.url.copy_with(query=None, fragment=None)),
            # The walk is a client: its machine's clock, not the service's.
            "iat": int(time.time()),  # noqa: TID251
        }
        if nonce := self._nonces.get(request.url.host + str(request.url.port)):
            claims["nonce"] = nonce
        if token is not None:
            claims["ath"] = _b64(sha256(token.encode()).digest())
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self._key.as_dict(private=False)}
        request.headers["DPoP"] = jwt.encode(header, claims, self._key)

    def wanted(self, response: httpx2.Response) -> bool:
        """Remember a nonce; whether the server refused for want of it (RFC 9449 §8)."""
        if nonce := response.headers.get("dpop-nonce"):
            self._nonces[response.url.host + str(response.url.port)] = nonce
        if response.status_code not in {httpx2.codes.BAD_REQUEST, httpx2.codes.UNAUTHORIZED}:
            return False
        response.read()
        return NONCE_WANTED in response.text + response.headers.get("www-authenticate", "")


class _Assertion(PrivateKeyJWT):  # type: ignore[misc]  # Authlib has no types
    """private_key_jwt as FAPI 2.0 wants it: the issuer as audience, a minute of life."""

    def __init__(self, key: ECKey, issuer: str) -> None:
        super().__init__(token_endpoint=issuer, alg="ES256")
        self._key = key

    def sign(self, auth: Any, token_endpoint: str) -> str:
        signed: str = private_key_jwt_sign(
            self._key,
            client_id=auth.client_id,
            token_endpoint=token_endpoint,
            alg=self.alg,
            header={"kid": self._key.kid},
            expires_in=ASSERTION_SECONDS,
        )
        return signed


class Programme(OAuth2Client):  # type: ignore[misc]  # Authlib has no types
    """One programme and its session with the authorization server."""

    def __init__(self, origin: str, client_id: str, key: dict[str, Any], teller: Teller) -> None:
        """Read the server's metadata (RFC 8414)."""
        self.dpop = dpop = Dpop()

        class ClientAuth(OAuth2ClientAuth):  # type: ignore[misc]  # Authlib has no types
            def auth_flow(self, request: httpx2.Request) -> Flow:
                # A new assertion each time: its jti is good for one request.
                yield from _proven(dpop, lambda: next(OAuth2ClientAuth.auth_flow(self, request)))

        class TokenAuth(OAuth2Auth):  # type: ignore[misc]  # Authlib has no types
            def auth_flow(self, request: httpx2.Request) -> Flow:
                token = self.token["access_token"]
                request.headers["Authorization"] = f"DPoP {token}"
                yield from _proven(dpop, lambda: request, token)

        self.client_auth_class, self.token_auth_class = ClientAuth, TokenAuth
        private = ECKey.import_key(key)
        super().__init__(
            client_id,
            client_secret=private,
            token_endpoint_auth_method="private_key_jwt",  # noqa: S106  (a method's name)
            event_hooks=teller.hooks(),
            timeout=30,
            trust_env=False,
        )
        self.server = _metadata(self, origin)
        self.issuer = str(self.server["issuer"])
        self.register_client_auth_method(_Assertion(private, self.issuer))

    def authenticate(self, details: list[dict[str, Any]]) -> dict[str, Any]:
        """A token in the programme's own name (client_credentials), for these details."""
        token: dict[str, Any] = self.fetch_token(
            self.server["token_endpoint"],
            grant_type="client_credentials",
            authorization_details=json.dumps(details),
        )
        return token

    def push(self, details: list[dict[str, Any]], redirect_uri: str) -> tuple[str, str, str]:
        """Push an authorization request (RFC 9126): where to send the person, state, verifier."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        pushed = self.post(
            self.server["pushed_authorization_request_endpoint"],
            data={
                "client_id": self.client_id,
                "response_type": "code",
                "redirect_uri": redirect_uri,
                "state": state,
                "code_challenge": create_s256_code_challenge(verifier),
                "code_challenge_method": "S256",
                "authorization_details": json.dumps(details),
            },
            auth=self.client_auth("private_key_jwt"),
        )
        expect(pushed.status_code == httpx2.codes.CREATED, "201 and a request_uri", pushed.text)
        query = httpx2.QueryParams(
            client_id=self.client_id, request_uri=pushed.json()["request_uri"]
        )
        return f"{self.server['authorization_endpoint']}?{query}", state, verifier

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """Exchange a code for tokens."""
        token: dict[str, Any] = self.fetch_token(
            self.server["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
        )
        return token

    def ask(self, path: str, question: dict[str, Any]) -> httpx2.Response:
        """Ask the resource API with the token at hand; the question is sent as JSON."""
        answer: httpx2.Response = self.post(f"{self.issuer}{path}", json=question)
        return answer


def _proven(dpop: Dpop, request: Any, token: str | None = None) -> Flow:
    """Send with a proof; once more with the nonce if the server asks for one."""
    for _ in range(2):
        asked = request()
        dpop.prove(asked, token)
        response = yield asked
        if not dpop.wanted(response):
            return


def _metadata(client: Any, origin: str) -> dict[str, Any]:
    issuer = origin.rstrip("/")
    address = f"{issuer}/.well-known/oauth-authorization-server"
    found = client.request("GET", address, withhold_token=True)
    expect(found.status_code == httpx2.codes.OK, "the server's metadata", found.status_code)
    metadata: dict[str, Any] = found.json()
    same = urlsplit(str(metadata.get("issuer"))) == urlsplit(issuer)
    expect(same, f"the issuer {issuer} (RFC 8414 §3.3)", metadata.get("issuer"))
    return metadata


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
