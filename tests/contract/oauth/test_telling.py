"""A programme is told that its key ends: signed, once for each term, until it arrives."""

import asyncio
import json
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import update

from api import telling
from api.client import ForgedEventError
from api.client.events import read_event
from identity import client_keys, programme_messages
from identity.programme_messages import messages
from identity.programmes import clients
from vault import database as db

HOOK = "https://keys.example/hook"


@pytest.fixture
async def ending(house, amo, elsewhere):
    """A programme whose older key ends in twenty days, and which hears of it at `HOOK`."""
    newer = ECKey.generate_key("P-256").as_dict(private=False, kid="k2", use="sig")
    async with db.begin(house.database) as tx:
        await tx.connection.execute(update(clients).values(notify_url=HOOK))
        await client_keys.add(tx, "amo-tadamon", newer)
        await client_keys.end(tx, "amo-tadamon", "k1", tx.now + timedelta(days=20))
    elsewhere.give("/hook", b"", status="202 Accepted")
    return amo


async def tell(house, elsewhere, *addresses):
    fetcher = elsewhere.fetcher(*addresses)
    return await telling.tell_all(
        house.database, house.running.keyring, fetcher, house.running.settings.issuer
    )


async def later(house):
    """As if the pause of every message that waits were over."""
    async with db.begin(house.database) as tx:
        waiting = messages.c.next_at.is_not(None)
        at = tx.now - timedelta(seconds=1)
        await tx.connection.execute(update(messages).where(waiting).values(next_at=at))


async def told(house):
    """Every attempt at every message: kind and outcome."""
    async with db.read(house.database) as tx:
        found = await programme_messages.of_client(tx, "amo-tadamon")
        tries = await programme_messages.attempts_at(tx, [each.id for each in found])
    return found, [each.outcome for each in tries]


async def test_an_event_says_which_key_ends_and_is_signed_by_us(house, ending, elsewhere):
    assert await tell(house, elsewhere) == 1
    assert await tell(house, elsewhere) == 0

    head, _, said = elsewhere.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook ")
    assert b"Content-Type: application/secevent+jwt" in head
    keys = KeySet.import_key_set((await ending.http.get("/oauth/jwks")).json())
    token = jwt.decode(said.decode(), keys, algorithms=["ES256"])
    assert token.header["typ"] == "secevent+jwt"
    assert token.claims["aud"] == "amo-tadamon"
    assert token.claims["iss"] == house.running.settings.issuer
    [(event, facts)] = token.claims["events"].items()
    assert event == "urn:amana:event:key-ends"
    assert (facts["kid"], facts["last"]) == ("k1", False)
    assert "exp" not in token.claims
    assert (await told(house))[1] == ["delivered"]

    issuer = house.running.settings.issuer
    heard = read_event(said.decode(), keys, issuer=issuer, client_id="amo-tadamon")
    assert heard.events[event]["kid"] == "k1"
    for other in (
        {"issuer": f"{issuer}.evil", "client_id": "amo-tadamon"},
        {"issuer": issuer, "client_id": "asd"},
    ):
        with pytest.raises(ForgedEventError):
            read_event(said.decode(), keys, **other)


async def test_attack_87_an_event_is_no_access_token(house, ending, elsewhere):
    await tell(house, elsewhere)
    event = elsewhere.heard[0].partition(b"\r\n\r\n")[2].decode()

    answer = await ending.ask("/v1/verifications", event, {"claims": {"given_name": "x"}})

    assert answer.status_code == 401


async def test_what_does_not_arrive_is_tried_again_later_and_each_attempt_is_kept(
    house, ending, elsewhere
):
    elsewhere.give("/hook", b"", status="500 No")
    assert await tell(house, elsewhere) == 1
    assert await tell(house, elsewhere) == 0  # not before a minute has gone by
    await later(house)
    assert await tell(house, elsewhere, "127.0.0.1") == 1
    [message], _ = await told(house)
    assert timedelta(minutes=3) < message.next_at - message.created_at < timedelta(minutes=5)

    elsewhere.give("/hook", b"")
    await later(house)
    await tell(house, elsewhere)
    await later(house)
    assert await tell(house, elsewhere) == 0

    assert (await told(house))[1] == ["status", "address", "delivered"]


async def test_a_message_is_given_up_after_ten_attempts(house, ending, elsewhere):
    elsewhere.give("/hook", b"", status="500 No")
    for _ in range(12):
        await tell(house, elsewhere)
        await later(house)

    [message], outcomes = await told(house)
    assert outcomes == ["status"] * 10
    assert message.next_at is None


async def test_of_twenty_rounds_at_once_one_sends(house, ending, elsewhere):
    await asyncio.gather(*(tell(house, elsewhere) for _ in range(20)))

    assert len(elsewhere.heard) == 1
    assert (await told(house))[1] == ["delivered"]


async def test_each_term_is_told_once(house, ending, elsewhere):
    await tell(house, elsewhere)
    async with db.begin(house.database) as tx:
        row = (await tx.connection.execute(clients.select())).mappings().one()
        soon = int((tx.now + timedelta(days=6)).timestamp())
        keys = [key | {"exp": soon} for key in row["jwks"]["keys"]]
        await tx.connection.execute(update(clients).values(jwks={"keys": keys}))

    assert await tell(house, elsewhere) == 2
    assert await tell(house, elsewhere) == 0
    found, _ = await told(house)
    assert sorted((m.facts["kid"], m.facts["last"]) for m in found) == [
        ("k1", False), ("k1", True), ("k2", True),
    ]  # fmt: skip
    assert len({json.dumps(m.facts) for m in found}) == 3


async def test_a_programme_that_named_no_address_is_told_nothing(house, ending, elsewhere):
    async with db.begin(house.database) as tx:
        await tx.connection.execute(update(clients).values(notify_url=None))

    assert await tell(house, elsewhere) == 0
    assert await told(house) == ([], [])
