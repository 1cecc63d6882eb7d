"""Numbers that stand in for a person's own: made, used, stopped, and gone."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import select, update
from stdnum import verhoeff

from identity.registry import virtual_identifiers as virtual
from identity.registry import virtual_numbers, virtual_rows
from identity.registry.virtual_identifiers import State, TooMany
from identity.registry.virtual_rows import virtual_identifiers
from policies.vocabulary import Action, Audience
from vault import access_log, domain_keys, domain_rotation
from vault.envelope_errors import TamperedError
from vault.keyring import open_keyring
from vault.keys import FileKeys

AMO, ASD = Audience("amo-tadamon"), Audience("asd")


@pytest.fixture
def kinds(catalogue):
    return catalogue.numbers


@pytest.fixture
def make(begin, keyring, kinds, person):
    async def do(kind, audience=None, **how):
        async with begin() as tx:
            return await virtual.make(tx, keyring, kinds[kind], person.subject, audience, **how)

    return do


@pytest.fixture
def names(begin, keyring):
    """Whom a number stands for at AMO Tadamon, after so many minutes."""

    async def do(number, *, at=AMO, minutes=0):
        async with begin() as tx:
            later = msgspec.structs.replace(tx, now=tx.now + timedelta(minutes=minutes))
            found = await virtual.find(later, keyring, [(at, number)])
        return found[at, number].subject if found else None

    return do


@pytest.fixture
def stop(begin, keyring, kinds, person):
    async def do(made):
        async with begin() as tx:
            return await virtual.stop(tx, keyring, kinds[made.kind], person.subject, made.id)

    return do


@pytest.fixture
def owner(request, person):
    """Somebody, and all that they do with their numbers."""
    does = ("make", "stop", "names", "kinds", "begin", "keyring")
    parts = {name: request.getfixturevalue(name) for name in does}
    return SimpleNamespace(subject=person.subject, **parts)


async def test_a_number_is_sixteen_digits_with_a_check_digit_and_names_its_owner(
    make, names, person
):
    made = await make("timed")

    assert len(made.number) == 16
    assert verhoeff.is_valid(made.number)
    assert await names(made.number) == person.subject
    assert await names(virtual_numbers.spaced(made.number)) == person.subject
    assert await names(made.number, at=ASD) == person.subject


def test_numbers_are_uniform_over_all_their_first_digits():
    drawn = [virtual_numbers.new() for _ in range(5_000)]

    assert all(virtual_numbers.read(each) == each for each in drawn)
    for place in range(15):
        counts = [sum(each[place] == digit for each in drawn) for digit in "0123456789"]
        # Chi squared, 9 degrees of freedom: above 40 once in 10⁵ places.
        assert sum((count - 500) ** 2 / 500 for count in counts) < 40, place


@pytest.mark.parametrize("written", ["", "1" * 16, "123", "x" * 16, "1" * 17, "\ud800"])
async def test_what_is_no_number_is_nobodys(names, written):
    assert await names(written) is None


async def test_a_slip_of_the_pen_is_found_by_the_check_digit():
    number = virtual_numbers.new()
    for place in range(16):
        other = str((int(number[place]) + 1) % 10)
        assert virtual_numbers.read(number[:place] + other + number[place + 1 :]) is None


async def test_a_number_ends_with_its_time(owner):
    made = await owner.make("timed")

    assert await owner.names(made.number, minutes=owner.kinds["timed"].minutes - 1) == owner.subject
    assert await owner.names(made.number, minutes=owner.kinds["timed"].minutes) is None
    async with owner.begin() as tx:
        later = msgspec.structs.replace(tx, now=made.expires_at)
        assert [each.state for each in await virtual.mine(later, owner.keyring, owner.subject)] == [
            State.EXPIRED
        ]


async def test_a_bound_number_is_nobodys_anywhere_else(make, names, person):
    made = await make("programme", AMO)

    assert await names(made.number) == person.subject
    assert await names(made.number, at=ASD) is None
    for kind, audience in (("programme", None), ("timed", AMO)):
        with pytest.raises(ValueError, match="bound"):
            await make(kind, audience)


async def test_threat_44_a_stopped_number_is_nobodys_at_once_and_for_ever(owner):
    made, kept = await owner.make("timed"), await owner.make("timed")
    assert await owner.stop(made)
    assert not await owner.stop(made)
    assert await owner.names(made.number) is None
    assert await owner.names(kept.number) == owner.subject
    # A hand in the store does not revive it.
    async with owner.begin() as tx:
        await tx.connection.execute(
            update(virtual_identifiers)
            .where(virtual_identifiers.c.id == made.id)
            .values(state=State.ACTIVE.value)
        )
        with pytest.raises(TamperedError):
            await virtual.find(tx, owner.keyring, [(AMO, made.number)])


async def test_a_row_is_not_made_good_elsewhere_by_a_hand_in_the_store(make, begin, keyring):
    made = await make("programme", AMO)
    async with begin() as tx:
        await tx.connection.execute(update(virtual_identifiers).values(audience=ASD))
        with pytest.raises(TamperedError):
            await virtual.find(tx, keyring, [(ASD, made.number)])


async def test_nobody_stops_anothers_number(owner, register):
    made = await owner.make("timed")
    other = await register(birth_date="1971-01-01")
    async with owner.begin() as tx:
        assert not await virtual.stop(
            tx, owner.keyring, owner.kinds["timed"], other.subject, made.id
        )
        assert not await virtual.stop(
            tx, owner.keyring, owner.kinds["one-use"], owner.subject, made.id
        )
        assert not await virtual.stop(
            tx, owner.keyring, owner.kinds["timed"], owner.subject, uuid4()
        )
        assert await virtual.mine(tx, owner.keyring, other.subject) == []
    assert await owner.names(made.number) == owner.subject


async def test_a_standing_number_that_is_stopped_is_replaced(owner):
    made = await owner.make("standing")
    assert await owner.stop(made)
    async with owner.begin() as tx:
        both = await virtual.mine(tx, owner.keyring, owner.subject)
    by_state = {each.state: each for each in both}

    assert by_state.keys() == {State.ACTIVE, State.SUPERSEDED}
    assert by_state[State.SUPERSEDED].number == made.number
    assert await owner.names(made.number) is None
    assert await owner.names(by_state[State.ACTIVE].number) == owner.subject


async def test_no_more_are_made_than_the_kind_allows_and_what_ended_makes_room(owner):
    made = [await owner.make("one-use") for _ in range(owner.kinds["one-use"].instances)]

    assert await owner.make("one-use") == TooMany(instances=3)
    assert await owner.stop(made[0])
    assert not isinstance(await owner.make("one-use"), TooMany)
    assert await owner.make("one-use") == TooMany(instances=3)
    async with owner.begin() as tx:
        later = msgspec.structs.replace(tx, now=made[1].expires_at + timedelta(days=1))
        again = await virtual.make(later, owner.keyring, owner.kinds["one-use"], owner.subject)
    assert not isinstance(again, TooMany)


async def test_of_many_made_at_once_no_more_stand_than_are_allowed(make, kinds):
    made = await asyncio.gather(*(make("one-use") for _ in range(8)))

    assert sum(not isinstance(each, TooMany) for each in made) == kinds["one-use"].instances


async def test_of_twenty_who_use_a_number_for_one_use_at_once_one_does(make, begin, names, person):
    made = await make("one-use")

    async def use():
        async with begin() as tx:
            return await virtual.claim(tx, made.id)

    assert await names(made.number) == person.subject
    assert sum(await asyncio.gather(*(use() for _ in range(20)))) == 1
    assert await names(made.number) is None


async def test_a_number_of_many_uses_is_not_used_up_and_a_stopped_one_is_not_used(
    make, begin, stop
):
    made = await make("timed")
    async with begin() as tx:
        assert [await virtual.claim(tx, made.id) for _ in range(5)] == [True] * 5
    assert await stop(made)
    async with begin() as tx:
        assert not await virtual.claim(tx, made.id)


async def test_a_number_that_is_taken_is_drawn_again(make, begin):
    first = await make("timed")
    draws = iter([first.number, first.number, virtual_numbers.new()])
    second = await make("timed", draw=lambda: next(draws))
    third = await make("timed", draw=lambda: first.number)

    assert second.number != first.number
    assert isinstance(third, TooMany)  # every draw was taken: nobody else's is given away


async def test_the_table_holds_no_number_and_no_person(make, begin, person):
    made = await make("timed")
    async with begin() as tx:
        rows = (await tx.connection.execute(select(virtual_identifiers))).all()

    kept = b"".join(row.tag + row.owner + row.sealed for row in rows)
    assert made.number.encode() not in kept
    assert person.subject.bytes not in kept


async def test_what_was_made_before_a_rotation_of_the_indexes_is_still_found(owner):
    made = await owner.make("timed")
    async with owner.begin() as tx:
        await domain_keys.rotate(tx, owner.keyring.keys, "blind-index")
        await owner.keyring.reload(tx)
    newer = await owner.make("timed")

    assert await owner.names(made.number) == await owner.names(newer.number) == owner.subject
    assert await owner.stop(made)
    assert await owner.names(made.number) is None


async def test_making_and_stopping_are_in_the_owners_history(owner):
    await owner.stop(await owner.make("timed"))
    async with owner.begin() as tx:
        month = tx.now.strftime("%Y-%m")
        lines = await access_log.of_subject(tx, owner.keyring, owner.subject, [month])
    told = [(line.action, line.detail) for line in lines]

    assert told[:2] == [(Action.NUMBER_STOP, "timed"), (Action.NUMBER, "timed")]


async def test_an_erased_persons_numbers_are_gone(make, begin, keyring, person, names):
    made = [await make("timed"), await make("one-use")]
    async with begin() as tx:
        assert await virtual.forget(tx, keyring, person.subject) == 2
        assert await virtual.forget(tx, keyring, person.subject) == 0
    assert [await names(each.number) for each in made] == [None, None]


async def test_asking_for_nobody_costs_no_statement(begin, keyring, statements):
    async with begin() as tx:
        seen = statements(tx)
        assert await virtual.find(tx, keyring, []) == {}
        assert await virtual.find(tx, keyring, [(AMO, "12"), (AMO, "34")]) == {}
    assert len(seen) == 1


async def test_threat_42_numbers_move_to_a_rotated_index_key_and_the_older_may_end(
    begin, keyring, make, names, person
):
    made = await make("timed")
    async with begin() as tx:
        version = await domain_keys.rotate(tx, keyring.keys, "blind-index")
        await keyring.reload(tx)
        assert await virtual_rows.in_version(tx, 1) == 1
        assert await virtual_rows.move(tx, keyring) == 1
        assert await virtual_rows.move(tx, keyring) == 0
        assert await virtual_rows.in_version(tx, version) == 1
        assert await domain_keys.retire(tx, "blind-index", 1)
        await keyring.reload(tx)

    assert await names(made.number) == person.subject


@pytest.fixture
async def behind(begin, keyring, tmp_path):
    """A process that was opened before the index key was rotated."""
    async with begin() as tx:
        opened = await open_keyring(tx, FileKeys(tmp_path / "keys"))
    async with begin() as tx:
        await domain_rotation.rotate(tx, keyring, "blind-index")
    return opened


async def test_who_was_opened_before_a_rotation_takes_no_slot_twice(
    begin, keyring, kinds, person, behind
):
    async with begin() as tx:
        await virtual.make(tx, behind, kinds["standing"], person.subject)
        assert await virtual_rows.in_version(tx, 1) == 0
        refused = await virtual.make(tx, keyring, kinds["standing"], person.subject)
    assert refused == TooMany(instances=1)


async def test_numbers_that_took_one_slot_under_two_versions_both_move(
    begin, keyring, person, names, monkeypatch
):
    monkeypatch.setattr(virtual_rows, "PAGE", 1)
    numbers = []
    for stale in (True, False):
        row = virtual_rows.Virtual(
            id=uuid4(),
            number=virtual_numbers.new(),
            kind="standing",
            audience=None,
            state=State.ACTIVE,
            uses_left=None,
            made_at=datetime.now(UTC),
            expires_at=None,
        )
        numbers.append(row.number)
        async with begin() as tx:
            values = virtual_rows.row(keyring, person.subject, row, slot=0)
            await tx.connection.execute(virtual_identifiers.insert().values(values))
            if stale:
                await domain_rotation.rotate(tx, keyring, "blind-index")
    async with begin() as tx:
        assert [await virtual_rows.move(tx, keyring) for _ in range(2)] == [1, 0]
        slots = set(await tx.connection.scalars(select(virtual_identifiers.c.slot)))
    assert slots == {0, 1}
    assert [await names(each) for each in numbers] == [person.subject] * 2
