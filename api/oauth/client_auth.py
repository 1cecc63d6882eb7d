"""How a programme says who it is: private_key_jwt (RFC 7523) or mutual TLS (RFC 8705).

FAPI 2.0 §5.3.1.1; each programme by the one way it is registered for.

To a stranger every failure looks the same, in body and in time; our log has the reason.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from api import client_sets
from api.oauth import certificates, jose, jwk
from api.oauth.certificates import Presented
from api.oauth.errors import Denied
from api.oauth.jose import Bad, Jws, Parts
from api.oauth.jwk import Alg, Key
from api.oauth.parameters import Parameters
from api.running import Running
from identity.programmes import AuthMethod, Client

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES: Final = (None, "JWT", "client-authentication+jwt")
"""RFC 7523 asks for none; draft-ietf-oauth-rfc7523bis gives it a name."""
LIFE_SECONDS: Final = 300
"""Longest time an assertion may still be good for: as long as we remember its `jti`."""
AHEAD_SECONDS: Final = 30
"""FAPI 2.0 §5.3.2.1: accept 10 s ahead, refuse 60 s."""
JTI_CHARACTERS: Final = 256
_CLIENT_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")

DECOY: Final = {
    "kty": "EC",
    "crv": "P-256",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}
"""The base point of P-256, to verify with where there is no client: for the time it takes."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 7523 §3."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    jti: str
    iat: int | float | None = None
    nbf: int | float | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """Who an assertion says it is from, before anything is known of it."""

    sub: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request may say who asks."""

    parameters: Parameters
    authorization: str | None
    """Its Authorization header: another method, which we do not take."""
    certificate: Presented | None
    at: datetime
    """When it came."""


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """A programme that has shown who it is, but for whether its assertion was seen before."""

    client: Client
    jti: str | None
    """None where it was a certificate that said so."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Who a request says it is from, and by what."""

    name: str
    by: Parts | Bad | Presented
    """An assertion, or the certificate of the connection."""


async def identify(running: Running, shown: Shown, *, anew: bool = False) -> Identified | Denied:
    """Which programme asks, by its assertion or its certificate.

    By what is known of it here, first: what then acts for it checks that it still is so. Nobody
    is refused by what is known alone, and with `anew` it is not looked at.
    """
    said = _said(shown)
    if isinstance(said, Denied):
        return said
    if not anew:
        who = _judged(running, shown, said, running.doors.known(said.name))
        if isinstance(who, Identified):
            return who
    # Whatever the name, for the time.
    client = await running.doors.programme(said.name)
    who = _judged(running, shown, said, client)
    if isinstance(who, Denied) and who.reason == Bad.KEY and client and client.jwks_uri:
        await client_sets.ask(running.short_lived, client.client_id)
    return who


def _said(shown: Shown) -> Said | Denied:
    given = _assertion(shown) or shown.certificate
    if given is None:
        return failed("client-auth-missing")
    if isinstance(given, Denied):
        return given
    by = jose.split(given) if isinstance(given, str) else given
    name = _claimed(shown, by) or ""
    return Said(name=name if _CLIENT_ID.fullmatch(name) else "?", by=by)


def _claimed(shown: Shown, by: Parts | Bad | Presented) -> str | None:
    """The name, before anything is known of it."""
    if isinstance(by, Presented):
        return shown.parameters.get("client_id")
    claimed = by.payload.claims(Claimed) if isinstance(by, Parts) else None
    return claimed.sub if claimed else None


def _judged(
    running: Running, shown: Shown, said: Said, client: Client | None
) -> Identified | Denied:
    if isinstance(said.by, Presented):
        return _by_certificate(running, shown, said.by, client)
    return _by_assertion(running, shown, said.by, client)


def _by_certificate(
    running: Running, shown: Shown, certificate: Presented, client: Client | None
) -> Identified | Denied:
    """Whether it is this programme, by the certificate of its connection (RFC 8705 §2)."""
    reason = next(certificates.wrong(certificate, client, running.settings, shown.at), None)
    if client is None or reason is not None:
        return failed(reason or "client-unknown")
    if not client.active:
        return failed("client-suspended", client)
    return Identified(client=client, jti=None)


def _by_assertion(
    running: Running, shown: Shown, assertion: Parts | Bad, client: Client | None
) -> Identified | Denied:
    """Whether it is this programme, by the assertion it signed (RFC 7523)."""
    if client is not None and client.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        client = None
    # What is verified for nobody is thrown away: see DECOY.
    jws = jose.verify(assertion, _keys(client, shown.at), (_alg(client),), TYPES)
    if client is None:
        return failed("client-unknown")
    if not isinstance(jws, Jws):
        # Whose name it bears is a claim until its signature holds: nobody is blamed for it.
        return failed(jws.value)
    claims = jws.claims(Claims)
    if claims is None:
        return failed("assertion-claims", client)
    for reason, met in _checks(claims, client, shown, running.settings.issuer):
        if not met:
            return failed(reason, client)
    return Identified(client=client, jti=claims.jti)


def mark(identified: Identified) -> tuple[str, float] | None:
    """What an assertion is remembered by once it was used, at whichever endpoint, and how long."""
    if identified.jti is None:
        return None
    named = f"{identified.client.client_id}.{identified.jti}"
    return f"assertion:{hashlib.sha256(named.encode()).hexdigest()}", LIFE_SECONDS


def failed(reason: str, client: Client | None = None) -> Denied:
    """The one answer to whoever has not shown who they are."""
    return Denied(
        error="invalid_client",
        reason=reason,
        description="client authentication failed",
        client_id=client.client_id if client else "",
    )


def _assertion(shown: Shown) -> str | Denied | None:
    """The assertion, where it is the one thing that says who asks; None where nothing else does."""
    assertion = shown.parameters.get("client_assertion")
    kind = shown.parameters.get("client_assertion_type")
    others = [shown.authorization, shown.parameters.get("client_secret")]
    methods = [each for each in (*others, assertion or kind) if each is not None]
    if len(methods) > 1:
        return Denied(
            error="invalid_request",
            reason="client-auth-several",
            description="authenticate by one method",
        )
    if methods and (assertion is None or kind != ASSERTION_TYPE):
        return failed("client-auth-method")
    return assertion


def _checks(
    claims: Claims, client: Client, shown: Shown, issuer: str
) -> Iterator[tuple[str, bool]]:
    """Each thing that must hold, and why it is refused where it does not. The issuer is ours."""
    at = shown.at.timestamp()
    yield "assertion-issuer", claims.iss == claims.sub == client.client_id
    yield "client-id", shown.parameters.get("client_id") in {None, client.client_id}
    # A string and this string: an audience of several could be another server's to replay.
    yield "assertion-audience", claims.aud == issuer
    yield "assertion-expired", at < claims.exp
    yield "assertion-too-long", claims.exp <= at + LIFE_SECONDS
    yield "assertion-early", max(claims.iat or 0, claims.nbf or 0) <= at + AHEAD_SECONDS
    yield "assertion-jti", 0 < len(claims.jti) <= JTI_CHARACTERS
    yield "client-suspended", client.active


def _keys(client: Client | None, now: datetime) -> tuple[Key, ...]:
    return jwk.read_set(client.keys(now) if client else {"keys": [DECOY]})


def _alg(client: Client | None) -> Alg:
    return client.alg if client else "ES256"
