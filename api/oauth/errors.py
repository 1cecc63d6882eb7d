"""Refusals of the protocol: JSON after RFC 6749 §5.2, and one line in the access log each."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

import msgspec
from litestar import Request, Response

from api import observing
from api.oauth import from_authlib
from api.running import Running
from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log
from vault import database as db
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived

STATUS: Final[Mapping[str, HTTPStatus]] = {"invalid_client": HTTPStatus.UNAUTHORIZED}
"""Every other error is a 400 (RFC 6749 §5.2, RFC 9449 §5 and §8)."""

CHALLENGE: Final = "use_dpop_nonce"
"""No refusal but a handshake (RFC 9449 §8): a programme's first request each few minutes."""

STRANGER: Final = "unregistered"
"""Whoever asked without being known; what they claimed to be is theirs, not our log's."""


class Logging(Protocol):
    """What it takes to log."""

    @property
    def tx(self) -> Transaction: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def short_lived(self) -> ShortLived: ...


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """No, in the protocol's words. A value: its log line must be committed."""

    error: str
    """The code the RFC gives it."""
    reason: str
    """Ours, for the log: more exact than the code."""
    description: str = ""
    """For whoever writes the client. Fixed text, never what was sent."""
    status: int = 0
    """Where it is not the one of the code."""
    needs: tuple[tuple[str, str], ...] = ()
    """What a challenge adds to the error, such as how lately to sign in (RFC 9470 §3)."""
    client_id: str = ""
    """The registered programme that it was, or claimed to be; empty where it is none."""

    @property
    def http_status(self) -> int:
        """The status of the answer."""
        return self.status or STATUS.get(self.error, HTTPStatus.BAD_REQUEST)


LINES: Final = 600
PER_SECONDS: Final = 60
"""Refusals of one programme, or of all strangers, that the access log takes in a minute."""

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""RFC 6749 §5.1."""


def respond(denied: Denied) -> Response[Any]:
    """The answer, as it leaves."""
    return Response(
        from_authlib.error_body(denied.error, denied.description),
        status_code=denied.http_status,
        headers=dict(NO_STORE),
    )


async def log(at_hand: Logging, denied: Denied, correlation: str) -> None:
    """One line: who, why, and the request it was. Commits with the answer.

    Whoever knocks a thousand times a minute is still answered and counted, but does not
    fill the log that citizens read.
    """
    if await _noted(at_hand.short_lived, denied, correlation):
        await access_log.record(at_hand.tx, at_hand.keyring, [_line(denied, correlation)])


async def log_alone(running: Running, denied: Denied, correlation: str) -> None:
    """The same, in a transaction of its own, where there is a line to write."""
    if await _noted(running.short_lived, denied, correlation):
        async with db.begin(running.database) as tx:
            await access_log.record(tx, running.keyring, [_line(denied, correlation)])


def correlation(request: Request[Any, Any, Any]) -> str:
    """What the answer and our logs call this request."""
    return observing.correlation(request.scope)


async def _noted(short_lived: ShortLived, denied: Denied, correlation: str) -> bool:
    """Note a refusal in our own log, and count it. Whether the access log takes a line of it."""
    observing.logger.info(
        "refused", reason=denied.reason, client=denied.client_id, correlation=correlation
    )
    rate = await short_lived.hit(f"refusals:{denied.client_id}", LINES, PER_SECONDS)
    return rate.allowed and denied.error != CHALLENGE


def _line(denied: Denied, correlation: str) -> Line:
    return Line(
        actor=Actor(kind=ActorKind.PROGRAMME, id=denied.client_id or STRANGER),
        action=Action.TOKEN,
        outcome=Outcome.REFUSED,
        reasons=(denied.reason,),
        detail=correlation,
    )
