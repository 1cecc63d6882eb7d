"""Questions that arrive together are answered together, in one unit of work: one commit for all.

What comes while a batch is in flight waits for the next. If a batch fails, each of its
questions is asked again alone: one that cannot be answered harms only itself. If it was the store
that failed, nobody is: each would wait for it in turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Generic, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Q = TypeVar("Q")
A = TypeVar("A")
S = TypeVar("S")
U = TypeVar("U")
Door = Callable[[U, Sequence[Q]], Awaitable[list[A]]]
Unit = Callable[[S], AbstractAsyncContextManager[U]]
Waiting = tuple[Q, asyncio.Future[A]]

BATCH: Final = 256
"""Questions per unit of work at most."""


class Gathering(Generic[Q, A]):
    """One door, open to single questions: they wait for each other and share a unit of work."""

    def __init__(self, store: S, door: Door[U, Q, A], *, unit: Unit[S, U]) -> None:
        """Take the door, and the unit of work of the store that it is asked in."""
        self._store = store
        self._door = door
        self._unit = unit
        self._waiting: list[Waiting[Q, A]] = []
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Ask one question.

        Raises:
            Exception: whatever this question alone makes the door raise.
        """
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer_all())
        return await answer

    async def drained(self) -> None:
        """Return when all that was asked is answered."""
        if self._answering is not None:
            await self._answering

    async def _answer_all(self) -> None:
        await asyncio.sleep(0)  # one turn of the loop: what arrives together is gathered
        while self._waiting:
            # Whoever was cancelled meanwhile is not asked for.
            waiting = [each for each in self._waiting if not each[1].done()]
            batch, self._waiting = waiting[:BATCH], waiting[BATCH:]
            if batch:
                await self._answer(batch)
        self._answering = None

    async def _answer(self, batch: list[Waiting[Q, A]]) -> None:
        try:
            async with self._unit(self._store) as tx:
                answers = await self._door(tx, [question for question, _ in batch])
        except Exception as fault:  # noqa: BLE001  (it is handed to those who asked)
            if len(batch) == 1 or _is_of_the_store(fault):
                for _, answer in batch:
                    _settle(answer, fault)
                return
            for alone in batch:
                await self._answer([alone])
            return
        for (_, answer), given in zip(batch, answers, strict=True):
            _settle(answer, given)


def _settle(answer: asyncio.Future[A], given: A | Exception) -> None:
    if answer.done():
        return  # whoever asked was cancelled
    if isinstance(given, Exception):
        answer.set_exception(given)
    else:
        answer.set_result(given)


def _is_of_the_store(fault: Exception) -> bool:
    """Whether there was no connection to be had, or it went."""
    gone = isinstance(fault, DBAPIError) and fault.connection_invalidated
    return gone or isinstance(fault, OSError | PoolTimeoutError)
