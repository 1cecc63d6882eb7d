import asyncio
import hashlib
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import delete, insert, select

from consent.grant_rows import grants
from consent.oppositions import lock, oppositions
from identity import programmes
from identity.login.accounts import of_citizen
from identity.login.credentials import passwords
from identity.login.one_time_codes import one_time_secrets
from identity.login.sessions import sessions
from identity.registry import (
    erasing,
    erasure_certificates,
    erasure_holds,
    households,
    people,
    pseudonyms,
    virtual_identifiers,
)
from identity.registry.erasing import Done, NotThere, Preview
from identity.registry.households import household_members
from identity.registry.pseudonym_rows import pairwise_identifiers
from policies import retention
from policies.retention import Held, Hold
from policies.vocabulary import Action, Actor, ActorKind, Outcome, ProgrammeId
from vault import access_log, erasure_gate, signing, tombstones
from vault import erasing as vault_erasing
from vault.access_log import Criteria
from vault.database import Transaction
from vault.sealed_groups import sealed_attributes

SYSTEM = Actor(kind=ActorKind.SYSTEM, id="erasure")
SALT = b"only the person has it"
ASD = ProgrammeId("asd")


@pytest.fixture
async def asd(begin):
    """A programme that is registered, and so may know people by an identifier."""
    async with begin() as tx:
        await tx.connection.execute(
            insert(programmes.clients),
            [
                {
                    "client_id": ASD,
                    "name": "ASD",
                    "jwks": {},
                    "redirect_uris": [],
                    "agreements": [],
                    "alg": "ES256",
                    "state": "active",
                    "created_at": tx.now,
                }
            ],
        )
    return ASD


@pytest.fixture
def erase(house):
    async def do(person, **changes):
        async with house.begin() as tx:
            return await erasing.erase(
                tx,
                house.keyring,
                person.subject,
                **{
                    "subject_hash": erasure_certificates.subject_hash(SALT, person.idcs),
                    "by": SYSTEM,
                    "case_reference": "D-9",
                }
                | changes,
            )

    return do


@pytest.fixture
def portal(begin):
    """Gives a person everything that comes with using the portal."""

    async def do(person):
        account = of_citizen(person.subject)
        async with begin() as tx:
            now = tx.now
            for table, row in (
                (passwords, {"account": account, "hash": "h", "set_at": now}),
                (
                    one_time_secrets,
                    {"account": account, "sealed": b"", "last_counter": 0, "enrolled_at": now},
                ),
                (
                    sessions,
                    {
                        "id": hashlib.sha256(person.subject.bytes).hexdigest(),
                        "audience": "citizen",
                        "subject": person.subject,
                        "acr": "a",
                        "auth_time": now,
                        "seen_at": now,
                        "expires_at": now,
                    },
                ),
            ):
                await tx.connection.execute(insert(table), [row])
            await lock(tx, person.subject)

    return do


async def test_an_erased_person_is_in_no_register_and_has_no_account(
    house, asd, erase, portal, register
):
    person, other = await register(), await register()
    for each in (person, other):
        await portal(each)
    async with house.begin() as tx:
        both = [person.subject, other.subject]
        known_as = await pseudonyms.pairwise(tx, house.keyring, asd, both)
        await pseudonyms.reset(tx, house.keyring, asd, person.subject)
        for subject in both:
            kind = house.catalogue.numbers["timed"]
            await virtual_identifiers.make(tx, house.keyring, kind, subject)

    done = await erase(person)

    assert isinstance(done, Done)
    assert done.rows["pairwise-identifiers"] == 2
    assert done.rows["virtual-identifiers"] == 1
    for kind in ("keys", "person", "passwords", "one-time-secrets", "sessions", "oppositions"):
        assert done.rows[kind] == 1, kind
    async with house.begin() as tx:
        assert await people.by_idcs(tx, house.keyring, [person.idcs, other.idcs]) == {
            other.idcs: other.subject
        }
        assert await people.statuses(tx, [person.subject]) == {}
        tokens = list(known_as.values())
        assert await pseudonyms.resolve(tx, house.keyring, asd, tokens) == {
            known_as[other.subject]: other.subject
        }
        for table in (passwords, one_time_secrets, sessions, oppositions, pairwise_identifiers):
            assert len((await tx.connection.execute(select(table))).all()) == 1, table.name


async def test_no_table_but_the_evidence_has_an_erased_persons_id_any_more(
    house, erase, portal, register, consent
):
    person = await register()
    await portal(person)
    await consent(person.subject)
    assert isinstance(await erase(person), Done)
    found = set()
    async with house.begin() as tx:
        for table in people.metadata.tables.values():
            for row in await tx.connection.execute(select(table)):
                shown = repr(tuple(row))
                if str(person.subject) in shown or repr(person.subject.bytes) in shown:
                    found.add(table.name)
    assert found - {"grant_events"} == {"grants", "subject_keys"}


async def test_erasing_twice_finds_nobody_the_second_time(erase, person):
    assert isinstance(await erase(person), Done)
    assert await erase(person) == NotThere()


async def test_of_two_erasures_at_once_one_is_done(erase, person):
    done = await asyncio.gather(erase(person), erase(person))
    assert sorted(type(each).__name__ for each in done) == ["Done", "NotThere"]


async def test_the_household_goes_with_the_last_who_lives_there(
    house, erase, register, settle, poor
):
    first, last = await register(), await register()
    home = await settle(poor(size=2), first.subject, last.subject)
    done = await erase(first)
    assert done.rows["households"] == 0
    async with house.begin() as tx:
        assert await households.members(tx, home.household) == [last.subject]
        declarant = await tx.connection.scalar(select(households.households.c.declarant))
        assert declarant == last.subject
    done = await erase(last)
    assert (done.rows["households"], done.rows["keys"]) == (1, 2)
    async with house.begin() as tx:
        assert await households.by_number(tx, house.keyring, [home.number]) == {}
        assert (await tx.connection.execute(select(household_members))).all() == []
        assert (await tx.connection.execute(select(sealed_attributes))).all() == []
        gone = await tombstones.among(tx, house.keyring, [home.household, last.subject])
        assert gone == {home.household, last.subject}


async def test_a_hold_refuses_and_nothing_goes(house, erase, person):
    async with house.begin() as tx:
        await erasure_holds.place(tx, person.subject, Hold.DISPUTE)
        await erasure_holds.place(
            tx, person.subject, Hold.AUDIT, until=tx.now - timedelta(seconds=1)
        )
    assert await erase(person) == Held(reasons=(Hold.DISPUTE,), until=None)
    async with house.begin() as tx:
        assert isinstance(await erasing.preview(tx, person.subject), Held)
        assert await people.by_idcs(tx, house.keyring, [person.idcs])
        assert await erasure_holds.lift(tx, person.subject, Hold.DISPUTE)
        assert not await erasure_holds.lift(tx, person.subject, Hold.DISPUTE)
    assert isinstance(await erase(person), Done)


async def test_a_preview_counts_and_changes_nothing(house, erase, person, settle, poor):
    await settle(poor(size=1), person.subject)
    async with house.begin() as tx:
        shown = await erasing.preview(tx, person.subject)
    assert isinstance(shown, Preview)
    assert shown.household
    assert shown.rows.items() <= (await erase(person)).rows.items()
    async with house.begin() as tx:
        assert await erasing.preview(tx, person.subject) == NotThere()


async def test_one_line_in_their_own_history_tells_of_it_and_of_no_one(house, erase, person):
    done = await erase(person)
    async with house.begin() as tx:
        (entry,) = await access_log.search(tx, Criteria(action=Action.ERASE))
        assert (entry.outcome, entry.purpose) == (Outcome.GIVEN, erasing.ERASURE)
        assert await access_log.subject_of(tx, house.keyring, entry.id) == person.subject
        months = [f"{tx.now:%Y-%m}"]
        own = await access_log.of_subject(tx, house.keyring, person.subject, months)
        assert [line.case_reference for line in own][:1] == ["D-9"]
        signed = erasure_certificates.verify(
            done.jws, await signing.ever(tx, house.keyring, "receipt")
        )
    assert signed.log_entry == entry.id


async def test_the_consents_stay_as_evidence_and_the_receipts_go(house, erase, person, consent):
    grant = await consent(person.subject)
    await erase(person)
    async with house.begin() as tx:
        kept = list(await tx.connection.scalars(select(grants.c.id)))
    assert kept == [grant.id]


async def test_the_certificate_says_all_and_nothing_of_the_person(house, erase, register):
    person = await register(given_name_latin="Fatima", document_number="ZZ987654")
    done = await erase(person)
    async with house.begin() as tx:
        keys = await signing.ever(tx, house.keyring, "receipt")
        signed = erasure_certificates.verify(done.jws, keys)
        assert await erasure_certificates.one(tx, done.certificate) == done.jws
        stone = await tombstones.newest(tx)
    assert signed.certificate == done.certificate == stone.certificate
    assert (signed.key_epoch, signed.erased_at) == (stone.epoch, stone.at)
    assert signed.rows == done.rows
    assert (signed.root.version, signed.issuer) == (1, house.keyring.log_origin)
    assert signed.root.destroyed_by == retention.root_destroyed_by(stone.at)
    assert signed.subject == erasure_certificates.subject_hash(SALT, f" {person.idcs} ")
    text = msgspec.json.encode(signed).decode()
    for secret in (person.idcs, str(person.subject), "Fatima", "ZZ987654", stone.tag.hex()):
        assert secret not in text
    assert signed.subject != erasure_certificates.subject_hash(b"", person.idcs)


async def test_a_certificate_that_was_altered_or_is_none_is_not_believed(
    house, erase, register, consent
):
    one, other = await erase(await register()), await erase(await register())
    async with house.begin() as tx:
        keys = await signing.ever(tx, house.keyring, "receipt")
    header, payload, signature = one.jws.split(".")
    for forged in (
        f"{header}.{other.jws.split('.')[1]}.{signature}",
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{header}.{payload}",
        "é",
        "",
    ):
        assert erasure_certificates.verify(forged, keys) is None
    assert erasure_certificates.verify(one.jws, []) is None
    grant = await consent((await register()).subject)
    assert grant.id


async def test_what_a_restore_brought_back_goes_again(house, erase, register, settle, poor):
    person, other = await register(), await register()
    home = await settle(poor(size=2), person.subject, other.subject)
    async with house.begin() as tx:
        password = {"account": of_citizen(person.subject), "hash": "h", "set_at": tx.now}
        await tx.connection.execute(insert(passwords), [password])
        kept = {
            table: [row._asdict() for row in await tx.connection.execute(select(table))]
            for table in (people.people, passwords, sealed_attributes, household_members)
        }
    await erase(person)
    async with house.begin() as tx:
        for table, rows in kept.items():
            await tx.connection.execute(delete(table))
            await tx.connection.execute(insert(table), rows)
        assert await erasing.erase_again(tx, house.keyring) == 1
        assert await erasing.erase_again(tx, house.keyring) == 0
        assert await erasure_gate.closed(tx, house.keyring, []) == []
        assert list(await people.statuses(tx, [person.subject, other.subject])) == [other.subject]
        assert (await tx.connection.execute(select(passwords))).all() == []
        assert await households.members(tx, home.household) == [other.subject]


async def test_log_keys_go_when_the_logs_term_is_over_and_not_before(house, erase, register):
    person, other = await register(), await register()
    await erase(person)

    async def at(later):
        async with house.begin() as tx:
            then = Transaction(connection=tx.connection, now=tx.now + later)
            return await erasing.forget_logs(then, house.keyring)

    assert await at(retention.LOG_TERM - timedelta(hours=1)) == 0
    assert await at(retention.LOG_TERM) == 1
    assert await at(retention.LOG_TERM) == 0
    async with house.begin() as tx:
        logs = await house.keyring.subject(tx, [person.subject, other.subject], "log")
        assert await vault_erasing.log_keys_alone(tx, None) == []
    assert list(logs) == [other.subject]
