"""The log proves itself: the newest seal, and a verification of everything on request."""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.console.shifts import Shift
from api.fronts import see_other
from api.running import Running
from api.settings import Settings
from policies.staff import Duty
from vault import database as db
from vault import log_cosignatures, log_tiles, transparency
from vault.database import Transaction
from vault.log_cosignatures import Standing, Terms
from vault.short_lived import ShortLived

NEVER_ASKED: Final = "never-asked"
KEPT: Final = "log-verification"
RUNS: Final = "log-verification-runs"
KEPT_SECONDS: Final = 3600
"""How long the outcome of a verification is shown; the log itself is what lasts."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """How a verification stands. `at` is when it ended; None while it runs."""

    entries: int = 0
    fault: str | None = None
    at: datetime | None = None
    stopped: bool = False
    """Whether it came to no end: it says nothing of the log then."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """How a witness stands, as a page shows it."""

    witness: str
    outcome: str
    size: int = 0
    at: datetime | None = None
    silent: bool = True
    """Whether it has not cosigned for too long."""


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint, as a page shows it."""

    size: int
    at: datetime
    root: str


@get("/dpo/integrity")
async def read_integrity(
    shift: NamedDependency[Shift],
    short_lived: NamedDependency[ShortLived],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """The newest seal, who outside has seen it, and what the last verification found."""
    if not await shift.begin(Duty.VERIFY_LOG, detail="integrity"):
        return shift.refused()
    kept = await short_lived.get(KEPT)
    found = msgspec.json.decode(kept, type=Verification) if kept else None
    checkpoint = await transparency.checkpoint(shift.tx)
    terms = settings.witness_terms
    public = await log_cosignatures.public(shift.tx, terms)
    return shift.page.show(
        "console/integrity.html",
        section="integrity",
        running=found is not None and found.at is None and not found.stopped,
        report=found,
        witnesses=await _witnesses(shift.tx, terms),
        public=public.size if public else 0,
        sealed=Seal(size=checkpoint.size, at=checkpoint.at, root=checkpoint.root.hex())
        if checkpoint
        else None,
    )


@post("/dpo/integrity", status_code=303)
async def verify(shift: NamedDependency[Shift], running: NamedDependency[Running]) -> Response[Any]:
    """Begin a verification. It goes on beside the service, in a transaction that only reads."""
    if not await shift.begin(Duty.VERIFY_LOG, detail="verify"):
        return shift.refused()
    onward = shift.page.path("dpo", "integrity")
    if not await running.short_lived.first(RUNS, KEPT_SECONDS):
        return see_other(onward)  # one is on its way: they read the same log
    await running.short_lived.put(KEPT, msgspec.json.encode(Verification()), KEPT_SECONDS)
    return see_other(onward, background=BackgroundTask(_verify, running))


@get("/dpo/integrity/tile/entries/{name:path}")
async def download_entries(name: FromPath[str], shift: NamedDependency[Shift]) -> Response[Any]:
    """The leaves under a tile (c2sp.org/tlog-tiles). A leaf ties a person's lines together.

    So it is for those who review the log, and the review is an access too.
    """
    if not await shift.begin(Duty.VERIFY_LOG, detail="entries"):
        return shift.refused()
    run = log_tiles.read_run(name.removeprefix("/"))
    found = await log_tiles.entries(shift.tx, run) if run else None
    if found is None:
        raise NotFoundException
    return Response(found, media_type="application/octet-stream")


async def _witnesses(tx: Transaction, terms: Terms) -> list[Seen]:
    asked = {each.witness: each for each in await log_cosignatures.standings(tx)}
    since = tx.now - terms.silence
    return [_seen(name, asked.get(name), since) for name in sorted(terms.names)]


def _seen(name: str, stands: Standing | None, since: datetime) -> Seen:
    if stands is None:
        return Seen(witness=name, outcome=NEVER_ASKED)
    return Seen(
        witness=name,
        outcome=stands.outcome,
        size=stands.cosigned_size,
        at=stands.cosigned_at,
        silent=stands.cosigned_at is None or stands.cosigned_at < since,
    )


async def _verify(running: Running) -> None:
    try:
        async with db.read(running.database) as tx:
            report = await transparency.verify(tx, running.keyring)
            found = Verification(entries=report.entries, fault=report.fault, at=tx.now)
        await running.short_lived.put(KEPT, msgspec.json.encode(found), KEPT_SECONDS)
    except BaseException:
        stopped = msgspec.json.encode(Verification(stopped=True))
        await running.short_lived.put(KEPT, stopped, KEPT_SECONDS)
        raise
    finally:
        await running.short_lived.take(RUNS)
