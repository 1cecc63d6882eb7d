"""Access tokens (RFC 9068): signed by us, bound to a key or certificate, and read anew when used.

The signature says that we made it and for which holder; the row behind its `jti` says whether
it still opens anything.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from api.oauth import details, jose
from api.oauth.bindings import Confirmation
from api.oauth.calls import AtHand
from api.oauth.details import Disclosure
from api.oauth.jose import Jws
from api.oauth.jwk import Alg, Key
from api.oauth.strict_json import base64url
from identity import tokens
from identity.registry import pseudonyms
from identity.tokens import AccessToken, Authorized
from vault import signing
from vault.signing import SigningKey

TYP: Final = "at+jwt"
ALGS: Final[tuple[Alg, ...]] = ("ES256",)
"""What `vault.signing` signs tokens with."""
JTI_OCTETS: Final = 20


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9068 §2.2, with RFC 9396 §9.1."""

    iss: str
    aud: str
    sub: str
    """The person's pairwise identifier; the programme's own id where it acts under a law."""
    client_id: str
    iat: int
    exp: int
    jti: str
    cnf: Confirmation
    authorization_details: list[Disclosure]
    acr: str | None = None
    scope: str | None = None
    # No `auth_time`: to the second it is one person's, and the same at every programme.


def resource(issuer: str) -> str:
    """What tokens that ask about people are for (RFC 8707, 9728)."""
    return f"{issuer}/v1"


def grants_resource(issuer: str) -> str:
    """What tokens that see to a programme's own grants are for, and nothing else is."""
    return f"{issuer}/oauth/grants"


def audience(issuer: str, authorized: Authorized) -> str:
    """Which of the two a token is for."""
    return grants_resource(issuer) if authorized.scope else resource(issuer)


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """An access token and the row that stands for it."""

    token: str
    row: AccessToken


async def issue(
    at_hand: AtHand, authorized: Authorized, binding: Confirmation, family: UUID | None = None
) -> Issued:
    """Make a token: its row in this transaction, its text for the answer."""
    jti = secrets.token_urlsafe(JTI_OCTETS)
    row = await tokens.issue_access(
        at_hand.tx, authorized, jti=jti, jkt=binding.thumbprint, family=family
    )
    key = await signing.active(at_hand.tx, at_hand.keyring, "token")
    issuer, sub = at_hand.settings.issuer, await subject_of(at_hand, authorized)
    claims = _claims(issuer, sub, jti, row, binding)
    return Issued(token=signed(key, claims, TYP), row=row)


def verify(
    token: str, keys: Sequence[Key], issuer: str, now: datetime, *, audiences: Collection[str] = ()
) -> Claims | None:
    """What an access token of ours says; None if it is not one, not for here or expired.

    Whether it was revoked, its row says. Without `audiences` it must be for what people's data
    is asked with.
    """
    jws = jose.verify(token, keys, ALGS, (TYP,))
    claims = jws.claims(Claims) if isinstance(jws, Jws) else None
    wanted = audiences or (resource(issuer),)
    if claims is None or claims.iss != issuer or claims.aud not in wanted:
        return None
    return claims if now.timestamp() < claims.exp else None


def signed(key: SigningKey, claims: msgspec.Struct, typ: str) -> str:
    """A JWT of ours, of a kind that its `typ` names."""
    header = {"alg": key.alg, "kid": key.kid, "typ": typ}
    said = ".".join(base64url(msgspec.json.encode(part)) for part in (header, claims))
    return f"{said}.{base64url(key.sign(said.encode()))}"


async def subject_of(at_hand: AtHand, authorized: Authorized) -> str:
    """Whom a token is about, as its programme knows them; the programme itself under a law."""
    if authorized.subject is None:
        return authorized.client_id
    issued = await pseudonyms.pairwise(
        at_hand.tx,
        at_hand.keyring,
        at_hand.catalogue.audience(authorized.client_id),
        [authorized.subject],
    )
    return issued[authorized.subject]


def _claims(issuer: str, sub: str, jti: str, row: AccessToken, binding: Confirmation) -> Claims:
    authorized = row.authorized
    return Claims(
        iss=issuer,
        aud=audience(issuer, authorized),
        sub=sub,
        client_id=authorized.client_id,
        iat=int(row.issued_at.timestamp()),
        exp=int(row.expires_at.timestamp()),
        jti=jti,
        cnf=binding,
        authorization_details=details.of(authorized),
        acr=authorized.acr,
        scope=" ".join(authorized.scope) or None,
    )
