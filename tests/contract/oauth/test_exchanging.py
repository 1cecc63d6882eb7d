"""A programme changes its old identifiers for new ones at `/v1/identifiers/exchange`."""

import json

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from identity.registry import pseudonyms
from identity.registry.pseudonym_rotation import MOST, TYPE
from policies.vocabulary import Action, Audience, Outcome
from vault import access_log, domain_keys, signing
from vault import database as db
from vault.access_log import Criteria

PATH = "/v1/identifiers/exchange"
AMO, ASD = Audience("amo-tadamon"), Audience("asd")
EXCHANGES = Criteria(action=Action.EXCHANGE, outcome=Outcome.GIVEN)


@pytest.fixture
async def known(house, on_register):
    """Three people at two programmes, then a rotation: each one's old identifiers."""
    async with db.begin(house.database) as tx:
        people = await on_register(tx, 3)
        ring = house.running.keyring
        amo = await pseudonyms.pairwise(tx, ring, AMO, people)
        asd = await pseudonyms.pairwise(tx, ring, ASD, people)
        await domain_keys.rotate(tx, ring.keys, "pairwise")
        await ring.reload(tx)
    return list(amo.values()), list(asd.values())


@pytest.fixture
def exchange(amo):
    async def ask(*identifiers, token=None, **headers):
        token = token or await amo.own_token()
        return await amo.ask(PATH, token, {"identifiers": identifiers}, **headers)

    return ask


async def test_old_identifiers_are_changed_for_the_same_peoples_new_ones(house, known, exchange):
    amo, _ = known
    answer = await exchange(*amo)

    assert answer.status_code == 200, answer.text
    mapping = answer.json()["mapping"]
    assert list(mapping) == amo
    assert all(each.startswith("pt2_") for each in mapping.values())
    async with db.read(house.database) as tx:
        found = await pseudonyms.resolve(tx, house.running.keyring, AMO, [*amo, *mapping.values()])
    assert [found[each] for each in amo] == [found[each] for each in mapping.values()]


async def test_asked_again_the_answer_is_the_same_and_new_ones_stay(known, exchange):
    amo, _ = known
    once, again = await exchange(*amo, amo[0]), await exchange(*amo)
    new = list(once.json()["mapping"].values())
    onward = await exchange(*new)

    assert once.json()["mapping"] == again.json()["mapping"]
    assert onward.json()["mapping"] == dict(zip(new, new, strict=True))


async def test_threat_22_another_programmes_and_unknown_ones_are_told_alike(known, exchange):
    amo, asd = known
    random = "pt1_" + "0" * 32
    answer = await exchange(amo[0], asd[0], random, "pt9_x", "anything")

    assert list(answer.json()["mapping"]) == [amo[0]]
    assert answer.json()["unknown"] == [asd[0], random, "pt9_x", "anything"]


async def test_the_mapping_is_signed_for_this_programme_and_logged_by_its_counts(
    house, known, exchange
):
    amo, asd = known
    answer = (await exchange(*amo, asd[0])).json()
    async with db.read(house.database) as tx:
        (key, *_) = await signing.published(tx, house.running.keyring, "receipt")
        (line,) = await access_log.search(tx, EXCHANGES, limit=5)

    token = jws.deserialize_compact(answer["signed"], ECKey.import_key(key), algorithms=["ES256"])
    said = json.loads(token.payload)
    assert token.headers()["typ"] == TYPE
    assert (said["aud"], said["mapping"], said["unknown"]) == (AMO, answer["mapping"], 1)
    assert (line.actor.id, line.detail) == (AMO, "exchanged 3, unknown 1")


async def test_a_batch_is_neither_empty_nor_without_end(known, exchange):
    for identifiers in ((), ["x"] * (MOST + 1), ["x" * 65]):
        answer = await exchange(*identifiers)
        assert answer.status_code == 400, answer.text
        assert answer.json()["type"] == "urn:amana:problem:invalid-request"


async def test_a_token_of_another_key_or_an_ended_one_exchanges_nothing(
    house, known, amo, asd, exchange
):
    amo_token = await amo.own_token()
    await asd.learn_nonce()
    stolen = await asd.ask(PATH, amo_token, {"identifiers": known[0]})
    assert stolen.status_code == 401
    revoked = await amo.post("/oauth/revoke", amo.authenticated(token=amo_token))
    assert revoked.status_code == 200
    ended = await exchange(*known[0], token=amo_token)
    assert ended.status_code == 401
    async with db.read(house.database) as tx:
        assert await access_log.search(tx, EXCHANGES, limit=5) == []
