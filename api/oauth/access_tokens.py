"""Access tokens (RFC 9068): signed by us, bound to a key or certificate, and read anew when used.

The signature says that we made it, for which holder and what for; nothing else is kept of it. The
store says whether it was given back, and whether what it rests on still stands.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from api.oauth import details
from api.oauth.bindings import Confirmation
from api.oauth.details import Disclosure
from api.oauth.jose import Jws
from api.oauth.keys import TYP
from api.oauth.strict_json import base64url
from identity.tokens import AccessToken, Authorized
from policies.vocabulary import AgreementId, ProgrammeId, PurposeId
from vault.signing import SigningKey


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9068 §2.2, with RFC 9396 §9.1."""

    iss: str
    aud: str
    sub: str
    """The person's pairwise identifier; the programme's own id where it acts under a law."""
    client_id: ProgrammeId
    iat: int
    exp: int
    jti: str
    cnf: Confirmation
    authorization_details: list[Disclosure]
    acr: str | None = None
    scope: str | None = None
    family: UUID | None = None
    """The authorization that it came of, by a name of ours that is no other programme's."""
    # No `auth_time`: to the second it is one person's, and the same at every programme.

    @property
    def token(self) -> AccessToken:
        """The token, as far as it says itself what it is for."""
        details_ = self.authorization_details[0] if self.authorization_details else None
        return AccessToken(
            jti=self.jti,
            authorized=Authorized(
                client_id=self.client_id,
                agreement=details_.agreement if details_ else AgreementId(""),
                purpose=details_.purpose if details_ else PurposeId(""),
                attributes=details_.attributes if details_ else {},
                scope=tuple(self.scope.split(" ")) if self.scope else (),
            ),
            family=self.family,
            issued_at=datetime.fromtimestamp(self.iat, UTC),
            expires_at=datetime.fromtimestamp(self.exp, UTC),
        )


def resource(issuer: str) -> str:
    """What tokens that ask about people are for (RFC 8707, 9728)."""
    return f"{issuer}/v1"


def grants_resource(issuer: str) -> str:
    """What tokens that see to a programme's own grants are for, and nothing else is."""
    return f"{issuer}/oauth/grants"


def every_resource(issuer: str) -> tuple[str, str]:
    """What any access token of ours may be for."""
    return resource(issuer), grants_resource(issuer)


def audience(issuer: str, authorized: Authorized) -> str:
    """Which of the two a token is for."""
    return grants_resource(issuer) if authorized.scope else resource(issuer)


def text(
    key: SigningKey, issuer: str, token: AccessToken, subject: str, binding: Confirmation
) -> str:
    """A token as its holder gets it. `subject` is whom it is about, by the name of `Claims.sub`."""
    authorized = token.authorized
    claims = Claims(
        iss=issuer,
        aud=audience(issuer, authorized),
        sub=subject,
        client_id=authorized.client_id,
        iat=int(token.issued_at.timestamp()),
        exp=int(token.expires_at.timestamp()),
        jti=token.jti,
        cnf=binding,
        authorization_details=details.of(authorized),
        acr=authorized.acr,
        scope=" ".join(authorized.scope) or None,
        family=token.family,
    )
    return signed(key, claims, TYP)


def read(
    verified: Jws | None, issuer: str, now: datetime, *, audiences: Collection[str] = ()
) -> Claims | None:
    """What an access token of ours says; None if it is not one, not for here or expired.

    Whether it still opens anything, `tokens.read` says. Without `audiences` it must be for what
    people's data is asked with.

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
    if claims.sub != claims.client_id and claims.family is None:
        return None  # a person's token rests on what they authorized
    return claims if now.timestamp() < claims.exp else None


def signed(key: SigningKey, claims: msgspec.Struct, typ: str) -> str:
    """A JWT of ours, of a kind that its `typ` names."""
    header = {"alg": key.alg, "kid": key.kid, "typ": typ}
    said = ".".join(base64url(msgspec.json.encode(part)) for part in (header, claims))
    return f"{said}.{base64url(key.sign(said.encode()))}"
