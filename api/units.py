"""One unit of work per request: commits before the answer leaves, and never outlives it.

Litestar closes what dependencies opened only once all of them are there. When one raises
(a page that one must sign in for), whatever was opened before it would stay open: on the
embedded store, that is the one writer.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import Request
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from vault import database as db
from vault.database import Database, Transaction

UNIT: Final = "unit_of_work"


class AbandonedError(Exception):
    """The request ended before its unit of work did: nothing of it stays."""


class Unit:
    """A transaction that is ended once, by whoever comes first."""

    def __init__(self, database: Database) -> None:
        """Take the store; `begin` comes next."""
        self._block = db.begin(database)
        self._open = False

    async def begin(self) -> Transaction:
        """Begin."""
        tx = await self._block.__aenter__()
        self._open = True
        return tx

    async def end(self, fault: BaseException | None) -> None:
        """Commit, or roll back for a fault."""
        if self._open:
            self._open = False
            await self._block.__aexit__(type(fault) if fault else None, fault, None)


async def transaction(state: State, request: Request[Any, Any, Any]) -> AsyncIterator[Transaction]:
    """The unit of work of a request, for handlers that ask for `tx`."""
    unit = Unit(state.running.database)
    request.scope["state"][UNIT] = unit
    try:
        yield await unit.begin()
    except BaseException as fault:
        await unit.end(fault)
        raise
    await unit.end(None)


class EndOfUnit(ASGIMiddleware):
    """Rolls back what a request left open."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer, then look."""
        try:
            await next_app(scope, receive, send)
        finally:
            unit = scope.get("state", {}).pop(UNIT, None)
            if unit is not None:
                await unit.end(AbandonedError())
