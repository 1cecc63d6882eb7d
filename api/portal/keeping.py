"""What a citizen keeps of the log: a receipt of each visit, the whole history, what checks them."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.portal import visits
from api.portal.visits import Visit
from api.settings import Settings
from identity.doors import own_data
from vault.short_lived import ShortLived

JOSE: Final = "application/jose"
HISTORIES_A_DAY: Final = 24


@get("/history/keep")
async def keep(visit: NamedDependency[Visit]) -> Response[str]:
    """What there is to keep, and whether all entries are there now."""
    chain = await own_data.chain(visit.tx, visit.keyring, visit.subject)
    return visit.page.show(
        "portal/keep.html",
        section="history",
        total=chain.total,
        later=chain.later,
        whole=not chain.faults,
    )


@get("/history/keep/receipt")
async def download_visit(visit: NamedDependency[Visit]) -> Response[str]:
    """A signed receipt of this visit: how many entries there are, and the newest."""
    receipt = await own_data.visit_receipt(visit.tx, visit.keyring, visit.subject)
    return _file(receipt, JOSE, f"amana-visit-{visit.tx.now:%Y-%m-%dT%H%M}.jws")


@get("/history/keep/history")
async def download_history(
    visit: NamedDependency[Visit], short_lived: NamedDependency[ShortLived]
) -> Response[str]:
    """The whole history with its proofs, signed. Some times a day: it reads all of it."""
    await visits.admit(visit, short_lived, "history", HISTORIES_A_DAY)
    whole = await own_data.whole_history(visit.tx, visit.keyring, visit.subject)
    return _file(whole, JOSE, f"amana-history-{visit.tx.now:%Y-%m-%d}.jws")


@get("/history/entry/{entry_id:str}/bundle")
async def download_bundle(
    entry_id: FromPath[UUID], visit: NamedDependency[Visit], settings: NamedDependency[Settings]
) -> Response[str]:
    """The proof of one entry as C2SP tlog-proof, with the entry's own bytes."""
    bundle = await own_data.bundle(
        visit.tx, visit.keyring, visit.subject, entry_id, settings.witness_terms
    )
    if bundle is None:
        raise NotFoundException
    return _file(bundle, "text/plain", f"amana-{entry_id}.tlog-proof")


def _file(content: str, media_type: str, name: str) -> Response[str]:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=disposition)
