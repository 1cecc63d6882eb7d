"""Signing in tells nobody who exists, lets a code in once, slows guessers and locks nobody out."""

import asyncio

import pytest
from msgspec.structs import replace

from identity.login import accounts, credentials, rates, sessions, sign_in, staff
from identity.login.credentials import OWASP, Hashing
from identity.login.sign_in import NotSignedIn, Pending, SignedIn
from policies.vocabulary import Action, ActorKind, Outcome, StaffId
from vault import access_log
from vault import database as db
from vault.access_log import Criteria

HERE, ELSEWHERE = "196.200.1.1", "41.140.2.2"
UNKNOWN = "9876543210"


async def password(desk, citizen, *, address=HERE, **change):
    typed = {"identifier": citizen.idcs, "password": citizen.password} | change
    return await sign_in.citizen_password(desk, **typed, address=address)


async def ticket(desk, citizen):
    return (await password(desk, citizen)).ticket


async def log(desk):
    async with db.read(desk.database) as tx:
        return await access_log.search(tx, Criteria(action=Action.SIGN_IN))


async def history(desk, citizen):
    async with db.read(desk.database) as tx:
        month = tx.now.strftime("%Y-%m")
        return await access_log.of_subject(tx, desk.keyring, citizen.subject, [month])


async def test_password_and_code_let_a_citizen_in(desk, citizen, code):
    first = await password(desk, citizen)
    second = await sign_in.citizen_code(desk, ticket=first.ticket, code=await code(citizen.secret))

    async with db.begin(desk.database) as tx:
        session = await sessions.citizen(tx, second.token)
    assert session.subject == citizen.subject
    [entry] = await history(desk, citizen)
    assert (entry.action, entry.outcome, entry.reasons) == (Action.SIGN_IN, Outcome.GIVEN, ())


async def test_an_identifier_may_be_typed_with_spaces_or_in_arabic_digits(desk, citizen):
    arabic = citizen.idcs.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))

    assert isinstance(
        await password(desk, citizen, identifier=f" {citizen.idcs[:4]} {citizen.idcs[4:]} "),
        Pending,
    )
    assert isinstance(await password(desk, citizen, identifier=arabic), Pending)


@pytest.mark.parametrize(
    "change",
    [{"password": "wrong-password"}, {"identifier": UNKNOWN}, {"identifier": ""}, {"password": ""}],
)
async def test_a_wrong_password_and_an_unknown_identifier_have_the_same_answer(
    desk, citizen, change
):
    assert await password(desk, citizen, **change) == NotSignedIn()


async def test_a_wrong_password_is_in_the_persons_history_without_what_was_typed(desk, citizen):
    await password(desk, citizen, password="wrong-password")

    [entry] = await history(desk, citizen)
    assert (entry.outcome, entry.reasons) == (Outcome.REFUSED, ("wrong-password",))
    assert "wrong-password" not in (entry.detail or "")


async def test_an_unknown_identifier_is_logged_about_nobody(desk, citizen):
    await password(desk, citizen, identifier=UNKNOWN)

    [entry] = await log(desk)
    assert (entry.actor.kind, entry.outcome) == (ActorKind.CITIZEN, Outcome.REFUSED)
    async with db.read(desk.database) as tx:
        assert await access_log.subject_of(tx, desk.keyring, entry.id) is None
    assert await history(desk, citizen) == []


async def test_a_refusal_takes_as_long_for_anyone(desk, citizen):
    patient = replace(desk, patience=0.25)
    loop = asyncio.get_running_loop()
    took = []
    for change in ({"password": "wrong-password"}, {"identifier": UNKNOWN}):
        before = loop.time()
        await password(patient, citizen, **change)
        took.append(loop.time() - before)

    assert min(took) > 0.249  # the loop may wake a tick early


async def test_a_wrong_code_leaves_the_ticket_and_is_logged(desk, citizen, code):
    held = await ticket(desk, citizen)

    assert await sign_in.citizen_code(desk, ticket=held, code="000000x") == NotSignedIn()
    assert isinstance(
        await sign_in.citizen_code(desk, ticket=held, code=await code(citizen.secret)), SignedIn
    )
    newest, wrong = await history(desk, citizen)
    assert (newest.outcome, wrong.reasons) == (Outcome.GIVEN, ("wrong-code",))


async def test_of_ten_who_bring_the_same_ticket_and_code_one_is_in(desk, citizen, code):
    held, shown = await ticket(desk, citizen), await code(citizen.secret)

    answers = await asyncio.gather(
        *(sign_in.citizen_code(desk, ticket=held, code=shown) for _ in range(5))
    )

    assert sum(isinstance(answer, SignedIn) for answer in answers) == 1


async def test_a_ticket_lets_in_once(desk, citizen, code):
    held = await ticket(desk, citizen)
    await sign_in.citizen_code(desk, ticket=held, code=await code(citizen.secret))

    again = await sign_in.citizen_code(desk, ticket=held, code=await code(citizen.secret, 1))

    assert again == NotSignedIn(start_over=True)


async def test_after_five_wrong_codes_the_password_is_asked_again(desk, citizen, code):
    held = await ticket(desk, citizen)
    for _ in range(5):
        await sign_in.citizen_code(desk, ticket=held, code="")

    right = await code(citizen.secret)
    for _ in range(2):
        answer = await sign_in.citizen_code(desk, ticket=held, code=right)
        assert answer == NotSignedIn(start_over=True)


async def test_a_ticket_is_not_good_for_ever(desk, citizen, code, clock):
    held = await ticket(desk, citizen)
    clock.now += sign_in.TICKET_SECONDS

    answer = await sign_in.citizen_code(desk, ticket=held, code=await code(citizen.secret))

    assert answer == NotSignedIn(start_over=True)


async def test_codes_are_slow_to_guess_over_many_tickets(desk, citizen, clock):
    for _ in range(5):
        await sign_in.citizen_code(desk, ticket=await ticket(desk, citizen), code="")

    clock.now += 61
    answer = await sign_in.citizen_code(desk, ticket=await ticket(desk, citizen), code="")

    assert 0 < answer.retry_after <= 180


async def test_a_guesser_waits_whether_or_not_the_identifier_exists(desk, citizen):
    for idcs in (citizen.idcs, UNKNOWN):
        answers = [
            await password(desk, citizen, identifier=idcs, password="wrong") for _ in range(7)
        ]

        assert answers[:5] == [NotSignedIn()] * 5
        assert all(0 < answer.retry_after <= 60 for answer in answers[5:])


async def test_even_the_right_password_waits(desk, citizen, clock):
    for _ in range(5):
        await password(desk, citizen, password="wrong")

    assert (await password(desk, citizen)).retry_after > 0
    clock.now += 61
    assert isinstance(await password(desk, citizen), Pending)


async def test_what_was_turned_away_is_logged_once_a_minute(desk, citizen):
    for _ in range(15):
        await password(desk, citizen, password="wrong")

    reasons = [reason for entry in await history(desk, citizen) for reason in entry.reasons]
    assert reasons.count("wrong-password") == 5
    assert reasons.count("too-many-attempts") == 1


async def test_an_attack_from_everywhere_is_slow_everywhere(desk, citizen):
    answers = [
        await password(desk, citizen, password="wrong", address=f"10.0.0.{host}")
        for host in range(21)
    ]

    assert answers[:20] == [NotSignedIn()] * 20
    assert answers[20].retry_after > 0


async def test_the_owner_is_not_locked_out_by_it_where_they_signed_in_before(
    desk, citizen, code, clock
):
    await sign_in.citizen_code(
        desk, ticket=await ticket(desk, citizen), code=await code(citizen.secret)
    )
    clock.now += 3600
    for host in range(25):
        await password(desk, citizen, password="wrong", address=f"10.0.0.{host}")

    assert (await password(desk, citizen, address=ELSEWHERE)).retry_after > 0
    assert isinstance(await password(desk, citizen, address=HERE), Pending)


async def test_nobody_is_locked_out_for_good(desk, citizen, clock):
    for host in range(100):
        await password(desk, citizen, password="wrong", address=f"10.0.0.{host}")
    wait = (await password(desk, citizen, address=ELSEWHERE)).retry_after

    clock.now += wait

    assert wait <= 180
    assert isinstance(await password(desk, citizen, address=ELSEWHERE), Pending)


async def test_one_address_does_not_try_all_identifiers(desk, citizen):
    allowed = rates.FROM_ADDRESS.times
    who = [rates.caller(desk.keyring, f"citizen:{number}", HERE) for number in range(allowed + 1)]

    waits = [await rates.admit(desk.short_lived, each) for each in who]

    assert waits[:allowed] == [0] * allowed
    assert waits[allowed] > 0


async def test_rates_are_counted_under_names_that_say_nothing(desk, citizen):
    await password(desk, citizen)

    kept = str(vars(desk.short_lived))
    assert citizen.idcs not in kept
    assert HERE not in kept


async def test_where_all_threads_are_busy_one_tries_again_in_a_moment(desk, citizen, dpo):
    full = replace(desk, hashing=Hashing(desk.hashing.profile, threads=1, waiting=0))
    full.hashing._places.acquire()
    try:
        assert await password(full, citizen) == NotSignedIn(retry_after=1)
        assert await into_console(full, dpo) == NotSignedIn(retry_after=1)
    finally:
        full.hashing.close()


async def test_a_password_under_an_older_profile_is_renewed_by_signing_in(desk, citizen):
    account = accounts.of_citizen(citizen.subject)
    today = replace(desk, hashing=Hashing(OWASP))
    try:
        assert isinstance(await password(today, citizen), Pending)
        async with db.read(desk.database) as tx:
            renewed = await credentials.stored(tx, account)
        assert not today.hashing.outdated(renewed)
        assert isinstance(await password(today, citizen), Pending)
    finally:
        today.hashing.close()


async def test_a_citizen_without_a_password_is_like_one_who_does_not_exist(desk, citizen):
    async with db.begin(desk.database) as tx:
        await tx.connection.execute(credentials.passwords.delete())

    assert await password(desk, citizen) == NotSignedIn()


async def into_console(desk, secret, code="000000x", **change):
    typed = {"name": "dpo-1", "password": "tagine-aux-citrons", "address": HERE} | change
    return await sign_in.staff(desk, code=code, **typed)


async def test_staff_sign_in_with_both_factors_at_once(desk, dpo, code):
    answer = await into_console(desk, dpo, await code(dpo), name=" dpo-1 ")

    async with db.begin(desk.database) as tx:
        session = await sessions.staff(tx, answer.token)
        assert await sessions.citizen(tx, answer.token) is None
    assert session.staff == "dpo-1"
    [entry] = await log(desk)
    assert (entry.actor.kind, entry.actor.id) == (ActorKind.STAFF, "dpo-1")
    assert entry.outcome is Outcome.GIVEN


@pytest.mark.parametrize(
    ("change", "logged"),
    [
        ({"password": "wrong"}, ("dpo-1", ("wrong-password",))),
        ({"name": "nobody"}, ("unknown", ("wrong-password",))),
        ({"code": "000000x"}, ("dpo-1", ("wrong-code",))),
    ],
)
async def test_staff_are_never_told_which_factor_was_wrong(desk, dpo, code, change, logged):
    typed = {"code": await code(dpo)} | change

    assert await into_console(desk, dpo, **typed) == NotSignedIn()
    [entry] = await log(desk)
    assert entry.outcome is Outcome.REFUSED
    assert (entry.actor.id, entry.reasons) == logged


async def test_a_wrong_password_does_not_use_up_the_code(desk, dpo, code):
    shown = await code(dpo)
    await into_console(desk, dpo, shown, password="wrong")

    assert isinstance(await into_console(desk, dpo, shown), SignedIn)


async def test_a_code_of_staff_lets_in_once(desk, dpo, code):
    shown = await code(dpo)

    assert isinstance(await into_console(desk, dpo, shown), SignedIn)
    assert await into_console(desk, dpo, shown) == NotSignedIn()


async def test_a_closed_account_is_like_one_that_does_not_exist(desk, dpo, code):
    async with db.begin(desk.database) as tx:
        await staff.close(tx, StaffId("dpo-1"))

    assert await into_console(desk, dpo, await code(dpo)) == NotSignedIn()
    [entry] = await log(desk)
    assert entry.actor.id == "unknown"


async def test_staff_who_guess_wait(desk, dpo, code):
    answers = [await into_console(desk, dpo, password="wrong") for _ in range(6)]

    assert answers[:5] == [NotSignedIn()] * 5
    assert answers[5].retry_after > 0


async def test_who_has_the_password_alone_is_not_told_so_by_the_wait_for_codes(desk, dpo):
    answers = [await into_console(desk, dpo, address=f"10.0.0.{host}") for host in range(8)]

    assert answers == [NotSignedIn()] * 8
    reasons = [reason for entry in await log(desk) for reason in entry.reasons]
    assert reasons == ["too-many-attempts"] * 3 + ["wrong-code"] * 5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("196.200.1.1", "196.200.1.2", False),
        ("unix", "unix", True),
    ],
)
async def test_a_customers_addresses_are_one(keyring, one, other, same):
    assert (rates.caller(keyring, "x", one) == rates.caller(keyring, "x", other)) is same
