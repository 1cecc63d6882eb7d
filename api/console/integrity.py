"""The log proves itself: the newest seal, and a verification of everything on request."""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency

from api.console.shifts import Shift
from api.fronts import see_other
from api.running import Running
from policies.staff import Duty
from vault import database as db
from vault import transparency
from vault.short_lived import ShortLived

KEPT: Final = "log-verification"
RUNS: Final = "log-verification-runs"
KEPT_SECONDS: Final = 3600
"""How long the outcome of a verification is shown; the log itself is what lasts."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """How a verification stands. `at` is when it ended; None while it runs."""

    entries: int = 0
    fault: str | None = None
    at: datetime | None = None


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint, as a page shows it."""

    size: int
    at: datetime
    root: str


@get("/dpo/integrity")
async def read_integrity(
    shift: NamedDependency[Shift], short_lived: NamedDependency[ShortLived]
) -> Response[str]:
    """The newest seal, and what the last verification found."""
    if not await shift.begin(Duty.VERIFY_LOG, detail="integrity"):
        return shift.refused()
    kept = await short_lived.get(KEPT)
    found = msgspec.json.decode(kept, type=Verification) if kept else None
    checkpoint = await transparency.checkpoint(shift.tx)
    return shift.page.show(
        "console/integrity.html",
        section="integrity",
        running=found is not None and found.at is None,
        report=found,
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


async def _verify(running: Running) -> None:
    try:
        async with db.read(running.database) as tx:
            report = await transparency.verify(tx, running.keyring)
            found = Verification(entries=report.entries, fault=report.fault, at=tx.now)
        await running.short_lived.put(KEPT, msgspec.json.encode(found), KEPT_SECONDS)
    except BaseException:
        await running.short_lived.take(KEPT)  # nothing is «running» that is not
        raise
    finally:
        await running.short_lived.take(RUNS)
