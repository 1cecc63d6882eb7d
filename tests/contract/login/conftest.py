"""A desk that lets people in, a citizen and a member of staff, and a clock for the rates."""

from uuid import uuid4

import msgspec
import pyotp
import pytest
from argon2.profiles import CHEAPEST
from sqlalchemy import insert

from identity.login import accounts, credentials, one_time_codes, staff
from identity.login.credentials import Hashing, Profile
from identity.login.sign_in import Desk
from identity.registry.people import people
from policies.staff import Role
from policies.vocabulary import StaffId, SubjectId
from vault import blind_index
from vault import database as db
from vault.keyring import open_keyring
from vault.keys import create_file_keys
from vault.short_lived_memory import MemoryShortLived

CHEAP = Profile(
    name="cheap",
    memory_kib=CHEAPEST.memory_cost,
    passes=CHEAPEST.time_cost,
    lanes=CHEAPEST.parallelism,
    source="argon2-cffi, for tests",
)
PASSWORD = "tagine-aux-citrons"


class Citizen(msgspec.Struct, frozen=True, kw_only=True):
    subject: SubjectId
    idcs: str
    password: str
    secret: str


class Clock:
    """Seconds, for the short-lived store alone."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
async def keyring(database, tmp_path):
    async with db.begin(database) as tx:
        return await open_keyring(tx, create_file_keys(tmp_path / "keys"))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hashing():
    made = Hashing(CHEAP)
    yield made
    made.close()


@pytest.fixture
def desk(database, keyring, hashing, clock):
    return Desk(
        database=database,
        keyring=keyring,
        short_lived=MemoryShortLived(clock),
        hashing=hashing,
        patience=0,
    )


@pytest.fixture
async def citizen(database, keyring, hashing):
    subject, idcs = SubjectId(uuid4()), "2345678903"
    account = accounts.of_citizen(subject)
    hashed = await credentials.prepare(hashing, PASSWORD, identifiers=[idcs])
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, subject)
        await blind_index.put(tx, keyring, subject, "idcs", idcs)
        row = {"subject": subject, "status": "active", "synthetic": True, "registered_at": tx.now}
        await tx.connection.execute(insert(people), row)
        await credentials.keep(tx, account, hashed)
        enrolled = await one_time_codes.enrol(tx, keyring, account, label="Amana")
    return Citizen(subject=subject, idcs=idcs, password=PASSWORD, secret=enrolled.secret)


@pytest.fixture
async def dpo(database, keyring, hashing):
    """The secret of the DPO's authenticator."""
    name = StaffId("dpo-1")
    account = accounts.of_staff(name)
    hashed = await credentials.prepare(hashing, PASSWORD, identifiers=[name])
    async with db.begin(database) as tx:
        await staff.add(tx, name, Role.DPO)
        await credentials.keep(tx, account, hashed)
        return (await one_time_codes.enrol(tx, keyring, account, label="dpo-1")).secret


@pytest.fixture
def code(database):
    """The code an authenticator shows now, or some steps of 30 s away."""

    async def shown(secret, steps=0):
        async with db.read(database) as tx:
            return pyotp.TOTP(secret).at(tx.now, counter_offset=steps)

    return shown
