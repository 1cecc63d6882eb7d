"""An erasure under the rights that each database role has, on PostgreSQL."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from api import forgetting
from consent import requests
from consent.requests import Reason, State
from identity import programme_messages, programmes
from identity.login import sessions, sign_ons
from identity.registry import erasing, erasure_holds, people
from policies.retention import Hold
from policies.vocabulary import Actor, ActorKind, StaffId
from vault import database as db
from vault import day_map, erasure_gate, migrating, transparency
from vault.keyring import open_keyring
from vault.keys import create_file_keys

pytestmark = pytest.mark.postgres
BY = Actor(kind=ActorKind.SYSTEM, id="erasure")


@pytest.fixture
async def owned(empty_postgres_url):
    owner = db.connect(empty_postgres_url)
    async with db.begin(owner) as tx:
        for role in ("amana_app", "amana_console"):
            made = f"CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN"
            await tx.connection.execute(text(f"DO $$ BEGIN {made} END $$"))
    await asyncio.to_thread(migrating.upgrade, empty_postgres_url)
    yield owner
    await db.close(owner)


@pytest.fixture
def acting_as(owned):
    @asynccontextmanager
    async def act(role):
        async with db.begin(owned) as tx:
            await tx.connection.execute(text(f"SET LOCAL ROLE {role}"))
            yield tx

    return act


@pytest.fixture
async def entered(acting_as, written, tmp_path):
    """Somebody on the register, with everything that hangs on a person; and the keyring."""
    async with acting_as("amana_app") as tx:
        keyring = await open_keyring(tx, create_file_keys(tmp_path / "keys"))
        person = await people.register(tx, keyring, written(), by=BY)
        await erasure_holds.place(tx, person.subject, Hold.AUDIT, until=db.EPOCH)
        assert await requests.ask(tx, person.subject, "link", "0" * 64)
    return person, keyring


async def test_the_console_decides_and_the_public_app_carries_out(acting_as, entered):
    person, keyring = entered
    async with acting_as("amana_console") as tx:
        (request,) = await requests.in_state(tx, State.ASKED)
        assert await requests.accept(tx, request.id, StaffId("dpo-1"))
        assert not await requests.refuse(tx, request.id, StaffId("dpo-1"), Reason.LAW)
        assert await erasure_gate.closed(tx, keyring, []) == []
    async with acting_as("amana_app") as tx:
        done = await erasing.erase(tx, keyring, person.subject, subject_hash="0" * 64, by=BY)
        await requests.done(tx, request.id, done.certificate)
        assert await erasure_gate.closed(tx, keyring, []) == []
    async with acting_as("amana_app") as tx:
        assert await people.by_idcs(tx, keyring, [person.idcs]) == {}


async def test_who_asked_takes_it_back_and_the_console_sees_what_must_be_kept(acting_as, entered):
    person, _ = entered
    async with acting_as("amana_console") as tx:
        assert list(await erasure_holds.standing_of(tx, [person.subject])) == [person.subject]
    async with acting_as("amana_app") as tx:
        assert await requests.cancel(tx, person.subject)
    async with acting_as("amana_console") as tx:
        assert await requests.in_state(tx, State.ASKED) == []


async def test_the_console_verifies_a_log_with_a_days_map(acting_as, entered):
    _, keyring = entered
    async with acting_as("amana_app") as tx:
        assert await day_map.fold(tx, keyring)
        assert await transparency.sequence(tx, keyring)
    async with acting_as("amana_console") as tx:
        assert (await transparency.verify(tx, keyring)).fault is None


async def test_the_public_app_deletes_what_has_served_its_term(acting_as):
    async with acting_as("amana_app") as tx:
        assert [await each(tx, limit=9) for each in forgetting.DUE.values()] == [0, 0, 0, 0]


async def test_a_session_ends_on_either_side_and_the_programme_is_told(acting_as, entered):
    person, _ = entered
    for number, role in enumerate(("amana_console", "amana_app"), start=1):
        async with acting_as("amana_app") as tx:
            if number == 1:
                row = {"jwks": {}, "redirect_uris": [], "agreements": [], "alg": "ES256"}
                row |= {"client_id": "asd", "name": "asd", "state": "active", "created_at": tx.now}
                told = {"backchannel_logout_uri": "https://asd.example/out"}
                await tx.connection.execute(insert(programmes.clients).values(row | told))
            token = await sessions.start_citizen(tx, person.subject)
            session = await sessions.citizen(tx, token)
            await sign_ons.note(tx, session.id, "asd")
        async with acting_as(role) as tx:
            assert await sessions.end_of_citizen(tx, person.subject) == 1
        async with acting_as("amana_app") as tx:
            assert len(await programme_messages.due(tx)) == number


async def test_the_console_erases_nobody(acting_as, entered):
    person, keyring = entered
    with pytest.raises(DBAPIError, match="permission denied"):
        async with acting_as("amana_console") as tx:
            await erasing.erase(tx, keyring, person.subject, subject_hash="0" * 64, by=BY)


@pytest.mark.parametrize("role", ["amana_app", "amana_console"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tombstones",
        "UPDATE tombstones SET tag = ''",
        "DELETE FROM erasure_certificates",
        "DELETE FROM erasure_requests",
    ],
)
async def test_no_role_takes_a_tombstone_or_a_certificate_away(acting_as, role, statement):
    with pytest.raises(DBAPIError, match="permission denied"):
        async with acting_as(role) as tx:
            await tx.connection.execute(text(statement))


@pytest.mark.parametrize("role", ["amana_app", "amana_console"])
@pytest.mark.parametrize(
    "change",
    [
        "subject = gen_random_uuid(), state = 'accepted'",
        "subject = gen_random_uuid()",
        "subject_hash = repeat('1', 64)",
        "link = repeat('1', 64)",
        "asked_at = asked_at - interval '30 days'",
    ],
)
async def test_nobody_puts_another_person_in_the_place_of_who_asked(
    acting_as, entered, role, change
):
    person, _ = entered
    with pytest.raises(DBAPIError, match=r"permission denied|is fixed"):
        async with acting_as(role) as tx:
            await tx.connection.execute(text(f"UPDATE erasure_requests SET {change}"))
    async with acting_as("amana_app") as tx:
        (request,) = await requests.in_state(tx, State.ASKED)
    assert (request.subject, request.subject_hash) == (person.subject, "0" * 64)


async def test_who_was_refused_is_not_brought_back_by_the_console(acting_as, entered):
    person, _ = entered
    async with acting_as("amana_console") as tx:
        (request,) = await requests.in_state(tx, State.ASKED)
        assert await requests.refuse(tx, request.id, StaffId("dpo-1"), Reason.LAW)
    with pytest.raises(DBAPIError, match="is fixed"):
        async with acting_as("amana_console") as tx:
            again = f"UPDATE erasure_requests SET subject = '{person.subject}', state = 'accepted'"
            await tx.connection.execute(text(again))
