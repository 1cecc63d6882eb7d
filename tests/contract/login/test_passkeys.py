"""A passkey signs in its owner, at our origin, to a challenge of ours, once; and no other way."""

import asyncio
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from identity.login import accounts, passkeys, sessions, sign_in
from identity.login.sessions import Means
from identity.login.sign_in import NotSignedIn, SignedIn
from identity.registry import people
from identity.registry.people import Status
from policies import stepping_up
from policies.vocabulary import Action, Outcome
from tests.contract.login.devices import PRESENT, Device, again
from vault import access_log
from vault import database as db
from vault.access_log import Criteria

ORIGIN = "https://amana.example"
HERE = "196.200.1.1"


@pytest.fixture
def site(desk):
    return desk.site(ORIGIN)


@pytest.fixture
def account(citizen):
    return accounts.of_citizen(citizen.subject)


@pytest.fixture
def device():
    return Device(ORIGIN)


@pytest.fixture
def enrol(desk, site, account):
    """Makes a passkey; gives whether it was kept."""

    async def make(device, whose=account, **bent):
        async with db.begin(desk.database) as tx:
            options = await passkeys.creation(tx, site, whose, "Amana")
            made = device.make(options, **bent)
            return await passkeys.add(tx, site, whose, made, "Chrome · Android")

    return make


@pytest.fixture
def enter(desk, site):
    """Signs in with a passkey."""

    async def go(device, **bent):
        async with db.read(desk.database) as tx:
            options = passkeys.request(site, tx.now)
        return await sign_in.citizen_passkey(
            desk, origin=ORIGIN, response=device.answer(options, **bent), address=HERE
        )

    return go


async def test_a_passkey_lets_its_owner_in_and_says_so(desk, citizen, device, enrol, enter):
    assert await enrol(device)
    done = await enter(device)

    async with db.begin(desk.database) as tx:
        session = await sessions.citizen(tx, done.token)
        lines = await access_log.search(tx, Criteria(action=Action.SIGN_IN_PASSKEY))
        [kept] = await passkeys.of(tx, accounts.of_citizen(citizen.subject))
    assert (session.subject, session.means) == (citizen.subject, Means.PASSKEY)
    assert session.acr == stepping_up.PHISHING_RESISTANT
    assert len(lines) == 1
    assert kept.used_at is not None


BENT = {
    "another origin": {"origin": "https://amana.example.evil"},
    "a page inside ours": {"origin": "http://amana.example"},
    "another site": {"rp": "evil.example"},
    "nobody touched it": {"flags": 0},
    "nobody was asked for a finger": {"flags": PRESENT},
    "another key": {"key": ec.generate_private_key(ec.SECP256R1())},
    "another ceremony": {"type": "webauthn.create"},
    "a challenge that is not ours": {"challenge": "AAAA"},
    "no challenge": {"challenge": ""},
}


@pytest.mark.parametrize("case", BENT)
async def test_an_answer_that_is_bent_lets_nobody_in(device, enrol, enter, case):
    await enrol(device)

    assert isinstance(await enter(device, **BENT[case]), NotSignedIn)
    assert isinstance(await enter(device), SignedIn)


async def test_one_that_was_refused_is_in_the_log_without_a_name(desk, device, enter):
    await enter(device)

    async with db.begin(desk.database) as tx:
        [line] = await access_log.search(tx, Criteria(action=Action.SIGN_IN))
    assert (line.outcome, line.reasons) == (Outcome.REFUSED, ("wrong-passkey",))


@pytest.mark.parametrize("response", ["", "null", "[]", "{}", '{"id":1}', "a" * 20_000])
async def test_what_is_no_answer_lets_nobody_in_and_makes_nothing(desk, site, account, response):
    done = await sign_in.citizen_passkey(desk, origin=ORIGIN, response=response, address=HERE)
    assert isinstance(done, NotSignedIn)
    async with db.begin(desk.database) as tx:
        assert not await passkeys.add(tx, site, account, response, "")


@pytest.mark.parametrize("algorithm", [-7, -8, -47, -257, "x"])
@pytest.mark.parametrize("members", [{}, {-1: 1, -2: b"x", -3: b"y"}, {-1: 99}, {-1: b"", -2: 7}])
async def test_a_key_that_is_none_signs_nobody_in(enrol, enter, device, algorithm, members):
    await enrol(device, cose={1: 2, 3: algorithm} | members)

    assert isinstance(await enter(device), NotSignedIn)


@pytest.mark.parametrize(
    "case", [case for case in BENT if case not in {"another key", "another ceremony"}]
)
async def test_a_passkey_made_in_a_bent_way_is_not_kept(device, enrol, enter, case):
    assert not await enrol(device, **BENT[case])

    assert isinstance(await enter(device), NotSignedIn)


@pytest.mark.parametrize("at", [0, 16, 24, 39])
async def test_a_challenge_with_a_bit_turned_is_not_ours(desk, site, device, enrol, at):
    await enrol(device)
    async with db.read(desk.database) as tx:
        options = passkeys.request(site, tx.now)
    bent = device.answer(options, challenge=again(options["challenge"], at))

    done = await sign_in.citizen_passkey(desk, origin=ORIGIN, response=bent, address=HERE)
    assert isinstance(done, NotSignedIn)


async def test_a_challenge_is_over_after_five_minutes(desk, site, device, enrol):
    await enrol(device)
    async with db.read(desk.database) as tx:
        old = passkeys.request(site, tx.now - timedelta(seconds=301))
        young = passkeys.request(site, tx.now - timedelta(seconds=290))

    async def enter(options):
        answer = device.answer(options)
        return await sign_in.citizen_passkey(desk, origin=ORIGIN, response=answer, address=HERE)

    assert isinstance(await enter(old), NotSignedIn)
    assert isinstance(await enter(young), SignedIn)


async def test_of_twenty_who_bring_one_answer_one_is_let_in(desk, site, device, enrol):
    await enrol(device)
    async with db.read(desk.database) as tx:
        answer = device.answer(passkeys.request(site, tx.now))

    found = await asyncio.gather(
        *(
            sign_in.citizen_passkey(desk, origin=ORIGIN, response=answer, address=HERE)
            for _ in range(20)
        )
    )
    assert [type(each) for each in found].count(SignedIn) == 1


async def test_a_challenge_to_sign_in_makes_no_passkey_and_one_account_s_no_other_s(
    desk, site, account, device
):
    other = accounts.of_citizen(accounts.subject(account).__class__(int=7))
    async with db.begin(desk.database) as tx:
        to_enter = passkeys.request(site, tx.now)
        theirs = await passkeys.creation(tx, site, other, "Amana")
        mine = await passkeys.creation(tx, site, account, "Amana")
        for options in (to_enter, theirs):
            made = device.make(mine, challenge=options["challenge"])
            assert not await passkeys.add(tx, site, account, made, "")
        assert await passkeys.add(tx, site, account, device.make(mine), "")


async def test_a_counter_that_goes_back_is_a_second_device(device, enrol, enter):
    device.counter = 5
    await enrol(device)
    assert isinstance(await enter(device, counter=6), SignedIn)

    assert isinstance(await enter(device, counter=6), NotSignedIn)
    assert isinstance(await enter(device, counter=0), NotSignedIn)
    assert isinstance(await enter(device, counter=7), SignedIn)


async def test_a_passkey_is_one_account_s_and_there_are_eight_at_most(desk, account, device, enrol):
    other = accounts.of_citizen(accounts.subject(account).__class__(int=7))
    assert await enrol(device)
    assert not await enrol(device, other)
    for _ in range(passkeys.MOST - 1):
        assert await enrol(Device(ORIGIN))

    assert not await enrol(Device(ORIGIN))
    async with db.read(desk.database) as tx:
        assert len(await passkeys.of(tx, account)) == passkeys.MOST
        assert await passkeys.of(tx, other) == []


async def test_a_device_is_told_which_keys_of_the_account_it_has(
    desk, site, account, device, enrol
):
    await enrol(device)
    async with db.read(desk.database) as tx:
        options = await passkeys.creation(tx, site, account, "Amana")
        other = accounts.of_citizen(accounts.subject(account).__class__(int=7))
        theirs = await passkeys.creation(tx, site, other, "Amana")

    assert [each["type"] for each in options["excludeCredentials"]] == ["public-key"]
    assert not theirs.get("excludeCredentials")
    # What the device files it under says nothing of the registers, and is the account's own.
    assert options["user"]["id"] != theirs["user"]["id"]
    assert account.partition(":")[2] not in json.dumps(options)


async def test_one_that_was_ended_opens_nothing(desk, account, device, enrol, enter):
    await enrol(device)
    other = accounts.of_citizen(accounts.subject(account).__class__(int=7))
    async with db.begin(desk.database) as tx:
        [kept] = await passkeys.of(tx, account)
        assert not await passkeys.end(tx, other, kept.id)
        assert await passkeys.end(tx, account, kept.id)

    assert isinstance(await enter(device), NotSignedIn)


async def test_whoever_takes_part_in_nothing_any_more_is_not_let_in(
    desk, citizen, device, enrol, enter
):
    await enrol(device)
    async with db.begin(desk.database) as tx:
        await people.set_status(tx, citizen.subject, Status.SUSPENDED)

    assert await enter(device) == NotSignedIn()


RUBBISH = ["", "{}", "[]", "null", '"x"', "{" * 5000, '{"id": 1}', "\ud800", "x" * 20_000]


@pytest.mark.parametrize("response", RUBBISH, ids=range(len(RUBBISH)))
async def test_rubbish_is_no_answer(desk, site, account, response):
    done = await sign_in.citizen_passkey(desk, origin=ORIGIN, response=response, address=HERE)
    assert done == NotSignedIn()
    async with db.begin(desk.database) as tx:
        assert not await passkeys.add(tx, site, account, response, "")


async def test_a_flood_of_answers_is_slowed_by_its_address(desk):
    patient = replace(desk, patience=0)
    found = [
        await sign_in.citizen_passkey(patient, origin=ORIGIN, response="{}", address=HERE)
        for _ in range(301)
    ]
    assert found[0].retry_after == 0
    assert found[-1].retry_after > 0


@pytest.mark.parametrize(
    ("origin", "possible"),
    [
        ("https://amana.example", True),
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8000", False),
        ("https://[::1]", False),
    ],
)
def test_an_address_without_a_name_has_no_passkeys(origin, possible):
    assert passkeys.possible(origin) is possible
