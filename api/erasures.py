"""The gate before the service, and what the service does of itself about erasures.

While store, log and journal disagree about who is erased, nobody is answered (ADR-0015).
What the DPO accepted is carried out here: the console's database role destroys nothing.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from api import observing, problems, rounds
from consent import requests
from consent.requests import Reason, Request, State
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
PAUSE_SECONDS: Final = 5.0
"""Between two looks for requests that were accepted."""
BY: Final = Actor(kind=ActorKind.SYSTEM, id="erasure")


class Gate:
    """Whether this process may answer. Shut until it looked."""

    def __init__(self, database: Database, keyring: Keyring, journal: Path) -> None:
        """Take what is compared."""
        self._database = database
        self._keyring = keyring
        self._looked_at: datetime | None = None
        self.journal = journal
        self.why: list[Why] = []

    async def is_open(self) -> bool:
        """Whether to answer; looks again now and then while the answer is no."""
        now = db.instant()
        if self._looked_at is None or (self.why and now - self._looked_at >= LOOK_AGAIN):
            self._looked_at = now
            await self.look()
        return not self.why

    async def look(self) -> list[Why]:
        """Compare now; why it stays shut."""
        # The journal first: it never knows of more than the store does a moment later.
        told = erasure_journal.read(self.journal)
        async with db.read(self._database) as tx:
            self.why = await erasure_gate.closed(tx, self._keyring, told)
        self._looked_at = db.instant()
        if self.why:
            observing.logger.error("closed", why=self.why)
        else:
            await self.keep()
        return self.why

    async def keep(self) -> None:
        """Let the journal know what the store knows; after each commit of an erasure."""
        async with db.read(self._database) as tx:
            await erasure_journal.keep(tx, self.journal)


class Gatekeeper(ASGIMiddleware):
    """Answers nothing but health while the gate is shut."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let through, or say 503."""
        gate: Gate = scope["litestar_app"].state.running.gate
        if scope["path"].startswith("/health/") or await gate.is_open():
            await next_app(scope, receive, send)
            return
        seconds = str(int(LOOK_AGAIN.total_seconds()))
        answer = problems.respond("unavailable", headers={"Retry-After": seconds})
        asgi = answer.to_asgi_response(None, scope["litestar_app"].request_class(scope))
        await asgi(scope, receive, send)


async def carry_out(database: Database, keyring: Keyring, gate: Gate) -> int:
    """Erase whoever asked and was told yes; how many requests were answered."""
    async with db.read(database) as tx:
        waiting = await requests.in_state(tx, State.ACCEPTED)
    for request in waiting:
        await _carry_out(database, keyring, request)
    if waiting:
        await gate.keep()
    return len(waiting)


async def _carry_out(database: Database, keyring: Keyring, request: Request) -> None:
    if request.subject is None:
        return
    async with db.begin(database) as tx:
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
        if await gate.is_open():
            await carry_out(database, keyring, gate)
        return PAUSE_SECONDS

    async with rounds.beside("erasures", work):
        yield
