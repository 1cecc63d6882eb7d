"""A new password is kept only if nothing else changed while it was being hashed."""

import pytest

from identity.login import accounts, changing, credentials, sessions
from identity.login.changing import Changed, NotChanged, Part, SignedOut
from policies.vocabulary import Action, StaffId
from tests.contract.login.conftest import PASSWORD
from vault import access_log
from vault import database as db

DPO = StaffId("dpo-1")
NEW = "sept chameaux au hammam"


class Interrupted:
    """Hashing, during which something else happens."""

    def __init__(self, hashing, meanwhile):
        self._hashing, self._meanwhile = hashing, meanwhile

    async def matches(self, stored, password):
        await self._meanwhile()
        return await self._hashing.matches(stored, password)

    def __getattr__(self, name):
        return getattr(self._hashing, name)


@pytest.fixture
async def token(database, citizen):
    async with db.begin(database) as tx:
        return await sessions.start_citizen(tx, citizen.subject)


@pytest.fixture
def change(desk, citizen, token, code):
    async def do(hashing=None, **typed):
        sound = {"current": citizen.password, "password": NEW, "code": await code(citizen.secret)}
        at = desk if hashing is None else type(desk)(**(fields(desk) | {"hashing": hashing}))
        return await changing.of_citizen(at, token, changing.Typed(**(sound | typed)))

    return do


def fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


@pytest.fixture
def is_new(database, hashing, citizen):
    async def ask():
        async with db.read(database) as tx:
            stored = await credentials.stored(tx, accounts.of_citizen(citizen.subject))
        return await hashing.matches(stored, NEW)

    return ask


async def test_it_is_changed_logged_and_others_are_out(database, citizen, change, is_new):
    async with db.begin(database) as tx:
        other = await sessions.start_citizen(tx, citizen.subject)

    assert await change() == Changed()
    assert await is_new()
    async with db.begin(database) as tx:
        assert await sessions.citizen(tx, other) is None
        (line,) = await access_log.search(tx, access_log.Criteria(action=Action.PASSWORD), limit=9)
    assert line.outcome == "given"


async def test_a_password_that_was_changed_meanwhile_stays(
    database, hashing, citizen, change, is_new
):
    between = await credentials.prepare(hashing, "un autre ailleurs entretemps", identifiers=[])

    async def meanwhile():
        async with db.begin(database) as tx:
            await credentials.keep(tx, accounts.of_citizen(citizen.subject), between)

    answer = await change(Interrupted(hashing, meanwhile))
    assert answer == NotChanged(part=Part.CURRENT)
    assert not await is_new()


async def test_who_was_signed_out_meanwhile_changes_nothing(
    database, hashing, citizen, change, is_new
):
    async def meanwhile():
        async with db.begin(database) as tx:
            await sessions.end_of_citizen(tx, citizen.subject)

    assert await change(Interrupted(hashing, meanwhile)) == SignedOut()
    assert not await is_new()


async def test_what_is_wrong_is_told_by_its_part(citizen, change, is_new):
    assert await change(code="000000x") == NotChanged(part=Part.CODE)
    assert await change(current="another one entirely") == NotChanged(part=Part.CURRENT)
    assert not await is_new()


@pytest.fixture
def change_of_staff(desk, dpo, code):
    async def do(token, **typed):
        sound = {"current": PASSWORD, "password": NEW, "code": await code(dpo)}
        return await changing.of_staff(desk, token, changing.Typed(**(sound | typed)))

    return do


async def test_staff_change_theirs_too_and_are_out_elsewhere(database, desk, change_of_staff):
    async with db.begin(database) as tx:
        here, there = [await sessions.start_staff(tx, DPO) for _ in range(2)]
        bystander = await sessions.start_staff(tx, StaffId("dpo-2"))

    assert await change_of_staff(here) == Changed()
    async with db.begin(database) as tx:
        assert await sessions.staff(tx, here) is not None
        assert await sessions.staff(tx, there) is None
        rows = sessions.sessions.select().where(sessions.sessions.c.ended_at.is_not(None))
        assert len((await tx.connection.execute(rows)).all()) == 1
        stored = await credentials.stored(tx, accounts.of_staff(DPO))
        (line,) = await access_log.search(tx, access_log.Criteria(action=Action.PASSWORD), limit=9)
    assert await desk.hashing.matches(stored, NEW)
    assert (line.actor.id, line.outcome) == (DPO, "given")
    assert bystander


async def test_what_is_wrong_with_a_staff_password_is_told_by_its_part(database, change_of_staff):
    async with db.begin(database) as tx:
        token = await sessions.start_staff(tx, DPO)

    assert await change_of_staff("made-up") == SignedOut()
    assert await change_of_staff(token, code="000000x") == NotChanged(part=Part.CODE)
    async with db.begin(database) as tx:
        lines = await access_log.search(tx, access_log.Criteria(action=Action.SIGN_IN), limit=9)
    assert [(line.actor.id, line.reasons) for line in lines] == [(DPO, ("wrong-code",))]
    # The name one signs in by is no password.
    weak = await change_of_staff(token, password=f"{DPO} {DPO} {DPO}")
    assert (weak.part, bool(weak.reason)) == (Part.NEW, True)
