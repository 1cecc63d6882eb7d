"""What is logged about one person, sealed, and handed to them to keep."""

from datetime import timedelta

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action, Actor, ActorKind, Outcome
from vault import access_log, day_map, keepsakes, statements, transparency
from vault import database as db
from vault.access_log import Line
from vault.log_tables import access_log as lines


class Keeper:
    """Logs, seals and hands out, for one person."""

    def __init__(self, database, keyring, person):
        self.database, self.keyring, self.person = database, keyring, person

    async def log(self, times=1, **changes):
        line = Line(
            actor=Actor(kind=ActorKind.PROGRAMME, id="asd"),
            action=Action.READ,
            outcome=Outcome.GIVEN,
            subject=self.person,
            **changes,
        )
        async with db.begin(self.database) as tx:
            return await access_log.record(tx, self.keyring, [line] * times)

    async def seal(self):
        async with db.begin(self.database) as tx:
            await transparency.sequence(tx, self.keyring)

    async def fold(self, **delay):
        async with db.begin(self.database) as tx:
            then = msgspec.structs.replace(tx, now=tx.now + timedelta(**delay))
            return await day_map.fold(then, self.keyring)

    async def ask(self, function, *arguments):
        async with db.read(self.database) as tx:
            return await function(tx, self.keyring, *arguments)

    async def receipt(self):
        return await self.ask(keepsakes.receipt, self.person)

    async def history(self):
        return await self.ask(keepsakes.history, self.person)

    async def bundle(self, entry):
        async with db.read(self.database) as tx:
            proof = await transparency.inclusion(tx, entry)
            leaf = await tx.connection.scalar(select(lines.c.leaf).where(lines.c.id == entry))
        return keepsakes.bundle(proof, leaf)

    async def said(self, compact, kind=keepsakes.HISTORY):
        return await self.ask(statements.verify, kind, compact)

    async def later(self, function, **delay):
        """What a function gives of this person after so long."""
        async with db.begin(self.database) as tx:
            then = msgspec.structs.replace(tx, now=tx.now + timedelta(**delay))
            return await function(then, self.keyring, self.person)

    async def lie(self, compact, change):
        """The history as a service would sign it that shows something else."""
        record = await self.said(compact)
        change(record)
        return await self.ask(statements.sign, keepsakes.HISTORY, record)
