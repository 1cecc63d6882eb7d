"""What a citizen agreed to: read it, stop it, keep a receipt of both."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api.fronts import Pressed, see_other
from api.portal import by_law, receipts
from api.portal.visits import Visit
from api.wording import Thing, Words
from consent import grants, oppositions
from consent import receipts as kept_receipts
from consent.grants import Grant
from policies.vocabulary import GrantState


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a consent's life."""

    kind: str
    at: datetime


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """One consent in words."""

    id: UUID
    programme: str
    body: str
    purpose: str
    things: tuple[Thing, ...]
    state: GrantState
    active: bool
    since: datetime
    until: datetime
    changed_at: datetime
    retention_days: int
    events: tuple[Happened, ...] = ()
    receipts: tuple[UUID, ...] = ()


@get("/agreements")
async def list_agreements(visit: NamedDependency[Visit]) -> Response[str]:
    """Two lists, never mixed: with my agreement, and by law."""
    found = await grants.of_subject(visit.tx, visit.subject)
    mine = [told(visit.words, grant) for grant in found]
    state = (await oppositions.facts(visit.tx, [visit.subject]))[visit.subject]
    return visit.page.show(
        "portal/agreements.html",
        section="agreements",
        given=[each for each in mine if each.active],
        ended=[each for each in mine if not each.active],
        by_law=[
            by_law.told(visit.words, each, opposed=each.id in state.opposed)
            for each in by_law.agreements(visit.catalogue)
        ],
    )


@get("/agreements/{grant_id:str}")
async def one_agreement(grant_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Response[str]:
    """One consent: who, why, what, until when, and all that happened to it."""
    it = await _whole(visit, await _own(visit, grant_id))
    return visit.page.show("portal/agreement.html", section="agreements", it=it)


@get("/agreements/{grant_id:str}/stop")
async def ask_stop(grant_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Response[Any]:
    """What stops, what does not, and two buttons of the same weight."""
    grant = await _own(visit, grant_id)
    if not grant.active:
        return see_other(visit.page.path("agreements", grant_id, "stopped"))
    it = told(visit.words, grant)
    return visit.page.show("portal/stop.html", section="agreements", it=it)


@post("/agreements/{grant_id:str}/stop", status_code=303)
async def stop(
    grant_id: FromPath[UUID], data: URLEncodedBody[Pressed], visit: NamedDependency[Visit]
) -> Response[bytes]:
    """Withdraw. What was stopped already is shown as stopped, not as an error."""
    if data.answer != "stop":
        return see_other(visit.page.path("agreements", grant_id))
    # Tokens are left alone: whoever uses one re-reads the consent, is refused, and is logged
    # in this person's history.
    if await grants.withdraw(visit.tx, visit.keyring, visit.subject, grant_id):
        await receipts.hand_out(visit, await _own(visit, grant_id))
    return see_other(visit.page.path("agreements", grant_id, "stopped"))


@get("/agreements/{grant_id:str}/stopped")
async def stopped(grant_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Response[Any]:
    """The receipt of a withdrawal."""
    grant = await _own(visit, grant_id)
    if grant.active:
        return see_other(visit.page.path("agreements", grant_id))
    it = await _whole(visit, grant)
    return visit.page.show("portal/stopped.html", section="agreements", it=it)


def told(words: Words, grant: Grant) -> Agreed:
    """A consent in words."""
    programme = words.catalogue.programmes.get(grant.programme)
    versions = words.catalogue.versions.get(grant.agreement, ())
    kept = {version.version: version.retention_days for version in versions}
    return Agreed(
        id=grant.id,
        programme=words.programme(grant.programme),
        body=programme.body.in_(words.tongue.language) if programme else "",
        purpose=words.purpose(grant.purpose),
        things=words.things(grant.items.items()),
        state=grant.state,
        active=grant.active,
        since=grant.given_at,
        until=grant.expires_at,
        changed_at=grant.changed_at,
        retention_days=kept.get(grant.agreement_version, 0),
    )


async def _own(visit: Visit, grant_id: UUID) -> Grant:
    """A consent of the citizen's own; another's is not there."""
    grant = await grants.one(visit.tx, visit.subject, grant_id)
    if grant is None:
        raise NotFoundException
    return grant


async def _whole(visit: Visit, grant: Grant) -> Agreed:
    happened = await grants.events(visit.tx, grant.id)
    kept = await kept_receipts.of_grants(visit.tx, [grant.id])
    return msgspec.structs.replace(
        told(visit.words, grant),
        events=tuple(Happened(kind=event.kind, at=event.at) for event in happened),
        receipts=tuple(receipt.id for receipt in kept[grant.id]),
    )
