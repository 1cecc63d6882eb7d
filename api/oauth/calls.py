"""What every endpoint for programmes does alike: read the form, see who asks, answer, log a no."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from api.oauth import client_auth, dpop, errors, parameters
from api.oauth.client_auth import Identified
from api.oauth.dpop import Asked, Proof, Unproven
from api.oauth.errors import Denied
from api.oauth.parameters import Parameters
from api.settings import Settings
from identity.programmes import Client
from policies.catalogue import Catalogue
from vault.database import Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived


class AtHand(msgspec.Struct, frozen=True, kw_only=True):
    """What one request works with."""

    tx: Transaction
    keyring: Keyring
    catalogue: Catalogue
    short_lived: ShortLived
    settings: Settings


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a programme that has shown who it is."""

    client: Client
    parameters: Parameters
    proof: Proof | None
    accept: str = ""
    """Which kinds of answer it takes."""


class Proofs(StrEnum):
    """What an endpoint does with DPoP proofs."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    UNREAD = "unread"


Work = Callable[[AtHand, Call], Awaitable[Response[Any] | Denied]]
NONCE_HEADER: Final = "DPoP-Nonce"


async def at_hand(
    tx: NamedDependency[Transaction],
    keyring: NamedDependency[Keyring],
    catalogue: NamedDependency[Catalogue],
    short_lived: NamedDependency[ShortLived],
    settings: NamedDependency[Settings],
) -> AtHand:
    """All of it, as one dependency."""
    return AtHand(
        tx=tx, keyring=keyring, catalogue=catalogue, short_lived=short_lived, settings=settings
    )


async def answer(
    request: Request[Any, Any, Any], body: bytes, at_hand: AtHand, work: Work, proofs: Proofs
) -> Response[Any]:
    """Do the work of an endpoint for a programme that may ask, and answer."""
    outcome = await _outcome(request, body, at_hand, work, proofs)
    if isinstance(outcome, Denied):
        await errors.log(at_hand, outcome, errors.correlation(request))
        outcome = errors.respond(outcome)
    if proofs is not Proofs.UNREAD:
        secret = dpop.secret(at_hand.keyring)
        outcome.headers[NONCE_HEADER] = dpop.nonce(secret, at_hand.tx.now)
    return outcome


async def _outcome(
    request: Request[Any, Any, Any], body: bytes, at_hand: AtHand, work: Work, proofs: Proofs
) -> Response[Any] | Denied:
    headers = request.headers
    given = parameters.of_form(headers.get("content-type", ""), request.url.query, body)
    if isinstance(given, Denied):
        return given
    who = await client_auth.identify(
        at_hand.tx,
        at_hand.short_lived,
        given,
        headers.get("authorization"),
        at_hand.settings.issuer,
    )
    if isinstance(who, Denied):
        return who
    proof = _proof(request, at_hand, proofs)
    if isinstance(proof, Denied):
        return _named(proof, who)
    if spent := await _spend(at_hand.short_lived, who, proof):
        return _named(spent, who)
    call = Call(client=who.client, parameters=given, proof=proof, accept=headers.get("accept", ""))
    return _named(await work(at_hand, call), who)


def _proof(
    request: Request[Any, Any, Any], at_hand: AtHand, proofs: Proofs
) -> Proof | Denied | None:
    sent = request.headers.getall("dpop", [])
    if proofs is Proofs.UNREAD or (proofs is Proofs.OPTIONAL and not sent):
        return None
    url = at_hand.settings.issuer + request.url.path
    secret = dpop.secret(at_hand.keyring)
    found = dpop.check(sent, Asked(method=request.method, url=url), secret, at_hand.tx.now)
    return _unproven(found) if isinstance(found, Unproven) else found


async def _spend(short_lived: ShortLived, who: Identified, proof: Proof | None) -> Denied | None:
    """Use assertion and proof, both once; only now, so that a demand for a nonce spends neither."""
    if not await client_auth.spend(short_lived, who):
        return client_auth.failed("assertion-replayed", who.client)
    if proof is not None and not await dpop.spend(short_lived, proof):
        return _unproven(Unproven.REPLAYED)
    return None


def _unproven(why: Unproven) -> Denied:
    if why is Unproven.NONCE:
        return Denied(
            error="use_dpop_nonce", reason=why.value, description="use the nonce of DPoP-Nonce"
        )
    return Denied(
        error="invalid_dpop_proof", reason=why.value, description="the DPoP proof does not hold"
    )


def _named(outcome: Response[Any] | Denied, who: Identified) -> Response[Any] | Denied:
    if isinstance(outcome, Denied):
        return msgspec.structs.replace(outcome, client_id=who.client.client_id)
    return outcome
