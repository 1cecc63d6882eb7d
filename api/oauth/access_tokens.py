"""Access tokens (RFC 9068): signed by us, bound to a key or certificate, and read anew when used.

The signature says that we made it and for which holder; the row behind its `jti` says whether
it still opens anything.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from api.oauth import details
from api.oauth.bindings import Confirmation
from api.oauth.details import Disclosure
from api.oauth.jose import Jws
from api.oauth.keys import TYP
from api.oauth.strict_json import base64url
from identity.doors import issuing
from identity.doors.issuing import Issued
from identity.tokens import Authorized
from vault.signing import SigningKey

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


def wanted(
    authorized: Authorized, binding: Confirmation, family: UUID | None = None
) -> issuing.Question:
    """A token that is to be, under a name nobody can guess."""
    jti = secrets.token_urlsafe(JTI_OCTETS)
    return issuing.Question(authorized=authorized, jti=jti, jkt=binding.thumbprint, family=family)


def text(
    key: SigningKey, issuer: str, asked: issuing.Question, issued: Issued, binding: Confirmation
) -> str:
    """A token that was issued, as its holder gets it."""
    authorized = issued.row.authorized
    claims = Claims(
        iss=issuer,
        aud=audience(issuer, authorized),
        sub=issued.subject,
        client_id=authorized.client_id,
        iat=int(issued.row.issued_at.timestamp()),
        exp=int(issued.row.expires_at.timestamp()),
        jti=asked.jti,
        cnf=binding,
        authorization_details=details.of(authorized),
        acr=authorized.acr,
        scope=" ".join(authorized.scope) or None,
    )
    return signed(key, claims, TYP)


def read(
    verified: Jws | None, issuer: str, now: datetime, *, audiences: Collection[str] = ()
) -> Claims | None:
    """What an access token of ours says; None if it is not one, not for here or expired.

    Whether it was revoked, its row says. Without `audiences` it must be for what people's data
    is asked with.

    Args:
        verified: by `TokenKeys.verified`.
        issuer: ours.
        now: when it was shown.
        audiences: what it may be for.
    """
    claims = verified.claims(Claims) if verified else None
    wanted = audiences or (resource(issuer),)
    if claims is None or claims.iss != issuer or claims.aud not in wanted:
        return None
    return claims if now.timestamp() < claims.exp else None


def signed(key: SigningKey, claims: msgspec.Struct, typ: str) -> str:
    """A JWT of ours, of a kind that its `typ` names."""
    header = {"alg": key.alg, "kid": key.kid, "typ": typ}
    said = ".".join(base64url(msgspec.json.encode(part)) for part in (header, claims))
    return f"{said}.{base64url(key.sign(said.encode()))}"
