"""What every endpoint for programmes does alike: read the form, see who asks, answer, log a no.

No transaction is open while signatures are verified. They are verified by what is known of a
programme here; the transaction that then acts for it reads it anew, and where it is not as it was
known, it shows again who it is.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from api.oauth import certificates, client_auth, dpop, errors, parameters
from api.oauth.bindings import Confirmation
from api.oauth.certificates import Presented
from api.oauth.client_auth import Identified, Shown
from api.oauth.dpop import Asked, Proof, Unproven
from api.oauth.errors import Denied
from api.oauth.parameters import Parameters
from api.running import Running
from api.settings import Settings
from identity import programmes
from identity.doors.gathering import Outdated
from identity.programmes import Client
from policies.catalogue import Catalogue
from vault import database as db
from vault.database import Transaction
from vault.keyring import Keyring
from vault.short_lived import ShortLived


class AtHand(msgspec.Struct, frozen=True, kw_only=True):
    """What one request works with, in one transaction."""

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
    certificate: Presented | None = None
    """That of its connection, by which it may also have said who it is."""
    at: datetime
    """When it came, for what is judged before there is a transaction."""
    accept: str = ""
    """Which kinds of answer it takes."""
    correlation: str = ""
    """What the answer and our logs call it."""

    @property
    def binding(self) -> Confirmation:
        """What a token of this call is bound to: the key of the proof, else the certificate."""
        if self.proof is not None:
            return Confirmation(jkt=self.proof.jkt)
        return Confirmation(x5t=self.certificate.thumbprint if self.certificate else None)


class Proofs(StrEnum):
    """What an endpoint does with DPoP proofs."""

    REQUIRED = "required"
    """But of who has a certificate: a token is then bound to that (RFC 8705 §3)."""
    OPTIONAL = "optional"
    UNREAD = "unread"


Outcome = Response[Any] | Denied
Work = Callable[[Running, Call], Awaitable[Outcome | Outdated]]
"""What an endpoint does for who may ask, where they still are as they were known."""
WholeWork = Callable[[AtHand, Call], Awaitable[Outcome]]
NONCE_HEADER: Final = "DPoP-Nonce"


async def at_hand(
    tx: NamedDependency[Transaction],
    keyring: NamedDependency[Keyring],
    catalogue: NamedDependency[Catalogue],
    short_lived: NamedDependency[ShortLived],
    settings: NamedDependency[Settings],
) -> AtHand:
    """All of it, as one dependency of pages."""
    return AtHand(
        tx=tx, keyring=keyring, catalogue=catalogue, short_lived=short_lived, settings=settings
    )


def whole(work: WholeWork) -> Work:
    """Work that is done in one transaction of its own, its refusal logged with what it wrote."""

    async def worked(running: Running, call: Call) -> Response[Any] | Outdated:
        async with db.begin(running.database) as tx:
            if not await programmes.is_still(tx, call.client):
                return Outdated()
            own = AtHand(
                tx=tx,
                keyring=running.keyring,
                catalogue=running.catalogue,
                short_lived=running.short_lived,
                settings=running.settings,
            )
            outcome = await work(own, call)
            if not isinstance(outcome, Denied):
                return outcome
            denied = _named(outcome, call.client)
            await errors.log(own, denied, call.correlation)
            return errors.respond(denied)

    return worked


async def answer(request: Request[Any, Any, Any], work: Work, proofs: Proofs) -> Response[Any]:
    """Do the work of an endpoint for a programme that may ask, and answer."""
    running: Running = request.app.state.running
    outcome = await _outcome(request, running, work, proofs)
    if isinstance(outcome, Denied):
        await errors.log_alone(running, outcome, errors.correlation(request))
        outcome = errors.respond(outcome)
    if proofs is not Proofs.UNREAD:
        outcome.headers[NONCE_HEADER] = dpop.nonce(dpop.nonces(running.keyring), db.instant())
    return outcome


async def _outcome(
    request: Request[Any, Any, Any], running: Running, work: Work, proofs: Proofs
) -> Outcome:
    body, headers, at = await request.body(), request.headers, db.instant()
    given = parameters.of_form(
        headers.get("content-type", ""), request.scope["query_string"].decode("latin-1"), body
    )
    if isinstance(given, Denied):
        return given
    shown = Shown(
        parameters=given,
        authorization=headers.get("authorization"),
        certificate=certificates.presented(request, running.settings),
        at=at,
    )
    who = await client_auth.identify(running, shown)
    if isinstance(who, Denied):
        return who
    if shown.certificate is not None and proofs is Proofs.REQUIRED:
        proofs = Proofs.OPTIONAL
    proof = _proof(request, running, proofs, at)
    if isinstance(proof, Denied):
        return await _refused(running, shown, proof)
    if spent := await _spend(running.short_lived, who, proof):
        return await _refused(running, shown, spent)
    call = Call(
        client=who.client,
        parameters=given,
        proof=proof,
        certificate=shown.certificate,
        at=at,
        accept=headers.get("accept", ""),
        correlation=errors.correlation(request),
    )
    return await _done(running, shown, work, call)


async def _done(running: Running, shown: Shown, work: Work, call: Call) -> Outcome:
    """What the work comes to by what the programme is now: known of before, it was not enough."""
    outcome = await work(running, call)
    while isinstance(outcome, Denied | Outdated):
        who = await client_auth.identify(running, shown, anew=True)
        if isinstance(who, Denied):
            return who
        if isinstance(outcome, Denied) and who.client == call.client:
            return _named(outcome, who.client)
        call = msgspec.structs.replace(call, client=who.client)
        outcome = await work(running, call)
    return outcome


async def _refused(running: Running, shown: Shown, denied: Denied) -> Denied:
    """No, in the name of who still is who they were known as; to others, what they are told."""
    who = await client_auth.identify(running, shown, anew=True)
    return who if isinstance(who, Denied) else _named(denied, who.client)


def _proof(
    request: Request[Any, Any, Any], running: Running, proofs: Proofs, at: datetime
) -> Proof | Denied | None:
    sent = request.headers.getall("dpop", [])
    if proofs is Proofs.UNREAD or (proofs is Proofs.OPTIONAL and not sent):
        return None
    asked = Asked(method=request.method, urls=running.settings.reached_by(request.scope["path"]))
    found = dpop.check(sent, asked, dpop.nonces(running.keyring), at)
    return _unproven(found) if isinstance(found, Unproven) else found


async def _spend(short_lived: ShortLived, who: Identified, proof: Proof | None) -> Denied | None:
    """Use assertion and proof, both once; only now, so that a demand for a nonce spends neither."""
    said = client_auth.mark(who)
    marks = [*([said] if said else []), *([dpop.mark(proof)] if proof else [])]
    first = await short_lived.each_first(marks)
    used = [mark for mark, is_first in zip(marks, first, strict=True) if not is_first]
    if said in used:
        return client_auth.failed("assertion-replayed", who.client)
    return _unproven(Unproven.REPLAYED) if used else None


def _unproven(why: Unproven) -> Denied:
    if why is Unproven.NONCE:
        return Denied(
            error="use_dpop_nonce", reason=why.value, description="use the nonce of DPoP-Nonce"
        )
    return Denied(
        error="invalid_dpop_proof", reason=why.value, description="the DPoP proof does not hold"
    )


def _named(denied: Denied, client: Client) -> Denied:
    return msgspec.structs.replace(denied, client_id=client.client_id)
