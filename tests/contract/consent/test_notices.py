"""Published words have one name, are stored once, and never change."""

import asyncio
import hashlib

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from consent import notices, wording
from consent.notices import Unpublishable
from policies.vocabulary import AgreementId, Language
from vault import database as db

AGREEMENT = AgreementId("minhaty/scholarship")


async def publish(database, catalogue, language=Language.FR, **more):
    async with db.begin(database) as tx:
        return await notices.publish(tx, catalogue, AGREEMENT, language, **more)


async def count(database):
    async with db.read(database) as tx:
        return await tx.connection.scalar(select(func.count()).select_from(notices.notices))


async def test_a_notice_is_named_by_the_hash_of_its_words(database, catalogue):
    notice = await publish(database, catalogue)

    assert notice.hash == hashlib.sha256(notice.body.encode()).hexdigest()
    async with db.read(database) as tx:
        assert await notices.by_hash(tx, [notice.hash, "0" * 64]) == {notice.hash: notice}


async def test_the_same_words_are_published_once(database, catalogue):
    first = await publish(database, catalogue)

    again = await asyncio.gather(*(publish(database, catalogue) for _ in range(5)))

    assert set(again) == {first}
    assert await count(database) == 1


async def test_each_language_and_channel_has_its_own_notice(database, catalogue):
    made = [await publish(database, catalogue, language) for language in Language]
    made.append(await publish(database, catalogue, channel="desk"))

    assert len({notice.hash for notice in made}) == 4


async def test_the_words_come_back_section_by_section(database, catalogue):
    notice = await publish(database, catalogue)

    assert notice.sections == wording.compose(
        catalogue, catalogue.agreements[AGREEMENT], Language.FR, "portal", wording.shipped()
    )


async def test_a_new_version_of_an_agreement_has_a_new_notice(database, catalogue):
    before = await publish(database, catalogue)
    agreement = replace(catalogue.agreements[AGREEMENT], version=2)
    changed = replace(
        catalogue,
        agreements=catalogue.agreements | {AGREEMENT: agreement},
        versions=catalogue.versions | {AGREEMENT: (agreement,)},
    )

    after = await publish(database, changed)

    assert (before.version, after.version) == (1, 2)
    assert before.hash != after.hash


async def test_nothing_is_published_while_a_clause_is_missing(database, catalogue):
    shipped = wording.shipped()
    clauses = {key: kept for key, kept in shipped.clauses.items() if key != "complaint"}

    answer = await publish(database, catalogue, words=replace(shipped, clauses=clauses))

    assert isinstance(answer, Unpublishable)
    assert "ar/complaint text" in answer.missing
    assert await count(database) == 0


@pytest.mark.parametrize("unknown", ["minhaty/none", ""])
async def test_an_agreement_that_does_not_exist_has_no_notice(database, catalogue, unknown):
    async with db.begin(database) as tx:
        answer = await notices.publish(tx, catalogue, AgreementId(unknown), Language.FR)

    assert answer == Unpublishable(missing=("agreement",))
