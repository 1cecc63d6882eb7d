"""Receipts of a consent: on a page, on one sheet of paper, and as a signed file."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.portal.visits import Visit
from api.wording import Thing
from consent import receipts
from consent.grants import Grant
from consent.receipts import Receipt
from identity.registry import pseudonyms
from policies.vocabulary import GrantState, Language


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt said when it was handed out, whatever happened since, in its own language."""

    id: UUID
    language: Language
    programme: str
    """In the language of the page."""
    body: str
    purpose: str
    things: tuple[Thing, ...]
    state: GrantState
    at: datetime
    until: datetime
    withdrawal: str
    """How to stop, in the words of the receipt."""


@get("/receipts/{receipt_id:str}")
async def read_receipt(receipt_id: FromPath[UUID], visit: NamedDependency[Visit]) -> Response[str]:
    """A receipt, to read or print."""
    receipt = await _own(visit, receipt_id)
    said = await receipts.verify(visit.tx, visit.keyring, receipt.jws)
    if said is None:
        raise NotFoundException
    return visit.page.show(
        "portal/receipt.html", section="agreements", it=_snapshot(visit, receipt, said)
    )


@get("/receipts/{receipt_id:str}/signed")
async def download_receipt(
    receipt_id: FromPath[UUID], visit: NamedDependency[Visit]
) -> Response[str]:
    """A receipt as the signed file that proves itself (JWS, RFC 7515)."""
    receipt = await _own(visit, receipt_id)
    name = f'attachment; filename="amana-receipt-{receipt_id}.jws"'
    return Response(
        receipt.jws, media_type="application/jose", headers={"Content-Disposition": name}
    )


async def hand_out(visit: Visit, grant: Grant) -> Receipt:
    """Sign a receipt for what a consent is now."""
    audience = visit.catalogue.audience(grant.programme)
    named = await pseudonyms.pairwise(visit.tx, visit.keyring, audience, [visit.subject])
    return await receipts.issue(
        visit.tx,
        visit.keyring,
        visit.catalogue,
        grant,
        visit.language,
        principal=named[visit.subject],
    )


async def _own(visit: Visit, receipt_id: UUID) -> Receipt:
    """A receipt of the citizen's own; another's is not there."""
    receipt = await receipts.one(visit.tx, visit.subject, receipt_id)
    if receipt is None:
        raise NotFoundException
    return receipt


def _snapshot(visit: Visit, receipt: Receipt, said: Any) -> Snapshot:
    purpose = said["pii_processing"]["purposes"][0]
    controller = said["parties"][0]
    event = said["events"][0]
    return Snapshot(
        id=receipt.id,
        language=receipt.language,
        programme=visit.words.programme(controller["party_id"]),
        body=controller["party_name"],
        purpose=purpose["purpose"],
        things=tuple(
            Thing(id=item["pii_attribute_id"], label=item["pii_type"], form=item["form"])
            for item in purpose["pii_information"]
        ),
        state=GrantState(event["event_state"]),
        at=datetime.fromisoformat(event["event_time"]),
        until=datetime.fromisoformat(event["valid_until"]),
        withdrawal=purpose["withdrawal_method"],
    )
