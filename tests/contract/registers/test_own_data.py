from uuid import uuid4

import pytest
from sqlalchemy import update

from identity.doors import own_data
from identity.doors.own_data import DOTS
from policies.vocabulary import Action, GroupId, Outcome
from vault import access_log, transparency
from vault.attributes import Unreadable
from vault.log_leaf import month
from vault.sealed_groups import sealed_attributes


@pytest.fixture
def groups(house):
    async def read(subject, *shown):
        async with house.begin() as tx:
            found = await own_data.profile(tx, house.keyring, house.catalogue, subject, shown=shown)
        return {each.group: each for each in found}

    return read


async def test_ones_own_record_is_masked_until_a_group_is_shown(groups, settle, register, poor):
    person = await register(document_number="AB123456", email="m@exemple.invalid")
    home = await settle(poor(size=2), person.subject)

    mine = await groups(person.subject, GroupId("contact"), GroupId("registration"))

    assert mine["contact"].masked is False
    assert mine["contact"].values["phone"] == "+212612345678"
    assert mine["contact"].values["address"]["commune"] == "Fès"
    assert mine["identity"].masked is True
    assert mine["identity"].values["document_number"] == f"{DOTS}56"
    assert mine["identity"].values["birth_date"] == 1990
    assert mine["registration"].values == {"household_number": home.number}
    assert mine["household"].values["household_size"] == DOTS
    assert mine["household"].values["household_facts"] == DOTS
    assert mine["index"].values["index"] == DOTS


async def test_masks_keep_what_is_recognised(groups, person):
    mine = await groups(person.subject)

    assert mine["contact"].values == {"phone": "•••••••••••78", "address": "Fès"}
    assert mine["identity"].values["given_name"]["latin"] == f"{DOTS}ed"
    assert mine["identity"].values["sex"] == DOTS


async def test_ones_number_is_never_shown_whole(groups, person):
    mine = await groups(person.subject, GroupId("identity"))

    assert mine["identity"].values["idcs"] == person.idcs[-4:]
    assert mine["identity"].values["given_name"] == {"ar": "محمد", "latin": "Mohamed"}


async def test_reading_oneself_is_logged_and_proved(house, groups, person):
    await groups(person.subject)
    async with house.begin() as tx:
        now = month(tx.now)
        (newest, *_) = await own_data.history(tx, house.keyring, person.subject, [now])
        assert await own_data.proof(tx, house.keyring, person.subject, newest.id) is None
        await transparency.sequence(tx, house.keyring)
        proof = await own_data.proof(tx, house.keyring, person.subject, newest.id)
        (oldest,) = await own_data.history(
            tx, house.keyring, person.subject, [now], limit=1, before=newest.id
        )

    assert (newest.action, newest.outcome) == (Action.OWN, Outcome.GIVEN)
    assert oldest.action is Action.REGISTER
    assert proof is not None
    assert transparency.verify_inclusion(proof)


async def test_anothers_entry_is_not_proved_to_me(house, groups, register):
    me, other = await register(), await register(birth_date="1991-01-01")
    async with house.begin() as tx:
        await transparency.sequence(tx, house.keyring)
        (theirs,) = await access_log.of_subject(tx, house.keyring, other.subject, [month(tx.now)])

        assert await own_data.proof(tx, house.keyring, me.subject, theirs.id) is None
        assert await own_data.proof(tx, house.keyring, me.subject, uuid4()) is None


async def test_what_does_not_open_is_said_to_be_so(house, settle, person, poor):
    await settle(poor(), person.subject)
    async with house.begin() as tx:
        await tx.connection.execute(
            update(sealed_attributes).values(row_version=sealed_attributes.c.row_version + 1)
        )
        mine = await own_data.profile(tx, house.keyring, house.catalogue, person.subject)
        past = await own_data.past_indexes(tx, house.keyring, house.catalogue, person.subject)

    assert isinstance(mine, Unreadable)
    assert isinstance(past, Unreadable)
