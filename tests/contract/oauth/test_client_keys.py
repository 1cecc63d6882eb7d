"""Keys that change while a programme works: added, ended, published (attacks 26 and 102)."""

import asyncio
import json
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import update

from api import client_sets
from identity import client_keys, programmes
from identity.programmes import Registration, Unacceptable, clients
from vault import database as db

URL = "https://keys.example/jwks"


def public(key, kid, **more):
    return key.as_dict(private=False, kid=kid, use="sig") | more


async def works(programme, key, kid):
    """Whether an assertion of this key opens the door."""
    before, programme.key = programme.key, key
    form = programme.authenticated(token="x", client_assertion=programme.assertion({"kid": kid}))
    programme.key = before
    return (await programme.post("/oauth/introspect", form)).status_code == 200


async def changed(house, change, *args):
    async with db.begin(house.database) as tx:
        return await change(tx, *args)


async def earlier(house, **columns):
    """As if a minute had gone by since an address was last tried."""
    async with db.begin(house.database) as tx:
        values = {"jwks_tried_at": tx.now - timedelta(seconds=61)} | columns
        await tx.connection.execute(update(clients).values(values))


async def client_of(house, client_id):
    async with db.read(house.database) as tx:
        return (await programmes.read(tx, [client_id]))[client_id]


async def test_attack_102_the_older_key_is_good_beside_the_new_one_until_it_ends(house, amo):
    newer = ECKey.generate_key("P-256")
    assert not await works(amo, newer, "k2")

    await changed(house, client_keys.add, "amo-tadamon", public(newer, "k2"))
    assert await works(amo, amo.key, "k1")
    assert await works(amo, newer, "k2")

    async with db.read(house.database) as tx:
        soon = tx.now + timedelta(seconds=1)
    await changed(house, client_keys.end, "amo-tadamon", "k1", soon)
    assert await works(amo, amo.key, "k1")
    await asyncio.sleep(2.1)
    assert not await works(amo, amo.key, "k1")
    assert await works(amo, newer, "k2")


async def test_the_last_key_cannot_be_ended(house, amo):
    async with db.read(house.database) as tx:
        now = tx.now
    answer = await changed(house, client_keys.end, "amo-tadamon", "k1", now + timedelta(days=9))
    over = await changed(house, client_keys.end, "amo-tadamon", "k1", now - timedelta(days=9))
    other = await changed(house, client_keys.end, "amo-tadamon", "k9", now)
    nobody = await changed(house, client_keys.end, "nobody", "k1", now)

    assert answer == Unacceptable(problems=("no key to sign with would be left: add one first",))
    assert over == Unacceptable(problems=("that moment is over",))
    assert other == Unacceptable(problems=("it has no such key",))
    assert nobody == Unacceptable(problems=("there is no such programme",))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"kid": "k1"}, "two keys have the same kid"),
        ({"d": "x"}, "has a private part"),
        ({"alg": "PS256"}, "another algorithm"),
        ({"exp": 0}, "has an end that is no instant"),
        ({"exp": True}, "has an end that is no instant"),
        ({"exp": "tomorrow"}, "has an end that is no instant"),
        ({"exp": 10**12}, "has an end that is no instant"),
    ],
)
async def test_a_key_that_is_of_no_use_is_not_added(house, amo, wrong, problem):
    key = public(ECKey.generate_key("P-256"), "k2") | wrong

    answer = await changed(house, client_keys.add, "amo-tadamon", key)

    assert isinstance(answer, Unacceptable)
    assert problem in answer.problems[0]
    assert programmes.programme_keys.signs((await client_of(house, "amo-tadamon")).jwks)


async def test_of_keys_added_at_once_none_is_lost(house, amo):
    keys = [public(ECKey.generate_key("P-256"), f"n{n}") for n in range(15)]

    await asyncio.gather(*(changed(house, client_keys.add, "amo-tadamon", key) for key in keys))
    over = await changed(house, client_keys.add, "amo-tadamon", keys[0] | {"kid": "n16"})

    assert len((await client_of(house, "amo-tadamon")).jwks["keys"]) == 16
    assert over == Unacceptable(problems=("there are more than 16 keys",))


async def test_a_key_that_ends_soon_is_known_and_whether_it_is_the_last(house, amo):
    async with db.read(house.database) as tx:
        now = tx.now
    await changed(
        house,
        client_keys.add,
        "amo-tadamon",
        public(ECKey.generate_key("P-256"), "k2", exp=int((now + timedelta(days=40)).timestamp())),
    )
    await changed(house, client_keys.end, "amo-tadamon", "k1", now + timedelta(days=20))
    client = await client_of(house, "amo-tadamon")

    assert [(e.kid, e.last) for e in client_keys.endings(client, now)] == [("k1", False)]
    later = now + timedelta(days=21)
    assert [(e.kid, e.last) for e in client_keys.endings(client, later)] == [("k2", True)]


@pytest.fixture
async def published(house, register_with, elsewhere):
    """A programme whose keys are at an address."""
    key = ECKey.generate_key("P-256")
    elsewhere.give("/jwks", json.dumps({"keys": [public(key, "k1")]}).encode())
    programme = await register_with("amo-tadamon", "amo-tadamon/enrolment", key, "ES256")
    async with db.begin(house.database) as tx:
        await tx.connection.execute(
            update(clients).values(jwks={"keys": []}, jwks_uri=URL, jwks_at=None)
        )
    return programme


async def read_all(house, elsewhere, *addresses):
    return await client_sets.read_all(
        house.database, house.running.short_lived, elsewhere.fetcher(*addresses)
    )


async def test_published_keys_are_read_and_used(house, published, elsewhere):
    assert not await works(published, published.key, "k1")

    assert await read_all(house, elsewhere) == 1
    assert await works(published, published.key, "k1")
    client = await client_of(house, "amo-tadamon")
    assert client.jwks_at == client.jwks_tried_at or client.jwks_at > client.jwks_tried_at
    assert client.jwks_failure is None


async def test_a_new_key_is_found_because_it_was_used(house, published, elsewhere):
    await read_all(house, elsewhere)
    newer = ECKey.generate_key("P-256")
    elsewhere.give("/jwks", json.dumps({"keys": [public(newer, "k2")]}).encode())
    await earlier(house)
    assert await read_all(house, elsewhere) == 0

    assert not await works(published, newer, "k2")
    assert await read_all(house, elsewhere) == 1
    assert await works(published, newer, "k2")
    assert not await works(published, published.key, "k1")


async def test_attack_102_a_flood_of_unknown_keys_reads_the_address_once_a_minute(
    house, published, elsewhere
):
    await read_all(house, elsewhere)
    stranger = ECKey.generate_key("P-256")
    for _ in range(3):
        await asyncio.gather(*(works(published, stranger, f"no{n}") for n in range(20)))
        await asyncio.gather(*(read_all(house, elsewhere) for _ in range(20)))
    assert len(elsewhere.heard) == 1

    await earlier(house)
    await asyncio.gather(*(read_all(house, elsewhere) for _ in range(20)))
    assert len(elsewhere.heard) == 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "set"),
        (b"[]", "set"),
        (b'{"keys":[]}', "set"),
        (b'{"keys":[1]}', "set"),
        (b'{"keys":[],"keys":[]}', "set"),
        (b"[" * 60_000, "set"),
        (b"x" * 70_000, "size"),
    ],
)
async def test_attack_102_the_last_good_set_stays_while_the_address_gives_none(
    house, published, elsewhere, body, why
):
    await read_all(house, elsewhere)
    good = await client_of(house, "amo-tadamon")
    elsewhere.give("/jwks", body)
    await earlier(house, jwks_at=good.jwks_at - timedelta(minutes=16))

    await read_all(house, elsewhere)

    client = await client_of(house, "amo-tadamon")
    assert (client.jwks, client.jwks_failure) == (good.jwks, why)
    assert client.jwks_at == good.jwks_at - timedelta(minutes=16)
    assert await works(published, published.key, "k1")
    assert client_keys.is_stale(client, client.jwks_at + timedelta(days=1, seconds=1))
    assert not client_keys.is_stale(client, client.jwks_at + timedelta(days=1))


async def test_a_set_with_a_private_key_is_not_taken_and_one_with_others_is_sifted(
    house, published, elsewhere
):
    good = public(published.key, "k1")
    other = ECKey.generate_key("P-384").as_dict(private=False, kid="k2")
    elsewhere.give("/jwks", json.dumps({"keys": [good, other, 7]}).encode())
    await read_all(house, elsewhere)
    assert (await client_of(house, "amo-tadamon")).jwks == {"keys": [good]}

    secret = ECKey.generate_key("P-256").as_dict(private=True, kid="k3")
    elsewhere.give("/jwks", json.dumps({"keys": [good, secret]}).encode())
    await earlier(house, jwks_at=None)
    await read_all(house, elsewhere)
    assert (await client_of(house, "amo-tadamon")).jwks_failure == "set"


async def test_attack_16_an_address_inside_is_noted_and_not_reached(house, published, elsewhere):
    await read_all(house, elsewhere, "169.254.169.254")

    client = await client_of(house, "amo-tadamon")
    assert (client.jwks_failure, client.jwks_at, elsewhere.connected) == ("address", None, [])


async def test_keys_at_an_address_are_changed_there(house, published):
    answer = await changed(house, client_keys.add, "amo-tadamon", {})

    assert answer == Unacceptable(
        problems=("its keys are read from its address: change them there",)
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"jwks_uri": "http://keys.example/"}, "is not https"),
        ({"jwks_uri": URL}, None),
        ({"jwks_uri": URL, "jwks": {"keys": []}}, "not both"),
        ({"jwks_uri": URL, "jwks": {"keys": [1]}}, "not both"),
        ({"notify_url": "https://u@keys.example/"}, "has more than an address"),
        ({}, "there is no key"),
    ],
)
async def test_an_address_of_keys_is_registered_instead_of_keys(house, change, problem):
    wanted = {"client_id": "asd", "name": "ASD", "agreements": ("asd/eligibility",)} | change

    answer = await changed(house, programmes.add, house.running.catalogue, Registration(**wanted))

    said = answer.problems if isinstance(answer, Unacceptable) else ()
    assert any(problem in each for each in said) if problem else said == ()
