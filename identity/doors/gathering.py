"""Questions that arrive together are answered together: one transaction, one commit for all.

What comes while a batch is in flight waits for the next. If a batch fails, each of its
questions is asked again alone: one that cannot be answered harms only itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Generic, TypeVar

import msgspec

from identity import tokens
from identity.doors import disclosure, eligibility, verification
from identity.tokens import AccessToken
from policies.catalogue import Catalogue
from policies.stepping_up import StepUp
from vault import database as db
from vault.database import Database, Transaction
from vault.keyring import Keyring

Q = TypeVar("Q")
A = TypeVar("A")
Door = Callable[[Transaction, Sequence[Q]], Awaitable[list[A]]]

BATCH: Final = 256
"""Questions per transaction at most."""
PATIENCE_SECONDS: Final = 0.02
"""No verification is answered sooner: what was found on the way does not show in the time."""


class ByToken(msgspec.Struct, Generic[Q], frozen=True, kw_only=True):
    """A question that rests on an access token, which is read anew in the same transaction."""

    jti: str
    question: Callable[[AccessToken], Q | StepUp]
    """The question this token allows to be asked, or what its person's sign-in lacks for it."""


class TokenEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The token is unknown, expired or revoked: nothing was asked."""


NotAsked = TokenEnded | StepUp
Waiting = tuple[Q | ByToken[Q], "asyncio.Future[A | NotAsked]"]


class Gathering(Generic[Q, A]):
    """One door, open to single questions: they wait for each other and share a transaction."""

    def __init__(self, database: Database, door: Door[Q, A]) -> None:
        self._database = database
        self._door = door
        self._waiting: list[Waiting[Q, A]] = []
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Q | ByToken[Q]) -> A | NotAsked:
        """Ask one question.

        Raises:
            Exception: whatever this question alone makes the door raise.
        """
        answer: asyncio.Future[A | NotAsked] = asyncio.get_running_loop().create_future()
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

    async def _answer(self, batch: list["Waiting[Q, A]"]) -> None:
        try:
            answers = await self._together([question for question, _ in batch])
        except Exception as fault:  # noqa: BLE001  (it is handed to the one who asked)
            if len(batch) == 1:
                _settle(batch[0][1], fault)
                return
            for alone in batch:
                await self._answer([alone])
            return
        for (_, answer), given in zip(batch, answers, strict=True):
            _settle(answer, given)

    async def _together(self, questions: list[Q | ByToken[Q]]) -> list[A | NotAsked]:
        async with db.begin(self._database) as tx:
            asked = await _by_token(tx, questions)
            askable = [each for each in asked if not isinstance(each, NotAsked)]
            answers = iter(await self._door(tx, askable) if askable else [])
            return [each if isinstance(each, NotAsked) else next(answers) for each in asked]


class Doors:
    """The doors of one process, open to single questions. Passed as an argument."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        catalogue: Catalogue,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._patience = patience
        self._disclosure = Gathering(database, _bound(disclosure.disclose, keyring, catalogue))
        self._verification = Gathering(database, _bound(verification.verify, keyring, catalogue))
        self._eligibility = Gathering(database, _bound(eligibility.assess, keyring, catalogue))

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, keyring: Keyring, catalogue: Catalogue
    ) -> AsyncIterator["Doors"]:
        """Open the doors; at the end, what was asked is still answered."""
        doors = cls(database, keyring, catalogue)
        try:
            yield doors
        finally:
            await doors._disclosure.drained()
            await doors._verification.drained()
            await doors._eligibility.drained()

    async def disclose(
        self, question: disclosure.Question | ByToken[disclosure.Question]
    ) -> disclosure.Answer | NotAsked:
        """Ask for attributes."""
        return await self._disclosure.ask(question)

    async def verify(
        self, question: verification.Question | ByToken[verification.Question]
    ) -> verification.Answer | NotAsked:
        """Compare claims; never in less than the patience."""
        answer, _ = await asyncio.gather(
            self._verification.ask(question), asyncio.sleep(self._patience)
        )
        return answer

    async def assess(
        self, question: eligibility.Question | ByToken[eligibility.Question]
    ) -> eligibility.Answer | NotAsked:
        """Ask for eligibility."""
        return await self._eligibility.ask(question)


async def _by_token(tx: Transaction, questions: Sequence[Q | ByToken[Q]]) -> list[Q | NotAsked]:
    """The questions themselves: each token is read anew, all in one statement."""
    jtis = [each.jti for each in questions if isinstance(each, ByToken)]
    held = await tokens.read(tx, jtis) if jtis else {}

    def asked(each: Q | ByToken[Q]) -> Q | NotAsked:
        if not isinstance(each, ByToken):
            return each
        token = held.get(each.jti)
        return TokenEnded() if token is None else each.question(token)

    return [asked(each) for each in questions]


def _bound(
    door: Callable[[Transaction, Keyring, Catalogue, Sequence[Q]], Awaitable[list[A]]],
    keyring: Keyring,
    catalogue: Catalogue,
) -> Door[Q, A]:
    async def bound(tx: Transaction, questions: Sequence[Q]) -> list[A]:
        return await door(tx, keyring, catalogue, questions)

    return bound


def _settle(answer: asyncio.Future[A], given: A | Exception) -> None:
    if answer.done():
        return  # whoever asked was cancelled
    if isinstance(given, Exception):
        answer.set_exception(given)
    else:
        answer.set_result(given)
