"""ID tokens (OpenID Connect Core 1.0, section 2): that a citizen is here, to one programme.

Nothing in one joins two programmes: `sub` and `sid` are each programme's own, and the moment of
the sign-in, which is the same for all, is told only to who asks for it (`max_age`).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from api.oauth import access_tokens, jose
from api.oauth.calls import AtHand
from api.oauth.jose import Jws
from api.oauth.jwk import Key
from api.oauth.keys import ALGS
from identity import subjects
from identity.codes import AuthorizationCode
from policies import stepping_up
from vault import signing

SCOPE: Final = "openid"
TYP: Final = "JWT"
LIFE: Final = timedelta(minutes=5)
"""It is read on arrival; as a hint it is good also after."""
AMR: Final = {
    stepping_up.TWO_FACTORS: ("pwd", "mfa"),
    stepping_up.PHISHING_RESISTANT: ("pop", "user", "mfa"),
}
"""RFC 8176: a password and a second factor; or a key, and a finger or a PIN at its device."""


class IdToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Its claims."""

    iss: str
    sub: str
    """The person's pairwise identifier, the one of the access token."""
    aud: str
    iat: int
    exp: int
    sid: str
    """The session, as this programme alone knows it."""
    amr: tuple[str, ...]
    acr: str | None = None
    nonce: str | None = None
    auth_time: int | None = None


async def issue(at_hand: AtHand, code: AuthorizationCode) -> str:
    """The ID token of a code that was made for a request with `openid`."""
    authorized = code.authorized
    dated = authorized.auth_time if code.auth_time_asked else None
    (subject,) = await subjects.of(at_hand.tx, at_hand.keyring, at_hand.catalogue, [authorized])
    claims = IdToken(
        iss=at_hand.settings.issuer,
        sub=subject,
        aud=authorized.client_id,
        iat=int(at_hand.tx.now.timestamp()),
        exp=int((at_hand.tx.now + LIFE).timestamp()),
        sid=code.sid or "",
        amr=AMR[authorized.acr or stepping_up.TWO_FACTORS],
        acr=authorized.acr,
        nonce=code.nonce,
        auth_time=None if dated is None else int(dated.timestamp()),
    )
    key = await signing.active(at_hand.tx, at_hand.keyring, "token")
    return access_tokens.signed(key, claims, TYP)


def hint(token: str, keys: Sequence[Key], issuer: str) -> IdToken | None:
    """What an ID token of ours says that comes back as a hint, expired or not; else None."""
    jws = jose.verify(token, keys, ALGS, (TYP,))
    claims = jws.claims(IdToken) if isinstance(jws, Jws) else None
    return claims if claims is not None and claims.iss == issuer else None
