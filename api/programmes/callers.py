"""Who is calling: a token of ours, and proof of what it is bound to (RFC 9449 §7, RFC 8705 §3).

Nothing of it touches the store but the one-use mark of the proof: whether the token still
opens anything is read with the answer, in one transaction.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response

from api import problems
from api.oauth import access_tokens, certificates, dpop, errors
from api.oauth.access_tokens import Claims
from api.oauth.calls import NONCE_HEADER
from api.oauth.dpop import Asked, Unproven
from api.oauth.errors import Denied
from api.running import Running
from policies.vocabulary import Action, Actor, ActorKind, Outcome, ProgrammeId
from vault import access_log
from vault import database as db
from vault.access_log import Line

SCHEMES: Final = ("dpop", "bearer")
DEMAND: Final = "use_dpop_nonce"
OF_A_PERSON: Final = "token-of-a-person"
METADATA_PATH: Final = "/.well-known/oauth-protected-resource/v1"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A programme with a token and the key to it."""

    claims: Claims
    at: datetime
    """When it called, for what is judged before there is a transaction."""


async def identify(
    request: Request[Any, Any, Any],
    running: Running,
    *,
    audiences: Collection[str] = (),
) -> Caller | Denied:
    """The caller, or why they are none. `audiences` as `access_tokens.read` takes them."""
    now = db.instant()
    sent = _token(request)
    if isinstance(sent, Denied):
        return sent
    scheme, token = sent
    verified = await running.token_keys.verified(token)
    claims = access_tokens.read(verified, running.settings.issuer, now, audiences=audiences)
    if claims is None:
        return denied("invalid_token", "token-invalid")
    # A token bound to a key is never opened by a certificate, nor the reverse.
    if scheme != claims.cnf.token_type.lower():
        return denied("invalid_token", "token-scheme", claims.client_id)
    if claims.cnf.x5t is not None:
        unproven = _other_certificate(request, running, claims)
    else:
        unproven = await _unproven(request, running, token, claims, now)
    return unproven or Caller(claims=claims, at=now)


def denied(error: str, reason: str, client_id: str = "") -> Denied:
    """No, in the words of RFC 6750 §3.1 and RFC 9449 §7.1."""
    return Denied(error=error, reason=reason, status=401, client_id=client_id)


async def turn_away(
    request: Request[Any, Any, Any], running: Running, why: Denied
) -> Response[Any]:
    """Log why, and answer 401 with what to do about it."""
    correlation = errors.correlation(request)
    if why.error != DEMAND:
        await errors.log_alone(running, why, correlation)
    challenge = [
        *([f'error="{why.error}"'] if why.error else []),
        *(f'{name}="{value}"' for name, value in why.needs),
        f'algs="{" ".join(dpop.ALGS)}"',
        f'resource_metadata="{running.settings.issuer}{METADATA_PATH}"',
    ]
    return problems.respond(
        "unauthenticated",
        correlation=correlation,
        headers={"WWW-Authenticate": f"DPoP {', '.join(challenge)}"} | next_nonce(running),
    )


async def refuse_personal(running: Running, caller: Caller, action: Action) -> Response[Any] | None:
    """403 and a line of the log for a token that a citizen's consent gave; None for any other."""
    programme = ProgrammeId(caller.claims.client_id)
    if caller.claims.sub == programme:
        return None
    line = Line(
        actor=Actor(kind=ActorKind.PROGRAMME, id=programme),
        action=action,
        outcome=Outcome.REFUSED,
        reasons=(OF_A_PERSON,),
    )
    async with db.begin(running.database) as tx:
        await access_log.record(tx, running.keyring, [line])
    return problems.respond("forbidden", detail="ask with a token of the programme's own")


def next_nonce(running: Running) -> dict[str, str]:
    """The header that gives the nonce for the next call (RFC 9449 §8.2)."""
    return {NONCE_HEADER: dpop.nonce(dpop.nonces(running.keyring), db.instant())}


def _token(request: Request[Any, Any, Any]) -> tuple[str, str] | Denied:
    """The scheme, in lower case, and the token."""
    sent = request.headers.getall("authorization", [])
    if len(sent) != 1:
        # RFC 6750 §3.1: who brought nothing is told no error, only what to bring.
        return denied("invalid_request" if sent else "", "token-missing")
    scheme, _, token = sent[0].partition(" ")
    if scheme.lower() not in SCHEMES:
        return denied("invalid_token", "token-scheme")
    return scheme.lower(), token.strip()


async def _unproven(
    request: Request[Any, Any, Any], running: Running, token: str, claims: Claims, now: datetime
) -> Denied | None:
    """Why the caller does not hold the token's key; None if it does."""
    asked = Asked(
        method=request.method,
        urls=running.settings.reached_by(request.url.path),
        ath=dpop.ath(token),
    )
    sent = request.headers.getall("dpop", [])
    found = dpop.check(sent, asked, dpop.nonces(running.keyring), now)
    if isinstance(found, Unproven):
        error = DEMAND if found is Unproven.NONCE else "invalid_dpop_proof"
        return denied(error, found, claims.client_id)
    if found.jkt != claims.cnf.jkt:
        return denied("invalid_dpop_proof", "dpop-other-key", claims.client_id)
    if not await running.short_lived.first(*dpop.mark(found)):
        return denied("invalid_dpop_proof", Unproven.REPLAYED, claims.client_id)
    return None


def _other_certificate(
    request: Request[Any, Any, Any], running: Running, claims: Claims
) -> Denied | None:
    """Why the connection is not that of the token's certificate; None if it is."""
    shown = certificates.presented(request, running.settings)
    if shown is not None and shown.thumbprint == claims.cnf.x5t:
        return None
    return denied("invalid_token", "certificate-other", claims.client_id)
