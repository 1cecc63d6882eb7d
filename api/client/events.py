"""What Amana tells a programme: believed only if Amana signed it for this programme.

RFC 8417, OpenID Connect Back-Channel Logout 1.0.
"""

from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

EVENT: Final = "secevent+jwt"
LOGOUT: Final = "logout+jwt"
ALGORITHMS: Final = ["ES256"]


class ForgedEventError(ValueError):
    """Nobody who may tell us this told us this."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event."""

    iss: str
    aud: str
    iat: int
    jti: str
    """It may come twice: the second time is the same `jti`."""
    events: dict[str, dict[str, Any]]
    """What happened (`urn:amana:event:…`), with its facts."""
    sid: str = ""
    """The session that ended, of a logout token."""


def read_event(body: str, keys: KeySet, *, issuer: str, client_id: str) -> Event:
    """An event, from the body that was posted.

    Raises:
        ForgedEventError: it is not signed by one of these keys, not for this programme, or not
            one of the two kinds that there are.
    """
    token = body.removeprefix("logout_token=")
    try:
        signed = jws.deserialize_compact(token.encode(), keys, algorithms=ALGORITHMS)
        event = msgspec.json.decode(signed.payload, type=Event)
    except (JoseError, ValueError, msgspec.MsgspecError) as wrong:
        raise ForgedEventError("not a signed event of ours") from wrong
    if signed.headers().get("typ") not in {EVENT, LOGOUT}:
        raise ForgedEventError("another kind of token")
    if (event.iss, event.aud) != (issuer, client_id):
        raise ForgedEventError("from, or for, somebody else")
    return event
