"""The gate before the service, and what the service does of itself about erasures.

While store, log and journal disagree about who is erased, nobody is answered (ADR-0015).
What the DPO accepted is carried out here: the console's database role destroys nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from api import observing, problems, rounds
from consent import requests
from consent.requests import Reason, Request
from identity.registry import erasing
from identity.registry.erasing import Done
from policies.retention import Held
from policies.vocabulary import Actor, ActorKind
from vault import database as db
from vault import erasure_gate, erasure_journal
from vault.database import Database
from vault.erasure_gate import Why
from vault.keyring import Keyring

LOOK_AGAIN: Final = timedelta(seconds=2)
"""How soon after a replay a service that is closed opens by itself."""
LOOK_DAILY: Final = timedelta(days=1)
"""How often a service that answers looks at everything: tables may be restored under it."""
PAUSE_SECONDS: Final = 5.0
"""Between two looks for requests that were accepted."""
BY: Final = Actor(kind=ActorKind.SYSTEM, id="erasure")


class Gate:
    """Whether this process may answer. Shut until it looked."""

    def __init__(self, database: Database, keyring: Keyring, journal: Path) -> None:
        """Take what is compared."""
        self._database = database
        self._keyring = keyring
        self._looking: asyncio.Task[None] | None = None
        self._look_at: datetime | None = None
        self._looked = False
        self.journal = journal
        self.why: list[Why] = []

    def is_open(self) -> bool:
        """Whether to answer, said at once; while it is shut, one look goes on for all who ask."""
        shut = self.why or not self._looked
        if shut and (self._look_at is None or db.instant() >= self._look_at):
            self._look_at = datetime.max.replace(tzinfo=UTC)  # until this look is over
            self._looking = asyncio.create_task(self._look_again())
        return not shut

    async def glance(self) -> list[Why]:
        """Compare the ends; why it stays shut. Costs the same however many were erased.

        What a whole look found shuts it until a whole look finds nothing.
        """
        # The journal first: it never knows of more than the store does a moment later.
        told = await asyncio.to_thread(erasure_journal.last, self.journal)
        async with db.read(self._database) as tx:
            why = await erasure_gate.ends_differ(tx, self._keyring, told)
        return await self._found(why or self.why)

    async def look(self) -> list[Why]:
        """Compare everything and look for what came back; why it stays shut."""
        told = await asyncio.to_thread(erasure_journal.read, self.journal)
        async with db.read(self._database) as tx:
            why = await erasure_gate.closed(tx, self._keyring, told)
        return await self._found(why)

    async def keep(self) -> None:
        """Let the journal know what the store knows; after each commit of an erasure."""
        async with db.read(self._database) as tx:
            kept = await erasure_journal.keep(tx, self.journal)
        if kept is None:
            await self._found([Why.NO_JOURNAL])

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    async def _look_again(self) -> None:
        try:
            await self.look()
        except Exception:  # noqa: BLE001  (whatever it was, it stays shut and looks again)
            observing.logger.exception("closed")
        finally:
            self._look_at = db.instant() + LOOK_AGAIN

    async def _found(self, why: list[Why]) -> list[Why]:
        self.why, self._looked = why, True
        if why:
            observing.logger.error("closed", why=why)
        else:
            await self.keep()
        return self.why


@asynccontextmanager
async def guarding(gate: Gate) -> AsyncIterator[None]:
    """Glance before the block; look at everything beside it, at once and then daily."""
    await gate.glance()
    looking = asyncio.create_task(_looking(gate))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait({looking})


async def _looking(gate: Gate) -> None:
    while True:
        try:
            await gate.look()
        except Exception:  # noqa: BLE001  (the store was away; the next look is a new one)
            observing.logger.exception("look")
            await asyncio.sleep(LOOK_AGAIN.total_seconds())
        else:
            await asyncio.sleep(LOOK_DAILY.total_seconds())


class Gatekeeper(ASGIMiddleware):
    """Answers nothing but health while the gate is shut."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let through, or say 503."""
        gate: Gate = scope["litestar_app"].state.running.gate
        if scope["path"].startswith("/health/") or gate.is_open():
            await next_app(scope, receive, send)
            return
        seconds = str(int(LOOK_AGAIN.total_seconds()))
        answer = problems.respond("unavailable", headers={"Retry-After": seconds})
        asgi = answer.to_asgi_response(None, scope["litestar_app"].request_class(scope))
        await asgi(scope, receive, send)


async def carry_out(database: Database, keyring: Keyring, gate: Gate) -> int:
    """Erase whoever asked, was told yes and let it cool off; how many requests were answered.

    One that fails is logged and stays accepted: it holds up nobody behind it.
    """
    async with db.read(database) as tx:
        waiting = await requests.ripe(tx)
    answered = 0
    for request in waiting:
        if not gate.is_open():
            break
        try:
            await _carry_out(database, keyring, request)
            answered += 1
        except Exception:  # noqa: BLE001  (whatever it was, it is tried again in the next round)
            observing.logger.exception("erasure", request=str(request.id))
        finally:
            await gate.keep()
    return answered


async def _carry_out(database: Database, keyring: Keyring, request: Request) -> None:
    async with db.begin(database) as tx:
        if await requests.held(tx, request.id) is None or request.subject is None:
            return  # cancelled meanwhile
        done = await erasing.erase(
            tx,
            keyring,
            request.subject,
            subject_hash=request.subject_hash,
            by=BY,
            case_reference=str(request.id),
        )
        match done:
            case Done():
                await requests.done(tx, request.id, done.certificate)
            case Held():
                await requests.put_off(tx, request.id, Reason.HELD)
            case _:  # another process was first, or a command
                await requests.done(tx, request.id, None)


@asynccontextmanager
async def carrying_out(database: Database, keyring: Keyring, gate: Gate) -> AsyncIterator[None]:
    """Carry out beside the block."""

    async def work() -> float:
        if gate.is_open():
            await carry_out(database, keyring, gate)
        return PAUSE_SECONDS

    async with rounds.beside("erasures", work):
        yield
