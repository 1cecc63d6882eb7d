import re

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from identity.registry import pseudonyms
from policies.vocabulary import ProgrammeId

AMO, ASD = ProgrammeId("amo-tadamon"), ProgrammeId("asd")


@pytest.fixture
async def everyone(begin, on_register):
    async with begin() as tx:
        return await on_register(tx, 40)


async def test_an_identifier_is_the_same_each_time_and_finds_the_person(begin, keyring, everyone):
    async with begin() as tx:
        first = await pseudonyms.pairwise(tx, keyring, AMO, everyone)
    async with begin() as tx:
        again = await pseudonyms.pairwise(tx, keyring, AMO, [*everyone, *everyone])
        found = await pseudonyms.resolve(tx, keyring, AMO, list(first.values()))

    assert first == again
    assert found == {token: subject for subject, token in first.items()}
    assert all(re.fullmatch(r"pt1_[0-9a-hjkmnp-tv-z]{32}", token) for token in first.values())


async def test_complete_exports_of_two_programmes_have_nothing_to_be_joined_on(
    begin, keyring, everyone
):
    async with begin() as tx:
        amo = await pseudonyms.pairwise(tx, keyring, AMO, everyone)
        asd = await pseudonyms.pairwise(tx, keyring, ASD, everyone)

    joined = set(amo.values()) & set(asd.values())
    parts = {token[at : at + 8] for token in amo.values() for at in range(4, 29)} & {
        token[at : at + 8] for token in asd.values() for at in range(4, 29)
    }
    assert len(amo) == len(asd) == len(everyone)
    assert joined == set()
    assert parts == set()


async def test_another_programmes_identifier_is_not_found_like_any_text(begin, keyring, everyone):
    async with begin() as tx:
        amo = await pseudonyms.pairwise(tx, keyring, AMO, everyone)
        asked = [*amo.values(), "pt1_" + "0" * 32, "", "\ud800", "x" * 5000]

        assert await pseudonyms.resolve(tx, keyring, ASD, asked) == {}
        assert await pseudonyms.resolve(tx, keyring, ASD, []) == {}


async def test_asking_costs_one_statement_issuing_four(begin, keyring, everyone, statements):
    async with begin() as tx:
        seen = statements(tx)
        await pseudonyms.pairwise(tx, keyring, AMO, everyone)
        issuing = len(seen)
        await pseudonyms.pairwise(tx, keyring, AMO, everyone)
        asking = len(seen) - issuing
        await pseudonyms.resolve(tx, keyring, AMO, ["pt1_nobody"])

    assert (issuing, asking, len(seen) - issuing - asking) == (4, 1, 1)


async def test_a_reset_gives_a_new_identifier_and_the_old_one_names_nobody(
    begin, keyring, everyone
):
    one, two = everyone[:2]
    async with begin() as tx:
        before = await pseudonyms.pairwise(tx, keyring, AMO, [one, two])
        new = await pseudonyms.reset(tx, keyring, AMO, one)
        again = await pseudonyms.reset(tx, keyring, AMO, one)
        after = await pseudonyms.pairwise(tx, keyring, AMO, [one, two])
        found = await pseudonyms.resolve(tx, keyring, AMO, [before[one], new, again, before[two]])

    assert len({before[one], new, again}) == 3
    assert after == {one: again, two: before[two]}
    assert found == {again: one, before[two]: two}


async def test_a_collision_moves_one_of_the_two_on_and_is_logged(begin, keyring, everyone):
    def alike(keyring, person, turn):
        """In the first epoch everyone is given the same identifier."""
        return pseudonyms.mint(keyring, person, turn) if turn[1] else "pt1_same"

    people = [(AMO, subject) for subject in everyone]
    with capture_logs() as logs:
        async with begin() as tx:
            issued = await pseudonyms.pairwise_all(tx, keyring, people, minting=alike)
            again = await pseudonyms.pairwise_all(tx, keyring, people, minting=alike)
            found = await pseudonyms.resolve(tx, keyring, AMO, list(issued.values()))

    assert issued == again
    assert len(set(issued.values())) == len(everyone)
    assert found == {token: subject for (_, subject), token in issued.items()}
    assert list(issued.values()).count("pt1_same") == 1
    assert {each["event"] for each in logs} == {"pairwise.collision"}
    assert not any(str(subject) in str(logs) for subject in everyone)


async def test_the_table_links_no_two_identifiers_of_a_person(begin, keyring, everyone):
    async with begin() as tx:
        amo = await pseudonyms.pairwise(tx, keyring, AMO, everyone[:2])
        await pseudonyms.pairwise(tx, keyring, ASD, everyone[:2])
        rows = (await tx.connection.execute(select(pseudonyms.pairwise_identifiers))).all()

    kept = b"".join(row.tag + row.sealed for row in rows)
    assert len({row.tag for row in rows}) == len({row.sealed for row in rows}) == 4
    assert all(subject.bytes not in kept for subject in everyone)
    assert all(token.encode() not in kept for token in amo.values())
