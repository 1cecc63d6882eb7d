"""A code that was sent signs in its owner, once; a channel is whose code came back."""

import asyncio

import pytest

from identity.login import accounts, channels, means, sent_codes, sessions, sign_in, unlock_codes
from identity.login.channels import Channel, Kind
from identity.login.sessions import Means
from identity.login.sign_in import NothingToSend, NotSignedIn, SignedIn, ToSend
from policies.vocabulary import Action, StaffId
from vault import access_log
from vault import database as db
from vault.access_log import Criteria

PHONE = Channel(kind=Kind.SMS, address="+212612345678")


@pytest.fixture
def account(citizen):
    return accounts.of_citizen(citizen.subject)


@pytest.fixture
async def chosen(desk, account):
    async with db.begin(desk.database) as tx:
        await channels.choose(tx, desk.keyring, account, PHONE)


@pytest.fixture
def ticket(desk, citizen):
    async def first_step():
        done = await sign_in.citizen_password(
            desk, identifier=citizen.idcs, password=citizen.password, address="196.200.1.1"
        )
        return done.ticket

    return first_step


async def test_a_code_is_sent_where_its_owner_chose_and_lets_them_in(desk, chosen, ticket):
    ticket = await ticket()
    found = await sign_in.code_to_send(desk, ticket=ticket)
    assert isinstance(found, ToSend)
    assert (found.channel, len(found.code), found.code.isdecimal()) == (PHONE, 8, True)

    done = await sign_in.citizen_code(
        desk, ticket=ticket, code=f" {found.code[:4]} {found.code[4:]}"
    )
    async with db.begin(desk.database) as tx:
        session = await sessions.citizen(tx, done.token)
        lines = await access_log.search(tx, Criteria(action=Action.SIGN_IN_SENT))
    assert (session.means, len(lines)) == (Means.SENT, 1)


async def test_a_code_is_taken_once_also_by_twenty_at_once(desk, chosen, ticket):
    tickets = [await ticket() for _ in range(4)]
    code = (await sign_in.code_to_send(desk, ticket=tickets[0])).code
    found = await asyncio.gather(
        *(sign_in.citizen_code(desk, ticket=each, code=code) for each in tickets * 5)
    )

    assert [type(each) for each in found].count(SignedIn) == 1


async def test_without_a_ticket_nothing_is_sent(desk, chosen):
    assert await sign_in.code_to_send(desk, ticket="made-up") == NotSignedIn(start_over=True)


async def test_who_chose_no_channel_is_sent_nothing(desk, ticket):
    assert await sign_in.code_to_send(desk, ticket=await ticket()) == NothingToSend()


async def test_a_phone_is_rung_three_times_in_a_quarter_of_an_hour(desk, chosen, ticket, clock):
    ticket = await ticket()
    found = [await sign_in.code_to_send(desk, ticket=ticket) for _ in range(4)]

    assert [type(each) for each in found] == [ToSend, ToSend, ToSend, NothingToSend]
    assert found[-1].too_many
    clock.now += 301
    assert isinstance(await sign_in.code_to_send(desk, ticket=ticket), ToSend)


async def test_a_newer_code_ends_the_older(desk, chosen, ticket):
    ticket = await ticket()
    codes = [(await sign_in.code_to_send(desk, ticket=ticket)).code for _ in range(2)]
    assert codes[0] != codes[1]

    assert isinstance(await sign_in.citizen_code(desk, ticket=ticket, code=codes[0]), NotSignedIn)
    assert isinstance(await sign_in.citizen_code(desk, ticket=ticket, code=codes[1]), SignedIn)


async def test_a_code_is_good_for_ten_minutes_and_five_tries(desk, account, clock):
    store, keyring = desk.short_lived, desk.keyring
    code = await sent_codes.make(store, keyring, account, "a")
    clock.now += 601
    assert not await sent_codes.use(store, keyring, account, "a", code)

    code = await sent_codes.make(store, keyring, account, "a")
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for _ in range(5):
        assert not await sent_codes.use(store, keyring, account, "a", wrong)
    assert not await sent_codes.use(store, keyring, account, "a", code)


async def test_a_code_for_one_thing_confirms_no_other(desk, account):
    code = await sent_codes.make(desk.short_lived, desk.keyring, account, "a")

    for other, purpose in ((account, "b"), (accounts.of_staff(StaffId("x")), "a")):
        assert not await sent_codes.use(desk.short_lived, desk.keyring, other, purpose, code)
    assert await sent_codes.use(desk.short_lived, desk.keyring, account, "a", code)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("0612-345678", PHONE),
        ("+212 6 12 34 56 78", PHONE),
        ("٠٦١٢٣٤٥٦٧٨", PHONE),
        ("+33 6 12 34 56 78", Channel(kind=Kind.SMS, address="+33612345678")),
        (" Fatima@Example.MA ", Channel(kind=Kind.EMAIL, address="fatima@example.ma")),
        (
            "fatima+amana@mail.example.ma",
            Channel(kind=Kind.EMAIL, address="fatima+amana@mail.example.ma"),
        ),
        ("", None),
        ("fatima@", None),
        ("fatima@localhost", None),
        ("a@b@example.ma", None),
        ("fatima@example.ma\nBcc: all@example.ma", None),
        ("<fatima@example.ma>", None),
        (f"{'a' * 250}@example.ma", None),
        ("call me", None),
        ("12", None),
    ],
)
def test_what_is_typed_is_a_phone_or_an_address_or_neither(typed, read):
    assert channels.read(typed) == read


@pytest.mark.parametrize(
    ("channel", "masked"),
    [
        (PHONE, "•••••••••••78"),
        (Channel(kind=Kind.EMAIL, address="fatima@example.ma"), "f•••••@example.ma"),
        (Channel(kind=Kind.EMAIL, address="f@example.ma"), "f•@example.ma"),
    ],
)
def test_a_channel_is_shown_to_who_knows_it(channel, masked):
    assert channel.masked == masked


async def test_a_channel_that_is_offered_is_taken_by_its_own_account_alone(desk, account):
    offer = channels.offer(desk.keyring, account, PHONE)

    assert channels.offered(desk.keyring, account, offer) == PHONE
    assert channels.offered(desk.keyring, accounts.of_staff(StaffId("x")), offer) is None
    for wrong in ("", "AAAA", offer[:-8], "é"):
        assert channels.offered(desk.keyring, account, wrong) is None


async def test_the_address_is_kept_sealed_and_replaced_whole(desk, account, chosen):
    other = Channel(kind=Kind.EMAIL, address="fatima@example.ma")
    async with db.begin(desk.database) as tx:
        sealed = await tx.connection.scalar(
            channels.channels.select().with_only_columns(channels.channels.c.sealed)
        )
        assert b"612345678" not in sealed
        await channels.choose(tx, desk.keyring, account, other)
        assert await channels.of(tx, desk.keyring, account) == other
        assert await channels.end(tx, account)
        assert not await channels.end(tx, account)
        assert await channels.of(tx, desk.keyring, account) is None


@pytest.fixture
async def printed(desk, account):
    async with db.begin(desk.database) as tx:
        code, _ = await unlock_codes.make(tx, account, StaffId("desk-1"))
    return code


async def test_an_unlock_code_stands_in_for_the_app_once(desk, printed, ticket):
    done = await sign_in.citizen_code(desk, ticket=await ticket(), code=printed.lower())
    async with db.begin(desk.database) as tx:
        session = await sessions.citizen(tx, done.token)
        lines = await access_log.search(tx, Criteria(action=Action.SIGN_IN_UNLOCKED))

    assert (session.means, len(lines)) == (Means.UNLOCK, 1)
    assert isinstance(
        await sign_in.citizen_code(desk, ticket=await ticket(), code=printed), NotSignedIn
    )


async def test_an_unlock_code_is_over_after_three_days_and_when_another_is_printed(
    desk, account, printed
):
    async with db.begin(desk.database) as tx:
        later = db.Transaction(connection=tx.connection, now=tx.now + unlock_codes.LIFE)
        assert not await unlock_codes.use(later, account, printed)
        newer, until = await unlock_codes.make(tx, account, StaffId("desk-1"))
        assert until == tx.now + unlock_codes.LIFE
        assert not await unlock_codes.use(tx, account, printed)
        assert not await unlock_codes.use(tx, accounts.of_staff(StaffId("desk-1")), newer)
        assert await unlock_codes.use(tx, account, newer)


async def test_an_account_that_is_made_anew_is_opened_by_nothing_it_had(
    desk, account, chosen, printed
):
    async with db.begin(desk.database) as tx:
        await means.end(tx, account)
        assert await channels.of(tx, desk.keyring, account) is None
        assert not await unlock_codes.use(tx, account, printed)
