"""What is killed: each deed as the service does it, down to what follows its commit."""

import os
import signal
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from identity.doors import disclosure
from identity.doors.disclosure import Disclosed, Question
from identity.registry import erasing, people
from identity.registry.person import Person
from policies import catalogue as catalogues
from policies.vocabulary import Action, Actor, ActorKind, GroupId, Outcome
from vault import (
    access_log,
    attributes,
    erasure_journal,
    index_rotation,
    root_keys,
    rotation,
    transparency,
)
from vault import database as db
from vault.access_log import Line
from vault.envelope_errors import VaultError

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")
FOLDER = Path(catalogues.__file__).parent / "catalogue"
CATALOGUE = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
)


async def register(world):
    person = msgspec.convert(world.person, Person)
    async with db.begin(world.database) as tx:
        entered = await people.register(tx, world.keyring, person, by=DESK)
    world.say(str(entered.subject))


async def change(world):
    """A person's telephone changes, and the line of the log says that it did."""
    subject = UUID(world.subject)
    async with db.begin(world.database) as tx:
        await _store(tx, world.keyring, subject, world.phone)
    world.say("changed")


async def _store(tx, keyring, subject, phone):
    await attributes.store(tx, keyring, subject, GroupId("contact"), {"phone": phone})
    written = await attributes.written(tx, [subject])
    line = Line(
        actor=DESK,
        action=Action.REGISTER,
        outcome=Outcome.GIVEN,
        subject=subject,
        written=written[subject],
    )
    await access_log.record(tx, keyring, [line])


async def disclose(world):
    questions = [msgspec.convert(world.question, Question)]
    async with db.begin(world.database) as tx:
        (answer,) = await disclosure.disclose(tx, world.keyring, CATALOGUE, questions)
    assert isinstance(answer, Disclosed), answer
    world.say(answer.values)


async def erase(world):
    async with db.begin(world.database) as tx:
        done = await erasing.erase(
            tx, world.keyring, UUID(world.subject), subject_hash=world.subject_hash, by=DESK
        )
    async with db.read(world.database) as tx:
        await erasure_journal.keep(tx, world.home / "outside" / "erased.journal")
    if isinstance(done, erasing.Done):
        world.say(done.jws)


async def rotate_records(world):
    rotation.NODES = 1
    number = await rotation.begun(world.database)
    await rotation.end(world.database, world.keyring, number, lambda *_: None)


async def rotate_indexes(world):
    index_rotation.PAGE, index_rotation.DROPPED = world.records, world.rows
    async with db.begin(world.database) as tx:
        if len(await index_rotation.index_versions.for_writing(tx, world.keyring)) == 1:
            await index_rotation.begin(tx, world.keyring)
    await index_rotation.reindex(world.database, world.keyring, lambda *_: None)
    async with db.begin(world.database) as tx:
        assert await index_rotation.settle(tx) is None
    await index_rotation.drop_all(world.database)


async def write_on(world):
    """Write numbers that grow, in turn over the records, and say each once it is committed."""
    number = 0
    while True:
        for subject in world.subjects:
            number += 1
            async with db.begin(world.database) as tx:
                await _store(tx, world.keyring, UUID(subject), number)
            world.say([subject, number])


async def sequence(world):
    sealed = 1
    while sealed:
        async with db.begin(world.database) as tx:
            sealed = await transparency.sequence(tx, world.keyring, limit=world.at_once)


async def sequence_and_stop(world):
    """Read the tree, stop (SIGSTOP) before the first write, and say how it went on."""
    engine = world.database.writer.sync_engine

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _each(_connection, _cursor, statement, parameters, *_):
        if world.unlocked and "advisory" in statement:
            return "SELECT true", ()
        if "INSERT INTO log_entry" in statement:
            os.kill(os.getpid(), signal.SIGSTOP)
        return statement, parameters

    try:
        async with db.begin(world.database) as tx:
            sealed = await transparency.sequence(tx, world.keyring)
    except (SQLAlchemyError, VaultError) as why:
        world.say(type(why).__name__)
    else:
        world.say(sealed)


async def rotate_root(world):
    async with db.begin(world.database) as tx:
        version = await root_keys.rotate(tx, world.keyring)
    world.say(version)


async def destroy_root(world):
    async with db.begin(world.database) as tx:
        await root_keys.retire(tx, world.keyring, world.version)
    async with db.begin(world.database) as tx:
        done = await root_keys.destroy(tx, world.keyring, world.version, early=True)
    world.say(done)
