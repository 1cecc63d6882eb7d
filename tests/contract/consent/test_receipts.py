"""A receipt is ours, says what was agreed to, names nobody, and can be checked for years."""

import base64
from uuid import uuid4

import msgspec
import pytest

from consent import grants, receipts
from policies.vocabulary import Language
from vault import database as db
from vault import jwk, signing

PRINCIPAL = "pt1_kq3v"


@pytest.fixture
async def issued(database, keyring, catalogue, give):
    grant = await give()
    async with db.begin(database) as tx:
        receipt = await receipts.issue(
            tx, keyring, catalogue, grant, Language.FR, principal=PRINCIPAL
        )
    return grant, receipt


async def check(database, keyring, compact):
    async with db.read(database) as tx:
        return await receipts.verify(tx, keyring, compact)


async def resigned(database, keyring, *, use="receipt", **header):
    """A receipt of our own signing, with another header."""
    async with db.begin(database) as tx:
        key = await signing.active(tx, keyring, use)
    head = {"alg": key.alg, "kid": key.kid, "typ": receipts.TYPE} | header
    signed = ".".join(jwk.base64url(msgspec.json.encode(part)) for part in (head, {"x": 1}))
    return f"{signed}.{jwk.base64url(key.sign(signed.encode()))}"


async def test_a_receipt_says_what_was_agreed_to(database, keyring, catalogue, issued):
    grant, receipt = issued

    said = await check(database, keyring, receipt.jws)

    assert said["receipt_id"] == str(receipt.id)
    assert said["record_id"] == str(grant.id)
    assert said["pii_principal_id"] == PRINCIPAL
    processing = said["pii_processing"]
    assert processing["privacy_notice"]["sha256"] == grant.notice_hash
    [purpose] = processing["purposes"]
    assert purpose["lawful_basis"] == "consent"
    assert {
        item["pii_attribute_id"]: item["form"] for item in purpose["pii_information"]
    } == grant.items
    assert purpose["retention_period"] == "P300D"
    assert "Minhaty" in purpose["withdrawal_method"]
    [event] = said["events"]
    assert event["event_state"] == "given"
    assert event["valid_until"] == grant.expires_at.isoformat()
    assert event["event_sha256"] == grant.hash.hex()


async def test_a_receipt_names_the_person_by_the_pairwise_identifier_alone(issued):
    grant, receipt = issued

    payload = base64.urlsafe_b64decode(receipt.jws.split(".")[1] + "==").decode()
    assert PRINCIPAL in payload
    assert str(grant.subject) not in payload
    assert grant.subject.hex not in payload


async def test_a_receipt_stays_as_it_was_when_the_consent_ends(
    database, keyring, catalogue, issued, person
):
    grant, receipt = issued
    async with db.begin(database) as tx:
        await grants.withdraw(tx, keyring, person, grant.id)
        ended = (await grants.by_id(tx, [grant.id]))[grant.id]
        second = await receipts.issue(
            tx, keyring, catalogue, ended, Language.AR, principal=PRINCIPAL
        )

    assert (await check(database, keyring, receipt.jws))["events"][0]["event_state"] == "given"
    said = await check(database, keyring, second.jws)
    assert said["events"][0]["event_state"] == "withdrawn"
    async with db.read(database) as tx:
        assert await receipts.of_grants(tx, [grant.id]) == {grant.id: [second, receipt]}


async def test_a_receipt_is_still_ours_after_the_keys_were_rotated(database, keyring, issued):
    _, receipt = issued
    for _ in range(3):
        async with db.begin(database) as tx:
            await signing.rotate(tx, keyring, "receipt")

    assert await check(database, keyring, receipt.jws) is not None


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_receipt_with_one_changed_part_is_not_ours(database, keyring, issued, part):
    _, receipt = issued
    parts = receipt.jws.split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]

    assert await check(database, keyring, ".".join(parts)) is None


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"kid": "another"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"use": "token"},
        {"use": "checkpoint"},
    ],
    ids=str,
)
async def test_another_signature_does_not_pass_for_a_receipt(database, keyring, header):
    assert await check(database, keyring, await resigned(database, keyring, **header)) is None


@pytest.mark.parametrize("rubbish", ["", "a.b.c", "..", "é.b.c", "e30.e30.e30", "W10.e30.e30"])
async def test_rubbish_is_no_receipt(database, keyring, rubbish):
    assert await check(database, keyring, rubbish) is None


async def test_a_payload_that_is_no_object_is_no_receipt(database, keyring):
    async with db.begin(database) as tx:
        key = await signing.active(tx, keyring, "receipt")
    head = {"alg": key.alg, "kid": key.kid, "typ": receipts.TYPE}
    signed = ".".join(jwk.base64url(msgspec.json.encode(part)) for part in (head, [1]))

    compact = f"{signed}.{jwk.base64url(key.sign(signed.encode()))}"
    assert await check(database, keyring, compact) is None


async def test_a_receipt_is_read_by_its_owner_alone(database, issued, person):
    _, receipt = issued

    async with db.read(database) as tx:
        assert await receipts.one(tx, person, receipt.id) == receipt
        assert await receipts.one(tx, uuid4(), receipt.id) is None
        assert await receipts.one(tx, person, uuid4()) is None
