"""Signed introspection (RFC 9701): the answer as a JWT that its reader can keep and show."""

from typing import Final

import msgspec
from litestar import Response

from api.oauth import access_tokens, keys
from api.oauth.calls import Call
from api.oauth.errors import NO_STORE
from api.running import Running

TYP: Final = "token-introspection+jwt"
MEDIA_TYPE: Final = f"application/{TYP}"
ALGS: Final = keys.ALGS
"""It is signed with the same keys as access tokens; `typ` keeps the two apart (§8.1)."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9701 §5: neither `sub` nor `exp` is here, so that nothing takes it for a token."""

    iss: str
    aud: str
    """The programme that asked."""
    iat: int
    token_introspection: msgspec.Raw


def is_wanted(accept: str) -> bool:
    """Whether an Accept header asks for it (§4)."""
    if "jwt" not in accept.lower():
        return False
    ranges = (each.strip().lower() for each in accept.split(","))
    return any(each.partition(";")[0].rstrip() == MEDIA_TYPE for each in ranges)


async def answer(running: Running, call: Call, said: msgspec.Struct) -> Response[str]:
    """What is said of a token, signed for who asked."""
    key = await keys.signing_with(running.database, running.keyring)
    claims = Claims(
        iss=running.settings.issuer,
        aud=call.client.client_id,
        iat=int(call.at.timestamp()),
        token_introspection=msgspec.Raw(msgspec.json.encode(said)),
    )
    signed = access_tokens.signed(key, claims, TYP)
    return Response(signed, status_code=200, media_type=MEDIA_TYPE, headers=dict(NO_STORE))
