"""`amana pseudonyms`: what stands in each version, and what nothing opens any more."""

import asyncio

import pytest

from api import running
from identity.registry import pseudonyms
from policies.vocabulary import Audience
from vault import database as db
from vault import domain_keys


@pytest.fixture
def change(settings):
    """Do something with the store, between two commands."""

    def do(work):
        async def doing():
            async with running.opened(settings) as held, db.begin(held.database) as tx:
                await work(tx, held.keyring)

        asyncio.run(doing())

    return do


def test_what_stands_is_counted_and_a_retired_version_is_removed(installed, change, citizens):
    people = [each.subject for each in citizens]

    async def issue(tx, keyring):
        await pseudonyms.pairwise(tx, keyring, Audience("asd"), people)

    async def rotate(tx, keyring):
        await domain_keys.rotate(tx, keyring.keys, "pairwise")

    async def retire(tx, _keyring):
        assert await domain_keys.retire(tx, "pairwise", 1)

    for work in (issue, rotate, issue):
        change(work)
    assert installed("pseudonyms", "clean").stdout == "removed 0 row(s)\n"
    assert installed("pseudonyms", "status").stdout.splitlines() == [
        "asd  version 1  3",
        "asd  version 2  3",
    ]
    change(retire)
    assert installed("pseudonyms", "clean").stdout == "removed 3 row(s)\n"
    assert installed("pseudonyms", "status").stdout == "asd  version 2  3\n"
