"""One programme at one Amana: Authlib's client, taught DPoP and PAR, and the resource API.

Authlib has no types: its `Any` ends here.
"""

import json
import math
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.httpx_client.oauth2_client import OAuth2ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import ECKey, KeySet

from api.client.dpop import Dpop, Flow
from api.client.events import Event, ForgedEventError, read_event
from api.client.shapes import (
    Asking,
    Disclosure,
    Eligibility,
    Pushed,
    Subject,
    Token,
    Verification,
)

ASSERTION_SECONDS: Final = 60
TIMEOUT_SECONDS: Final = 30.0
KEYS_SECONDS: Final = 60.0
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"
_Answer = TypeVar("_Answer")
Hooks = Mapping[str, list[Callable[..., Any]]]


class RefusedError(Exception):
    """The resource API said no: a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        """Take the answer."""
        self.status = status
        self.type = str(problem.get("type", "about:blank"))
        self.problem = dict(problem)
        super().__init__(f"{status} {self.type} {problem.get('detail', '')}".strip())


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


class _Holder(httpx2.Auth):
    """Shows a token, with the proof that it is ours."""

    requires_response_body = True

    def __init__(self, dpop: Dpop, token: Token) -> None:
        self._dpop = dpop
        self._token = token.access_token

    def auth_flow(self, request: httpx2.Request) -> Flow:
        request.headers["Authorization"] = f"DPoP {self._token}"
        yield from self._dpop.proven(lambda: request, self._token)


class Programme:
    """One programme and what it may ask. Close it, or use it as a context manager."""

    def __init__(self, http: Any, server: Mapping[str, Any], dpop: Dpop) -> None:
        """Take what `at` made."""
        self._http = http
        self._dpop = dpop
        self._keys = KeySet([])
        self._keys_read = -math.inf
        self.server = server
        """The server's metadata (RFC 8414)."""

    @classmethod
    async def at(
        cls, issuer: str, client_id: str, key: Mapping[str, Any], hooks: Hooks | None = None
    ) -> Self:
        """Read the server's metadata.

        Args:
            issuer: its issuer identifier, exactly.
            client_id: the programme's.
            key: a private JWK (P-256) with the `kid` that the programme registered.
            hooks: event hooks of the HTTP client, to watch or count.

        Raises:
            ValueError: the server calls itself something else (RFC 8414 §3.3).
            httpx2.HTTPError: nobody answers.
        """
        dpop, private = Dpop(), ECKey.import_key(dict(key))

        class ClientAuth(OAuth2ClientAuth):  # type: ignore[misc]  # Authlib has no types
            requires_response_body = True

            def auth_flow(self, request: httpx2.Request) -> Flow:
                # A new assertion each time: its jti is good for one request.
                yield from dpop.proven(lambda: next(OAuth2ClientAuth.auth_flow(self, request)))

        http = AsyncOAuth2Client(
            client_id,
            client_secret=private,
            token_endpoint_auth_method="private_key_jwt",  # noqa: S106  (a method's name)
            event_hooks=dict(hooks or {}),
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
        http.client_auth_class = ClientAuth
        try:
            server = await _metadata(http, issuer)
        except BaseException:
            await http.aclose()
            raise
        http.register_client_auth_method(_Assertion(private, issuer))
        return cls(http, server, dpop)

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    @property
    def issuer(self) -> str:
        """The server's issuer identifier."""
        return str(self.server["issuer"])

    async def by_law(self, asking: Asking) -> Token:
        """A token in the programme's own name, under a law (client_credentials).

        Raises:
            OAuthError: it is not to be had; `error` is the code.
        """
        return await self._token(
            grant_type="client_credentials", authorization_details=json.dumps(asking.details)
        )

    async def push(self, asking: Asking, redirect_uri: str, **more: str) -> Pushed:
        """Push an authorization request (RFC 9126): send the person's browser to its address.

        `more` are further parameters, such as `scope="openid"` or `max_age="300"`.

        Raises:
            OAuthError: the request was refused.
        """
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        form = {
            "client_id": self._http.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            "authorization_details": json.dumps(asking.details),
        }
        pushed = await self._form("pushed_authorization_request_endpoint", form | more)
        query = httpx2.QueryParams(
            client_id=self._http.client_id, request_uri=pushed["request_uri"]
        )
        address = f"{self.server['authorization_endpoint']}?{query}"
        return Pushed(address=address, state=state, verifier=verifier, redirect_uri=redirect_uri)

    async def redeem(self, pushed: Pushed, answered: str) -> Token:
        """The token of a person's answer: `answered` is the whole address they came back to.

        Raises:
            OAuthError: they refused, or the code is not good.
            ValueError: it is no answer to this request, or another server's (RFC 9207).
        """
        base, _, query = answered.partition("?")
        said = {name: values[0] for name, values in parse_qs(query).items()}
        if base != pushed.redirect_uri or said.get("state") != pushed.state:
            raise ValueError("no answer to this request")
        if said.get("iss") != self.issuer:
            raise ValueError("another server's answer (RFC 9207)")
        if "error" in said:
            raise OAuthError(said["error"], said.get("error_description"))
        return await self._token(
            grant_type="authorization_code",
            code=said["code"],
            code_verifier=pushed.verifier,
            redirect_uri=pushed.redirect_uri,
        )

    async def refresh(self, token: Token) -> Token:
        """A new access token; the refresh token stays as it is.

        Raises:
            OAuthError: the consent ended, or the token did.
        """
        again = await self._token(grant_type="refresh_token", refresh_token=token.refresh_token)
        return msgspec.structs.replace(again, refresh_token=token.refresh_token)

    async def introspect(self, token: str) -> dict[str, Any]:
        """What a token of one's own is worth now (RFC 7662)."""
        return await self._form("introspection_endpoint", {"token": token})

    async def revoke(self, token: str) -> None:
        """Give a token back (RFC 7009)."""
        await self._form("revocation_endpoint", {"token": token})

    async def verify(
        self,
        token: Token,
        claims: Mapping[str, str],
        *,
        subject: Subject | None = None,
        case_reference: str | None = None,
    ) -> Verification:
        """Is this person who they say they are? `subject` is left out with a person's token.

        Raises:
            RefusedError: it was not answered.
        """
        question = {"claims": dict(claims)} | _about(subject, case_reference)
        return await self._ask(token, "/v1/verifications", question, Verification)

    async def eligibility(
        self, token: Token, *, subject: Subject | None = None, case_reference: str | None = None
    ) -> Eligibility:
        """Is the programme's aid open to this person?

        Raises:
            RefusedError: it was not answered.
        """
        question = _about(subject, case_reference)
        return await self._ask(token, "/v1/eligibility", question, Eligibility)

    async def disclose(
        self,
        token: Token,
        attributes: Mapping[str, str],
        *,
        subject: Subject | None = None,
        case_reference: str | None = None,
    ) -> Disclosure:
        """Some attributes of this person, each in a form.

        Raises:
            RefusedError: it was not answered.
        """
        question = {"attributes": dict(attributes)} | _about(subject, case_reference)
        return await self._ask(token, "/v1/disclosures", question, Disclosure)

    async def ask(self, token: Token, path: str, question: Mapping[str, Any]) -> httpx2.Response:
        """Ask the resource API; the answer as it came."""
        answer: httpx2.Response = await self._http.request(
            "POST",
            f"{self.issuer}{path}",
            json=dict(question),
            auth=_Holder(self._dpop, token),
            withhold_token=True,
        )
        return answer

    async def event(self, body: str) -> Event:
        """What Amana posted to the programme's address, if it was Amana.

        Its keys are read anew where these did not sign it, at most once in `KEYS_SECONDS`.

        Raises:
            ForgedEventError: it was not.
            httpx2.HTTPError: the keys are not to be had.
        """
        try:
            return self._event(body)
        except ForgedEventError:
            if time.monotonic() - self._keys_read < KEYS_SECONDS:
                raise
        self._keys_read = time.monotonic()
        published = await self._http.request("GET", self.server["jwks_uri"], withhold_token=True)
        self._keys = KeySet.import_key_set(published.raise_for_status().json())
        return self._event(body)

    def _event(self, body: str) -> Event:
        client_id = str(self._http.client_id)
        return read_event(body, self._keys, issuer=self.issuer, client_id=client_id)

    async def _ask(
        self, token: Token, path: str, question: Mapping[str, Any], shape: type[_Answer]
    ) -> _Answer:
        answer = await self.ask(token, path, question)
        if answer.is_success:
            return msgspec.json.decode(answer.content, type=shape)
        try:
            problem = msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.DecodeError:
            problem = {}
        raise RefusedError(answer.status_code, problem)

    async def _token(self, **form: str) -> Token:
        said = await self._form("token_endpoint", form)
        return msgspec.convert(said, Token)

    async def _form(self, endpoint: str, form: Mapping[str, str]) -> dict[str, Any]:
        answer = await self._http.request(
            "POST",
            self.server[endpoint],
            data=dict(form),
            auth=self._http.client_auth("private_key_jwt"),
            withhold_token=True,
        )
        said: dict[str, Any] = answer.json() if answer.content else {}
        if not answer.is_success:
            raise OAuthError(said.get("error"), said.get("error_description"))
        return said


async def _metadata(http: Any, issuer: str) -> dict[str, Any]:
    found = await http.request("GET", f"{issuer}{WELL_KNOWN}", withhold_token=True)
    metadata: dict[str, Any] = found.raise_for_status().json()
    if metadata.get("issuer") != issuer:
        raise ValueError(f"the server is not {urlsplit(issuer).netloc} (RFC 8414 §3.3)")
    return metadata


def _about(subject: Subject | None, case_reference: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if subject is not None:
        told["subject"] = msgspec.to_builtins(subject)
    if case_reference is not None:
        told["case_reference"] = case_reference
    return told
