"""The doors of one process, open to single questions: those that come together share a unit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Final, Generic, TypeVar

import msgspec

from identity import programmes, tokens
from identity.doors import disclosure, eligibility, introspection, verification
from identity.programmes import Client
from identity.tokens import AccessToken
from policies.catalogue import Catalogue
from policies.stepping_up import StepUp
from vault import database as db
from vault.database import Database, Transaction
from vault.gathering import Door, Gathering
from vault.glances import Glances
from vault.keyring import Keyring

Q = TypeVar("Q")
A = TypeVar("A")

PATIENCE_SECONDS: Final = 0.02
"""No verification is answered sooner: what was found on the way does not show in the time."""


class ByToken(msgspec.Struct, Generic[Q], frozen=True, kw_only=True):
    """A question that rests on an access token, which is read anew in the same transaction."""

    token: AccessToken
    """As it was shown: its signature held."""
    question: Callable[[AccessToken], Q | StepUp]
    """The question this token allows to be asked, or what its person's sign-in lacks for it."""


class ByProgramme(msgspec.Struct, Generic[Q], frozen=True, kw_only=True):
    """A question of a programme that has shown who it is, as it was known then."""

    client: Client
    question: Q


class Outdated(msgspec.Struct, frozen=True, kw_only=True):
    """The programme is not as it was known: nothing was asked. Let it show anew who it is."""


class TokenEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The token is unknown, expired or revoked: nothing was asked."""


NotAsked = TokenEnded | StepUp


class Doors:
    """Passed as an argument; `open` makes them."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        catalogue: Catalogue,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._patience = patience

        def bound(door: "_Bare[Q, A]") -> Door[Transaction, Q, A]:
            async def answered(tx: Transaction, questions: Sequence[Q]) -> list[A]:
                return await door(tx, keyring, catalogue, questions)

            return answered

        disclose = _by_token(bound(disclosure.disclose))
        verify = _by_token(bound(verification.verify))
        assess = _by_token(bound(eligibility.assess))
        introspect = _by_programme(bound(introspection.introspect))
        self._disclosure = Gathering(database, disclose, unit=db.begin)
        self._verification = Gathering(database, verify, unit=db.begin)
        self._eligibility = Gathering(database, assess, unit=db.begin)
        self._introspection = Gathering(database, introspect, unit=db.begin)
        self._glances = Glances(database), Glances(database)
        by_law, who = self._glances
        self._introspection_by_law = Gathering(by_law, _introspected_by_law, unit=nullcontext)
        self._programmes = Gathering(who, _registered, unit=nullcontext)
        self._known: dict[str, Client] = {}

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
            await doors._introspection.drained()
            await doors._introspection_by_law.drained()
            await doors._programmes.drained()
            for each in doors._glances:
                await each.close()

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

    async def introspect(
        self, question: ByProgramme[introspection.Question]
    ) -> introspection.Standing | Outdated | None:
        """Ask what a token is worth."""
        access = question.question.access
        # What rests on no consent needs no lock: one statement reads all there is to it.
        by_law = access is not None and access.family is None
        door = self._introspection_by_law if by_law else self._introspection
        return await door.ask(question)

    def known(self, client_id: str) -> Client | None:
        """A programme as it was last read here. What acts for it checks that it still is so."""
        return self._known.get(client_id)

    async def programme(self, client_id: str) -> Client | None:
        """Ask who is registered under a name."""
        found = await self._programmes.ask(client_id)
        if found is None:
            self._known.pop(client_id, None)
        else:
            self._known[client_id] = found
        return found

    async def is_still(self, client: Client) -> bool:
        """Ask whether a programme is as it was known."""
        return await self._programmes.ask(client.client_id) == client


_Bare = Callable[[Transaction, Keyring, Catalogue, Sequence[Q]], Awaitable[list[A]]]


def _by_token(door: Door[Transaction, Q, A]) -> Door[Transaction, Q | ByToken[Q], A | NotAsked]:
    """The same door for questions that rest on tokens: all are read anew in one statement."""

    async def answered(tx: Transaction, questions: Sequence[Q | ByToken[Q]]) -> list[A | NotAsked]:
        shown = [each.token for each in questions if isinstance(each, ByToken)]
        held = await tokens.read(tx, shown) if shown else {}

        def asked(each: Q | ByToken[Q]) -> Q | NotAsked:
            if not isinstance(each, ByToken):
                return each
            token = held.get(each.token.jti)
            return TokenEnded() if token is None else each.question(token)

        allowed = [asked(each) for each in questions]
        askable = [each for each in allowed if not isinstance(each, NotAsked)]
        answers = iter(await door(tx, askable) if askable else [])
        return [each if isinstance(each, NotAsked) else next(answers) for each in allowed]

    return answered


def _by_programme(
    door: Door[Transaction, Q, A],
) -> Door[Transaction, ByProgramme[Q], A | Outdated]:
    """The same door for programmes that are still as they were known: all are read anew."""

    async def answered(tx: Transaction, questions: Sequence[ByProgramme[Q]]) -> list[A | Outdated]:
        current = await programmes.read(tx, list({each.client.client_id for each in questions}))
        known = [current.get(each.client.client_id) == each.client for each in questions]
        askable = [each.question for each, is_so in zip(questions, known, strict=True) if is_so]
        answers = iter(await door(tx, askable) if askable else [])
        return [next(answers) if is_so else Outdated() for is_so in known]

    return answered


async def _introspected_by_law(
    glances: Glances, questions: Sequence[ByProgramme[introspection.Question]]
) -> list[introspection.Standing | Outdated | None]:
    """Of programmes that are still as they were known, about tokens that rest on no consent."""
    names = list({each.client.client_id for each in questions})
    shown = [each.question.access for each in questions if each.question.access is not None]
    now = db.instant()
    current, given_back = await tokens.given_back(glances, names, shown)
    return [
        introspection.by_law(each.question, given_back, now)
        if current.get(each.client.client_id) == each.client
        else Outdated()
        for each in questions
    ]


async def _registered(glances: Glances, names: Sequence[str]) -> list[Client | None]:
    found = await programmes.seen(glances, list(dict.fromkeys(names)))
    return [found.get(name) for name in names]
