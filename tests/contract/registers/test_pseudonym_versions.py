"""Versions of the pairwise keys: old identifiers go on, then end; none comes back."""

import pytest
from sqlalchemy import delete, select, update
from structlog.testing import capture_logs

from identity.registry import pseudonym_rows, pseudonyms
from identity.registry.pseudonyms import State, pairwise_identifiers
from policies.vocabulary import Audience, SubjectId
from vault import domain_keys
from vault.envelope_errors import KeyLostError, TamperedError
from vault.keyring import open_keyring

AMO, ASD = Audience("amo-tadamon"), Audience("asd")


@pytest.fixture
async def everyone(begin, on_register):
    async with begin() as tx:
        return await on_register(tx, 20)


@pytest.fixture
def rotate(begin, keyring):
    async def do():
        async with begin() as tx:
            await domain_keys.rotate(tx, keyring.keys, "pairwise")
            await keyring.reload(tx)

    return do


@pytest.fixture
def retire(begin, keyring):
    async def do(version):
        async with begin() as tx:
            assert await domain_keys.retire(tx, "pairwise", version)
            await keyring.reload(tx)

    return do


async def test_after_a_rotation_new_ones_carry_the_version_and_old_ones_still_name(
    begin, keyring, everyone, rotate
):
    async with begin() as tx:
        old = await pseudonyms.pairwise(tx, keyring, AMO, everyone)
    await rotate()
    async with begin() as tx:
        new = await pseudonyms.pairwise(tx, keyring, AMO, everyone)
        found = await pseudonyms.resolve(tx, keyring, AMO, [*old.values(), *new.values()])
        standing = await pseudonyms.standing(tx, keyring, [(AMO, everyone[0])])

    assert all(token.startswith("pt2_") for token in new.values())
    assert not {each[4:] for each in old.values()} & {each[4:] for each in new.values()}
    assert found == {token: who for of in (old, new) for who, token in of.items()}
    assert standing == {(AMO, everyone[0]): {new[everyone[0]], old[everyone[0]]}}


async def test_a_retired_versions_are_not_found_exactly_like_random_text(  # noqa: PLR0917  (fixtures)
    begin, keyring, rotate, retire, statements, everyone
):
    async with begin() as tx:
        old = await pseudonyms.pairwise(tx, keyring, AMO, everyone)
    await rotate()
    await retire(1)
    async with begin() as tx:
        seen = statements(tx)
        assert await pseudonyms.resolve(tx, keyring, AMO, list(old.values())) == {}
        assert await pseudonyms.resolve(tx, keyring, AMO, ["pt9999_x", "pt99999_", "pt1_x"]) == {}
        assert len(seen) == 2
        with pytest.raises(KeyLostError):
            pseudonyms.mint(keyring, (AMO, everyone[0]), (1, 0))


async def test_the_rows_of_a_retired_version_are_removed_and_no_others(
    begin, keyring, everyone, rotate, retire
):
    async with begin() as tx:
        await pseudonyms.pairwise(tx, keyring, AMO, everyone)
    await rotate()
    async with begin() as tx:
        new = await pseudonyms.pairwise(tx, keyring, AMO, everyone[:3])
        assert await pseudonym_rows.clean(tx, keyring) == 0
        counted = {(each.version, each.count) for each in await pseudonym_rows.counts(tx)}
    assert counted == {(1, 20), (2, 3)}
    await retire(1)
    async with begin() as tx:
        assert await pseudonym_rows.clean(tx, keyring) == len(everyone)
        found = await pseudonyms.resolve(tx, keyring, AMO, list(new.values()))
        assert [each.count for each in await pseudonym_rows.counts(tx)] == [3]
    assert set(found.values()) == set(everyone[:3])


async def test_a_reset_ends_what_names_a_person_in_every_version(begin, keyring, everyone, rotate):
    one = everyone[0]
    async with begin() as tx:
        first = (await pseudonyms.pairwise(tx, keyring, AMO, [one]))[one]
        second = await pseudonyms.reset(tx, keyring, AMO, one)
        elsewhere = (await pseudonyms.pairwise(tx, keyring, ASD, [one]))[one]
    await rotate()
    async with begin() as tx:
        third = (await pseudonyms.pairwise(tx, keyring, AMO, [one]))[one]
        fourth = await pseudonyms.reset(tx, keyring, AMO, one)
        again = (await pseudonyms.pairwise(tx, keyring, AMO, [one]))[one]
        found = await pseudonyms.resolve(tx, keyring, AMO, [first, second, third, fourth])
        other = await pseudonyms.resolve(tx, keyring, ASD, [elsewhere])

    assert len({first, second, third, fourth}) == 4
    assert again == fourth
    assert found == {fourth: one}
    assert other == {elsewhere: one}


async def test_a_reset_of_who_has_none_gives_the_first(begin, keyring, everyone):
    async with begin() as tx:
        assert await pseudonyms.standing(tx, keyring, [(AMO, everyone[0])]) == {
            (AMO, everyone[0]): set()
        }
        first = await pseudonyms.reset(tx, keyring, AMO, everyone[0])
        assert await pseudonyms.pairwise(tx, keyring, AMO, everyone[:1]) == {everyone[0]: first}


async def test_an_identifier_that_was_reset_is_not_revived_by_a_hand_in_the_store(
    begin, keyring, everyone
):
    one = everyone[0]
    async with begin() as tx:
        old = (await pseudonyms.pairwise(tx, keyring, AMO, [one]))[one]
        await pseudonyms.reset(tx, keyring, AMO, one)
        await tx.connection.execute(update(pairwise_identifiers).values(state=State.ACTIVE.value))
        with pytest.raises(TamperedError):
            await pseudonyms.resolve(tx, keyring, AMO, [old])


async def test_an_erased_persons_rows_are_gone_in_every_version_and_epoch(
    begin, keyring, everyone, rotate
):
    one, two = everyone[:2]
    async with begin() as tx:
        await pseudonyms.pairwise(tx, keyring, AMO, [one, two])
        await pseudonyms.reset(tx, keyring, AMO, one)
        await pseudonyms.pairwise(tx, keyring, ASD, [one])
    await rotate()
    async with begin() as tx:
        await pseudonyms.pairwise(tx, keyring, AMO, [one])
        assert await pseudonyms.forget(tx, keyring, [(AMO, one), (ASD, one)]) == 4
        assert await pseudonyms.forget(tx, keyring, [(AMO, one), (ASD, one)]) == 0
        left = (await tx.connection.execute(select(pairwise_identifiers.c.tag))).all()
    assert len(left) == 1


async def test_with_a_mac_of_eight_bits_everyone_still_has_their_own_in_each_version(
    begin, keyring, rotate, on_register
):
    def short(keyring, person, turn):
        """As the real one, cut to its first eight bits (two characters hold ten)."""
        prefix, text = pseudonyms.mint(keyring, person, turn).split("_")
        return f"{prefix}_{ord(text[0]) * 8 + ord(text[1]) % 8:x}"

    with capture_logs() as logs:
        async with begin() as tx:
            people = [(AMO, subject) for subject in await on_register(tx, 60)]
            old = await pseudonyms.pairwise_all(tx, keyring, people, minting=short)
        await rotate()
        async with begin() as tx:
            new = await pseudonyms.pairwise_all(tx, keyring, people, minting=short)
            moved = await pseudonyms.reset(tx, keyring, *people[0], minting=short)
            tokens = [*old.values(), *new.values(), moved]
            found = await pseudonyms.resolve(tx, keyring, AMO, tokens)
            standing = await pseudonyms.standing(tx, keyring, people, minting=short)

    assert len(set(old.values())) == len(set(new.values())) == len(people)
    assert {each["event"] for each in logs} == {"pairwise.collision"}
    assert {each["version"] for each in logs} == {1, 2}
    ended = {old[people[0]], new[people[0]]}
    assert found == {
        token: person[1]
        for of in (old, new, {people[0]: moved})
        for person, token in of.items()
        if token not in ended
    }
    assert standing[people[0]] == {moved}
    assert all(standing[each] == {new[each], old[each]} for each in people[1:])


async def test_each_version_counts_its_own_epochs(begin, keyring, everyone, rotate):
    one = everyone[0]
    async with begin() as tx:
        for _ in range(3):
            await pseudonyms.reset(tx, keyring, AMO, one)
    await rotate()
    async with begin() as tx:
        await pseudonyms.pairwise(tx, keyring, AMO, [one])
        rows = (
            await tx.connection.execute(
                select(pairwise_identifiers.c.version, pairwise_identifiers.c.epoch)
            )
        ).all()
    assert sorted(map(tuple, rows)) == [(1, 0), (1, 1), (1, 2), (2, 0)]


async def test_threat_23_every_number_and_a_leaked_key_give_no_match(
    begin, keyring, everyone, register
):
    """Whoever has the key of an audience and the list of all numbers recomputes nothing."""
    known = [await register(birth_date=f"19{60 + each}-01-01") for each in range(8)]
    subjects = [each.subject for each in known]
    async with begin() as tx:
        issued = await pseudonyms.pairwise(tx, keyring, AMO, subjects)

    def guessed(number):
        """The number in the place of the subject, in each form that somebody might try."""
        for octets in (number.encode().ljust(16, b"\0"), number.encode().rjust(16, b"0"),
                       int(number).to_bytes(16, "big")):  # fmt: skip
            who = SubjectId(type(subjects[0])(bytes=octets))
            yield from (pseudonyms.mint(keyring, (AMO, who), (1, epoch)) for epoch in range(4))

    dictionary = {token for each in known for token in guessed(each.idcs)}
    assert len(dictionary) == len(known) * 12
    assert dictionary & set(issued.values()) == set()
    # The subjects themselves are what would match: they are random, and never leave.
    assert {pseudonyms.mint(keyring, (AMO, who), (1, 0)) for who in subjects} == set(
        issued.values()
    )


async def test_a_row_that_is_lost_is_issued_anew_as_it_was(begin, keyring, everyone):
    async with begin() as tx:
        before = await pseudonyms.pairwise(tx, keyring, AMO, everyone)
        await tx.connection.execute(delete(pairwise_identifiers))
        assert await pseudonyms.pairwise(tx, keyring, AMO, everyone) == before


async def test_a_process_that_has_not_seen_the_rotation_removes_nothing_of_it(
    begin, keyring, everyone
):
    async with begin() as tx:
        stale = await open_keyring(tx, keyring.keys)
        await domain_keys.rotate(tx, keyring.keys, "pairwise")
        await keyring.reload(tx)
        await pseudonyms.pairwise(tx, keyring, AMO, everyone)
        assert await pseudonym_rows.clean(tx, stale) == 0
