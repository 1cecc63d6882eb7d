"""`amana index`, as an operator calls it."""

import asyncio

import pytest
from sqlalchemy import delete

from identity.registry import people
from identity.registry.person import DocumentKind, Person, Sex
from policies.vocabulary import Actor, ActorKind
from vault import database as db
from vault import index_lint
from vault.keyring import open_keyring
from vault.keys import FileKeys
from vault.sealed_groups import sealed_attributes

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")


@pytest.fixture
def enter(settings):
    async def do(at):
        store = db.connect(settings.database)
        async with db.begin(store) as tx:
            keyring = await open_keyring(tx, FileKeys(settings.keys))
            person = Person(
                given_name_ar="محمد",
                given_name_latin="Mohamed",
                family_name_ar="العمراني",
                family_name_latin="El Amrani",
                sex=Sex.MALE,
                birth_date=f"19{at:02}-05-01",
                document_kind=DocumentKind.CNIE,
                document_number=f"AB{100000 + at}",
                phone="+212612345678",
            )
            assert isinstance(
                await people.register(tx, keyring, person, by=DESK), people.Registered
            )
        await db.close(store)

    return do


def test_a_rotation_from_its_beginning_to_its_end(installed, enter):
    asyncio.run(enter(90))
    assert "version 1: active, rules v2, 4 rows" in installed("index", "status").output
    assert "version 2 is active" in installed("index", "rotate").output
    assert "version 1: decrypt-only, rules v2, 4 rows" in installed("index", "status").output
    done = installed("index", "reindex")
    assert done.exit_code == 0, done.output
    assert "reindex to version 2: 1/1" in done.output
    after = installed("index", "status").output
    assert "version 2: active, rules v2, 4 rows" in after
    assert "version 1" not in after
    assert "finished" in after


def test_a_rotation_that_cannot_end_says_why(installed, enter, settings):
    async def harm():
        store = db.connect(settings.database)
        async with db.begin(store) as tx:
            await tx.connection.execute(delete(sealed_attributes))
        await db.close(store)

    asyncio.run(enter(90))
    asyncio.run(harm())
    installed("index", "rotate")
    done = installed("index", "reindex")
    assert done.exit_code == 1
    assert "4 rows are in them alone, 1 records have a fault" in done.stderr


def test_the_lint_names_the_index_and_no_value(installed, enter):
    assert installed("index", "lint").exit_code == 0
    for at in range(index_lint.FLOOR):
        asyncio.run(enter(10 + at))
    assert installed("index", "lint").exit_code == 0
    asyncio.run(enter(90))
    refused = installed("index", "lint")
    assert refused.exit_code == 1
    assert "Error: phone: the most frequent tag has more than 0.1% of the rows" in refused.stderr
    assert "612345678" not in refused.output
