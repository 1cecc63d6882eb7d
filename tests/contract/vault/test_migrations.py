import asyncio
import importlib
import pkgutil
import shutil
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from identity import tokens
from identity.programmes import clients
from vault import database as db
from vault import log_chains, log_tables, migrating, transparency
from vault.envelope_errors import OldStoreError


def import_every_table():
    for package in ("vault", "consent", "identity"):
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if ".migrations" not in found.name:
                importlib.import_module(found.name)


@pytest.fixture
async def migrated(empty_store_url):
    await asyncio.to_thread(migrating.upgrade, empty_store_url)
    opened = db.connect(empty_store_url)
    yield opened
    await db.close(opened)


def differences(connection):
    return compare_metadata(MigrationContext.configure(connection), db.metadata)


async def test_the_migrations_make_the_tables_that_the_code_names(migrated):
    import_every_table()
    async with db.read(migrated) as tx:
        assert await tx.connection.run_sync(differences) == []


async def test_a_migrated_store_is_current_and_migrating_again_changes_nothing(
    migrated, empty_store_url
):
    await asyncio.to_thread(migrating.upgrade, empty_store_url)
    async with db.read(migrated) as tx:
        assert await migrating.is_current(tx)


async def test_an_empty_store_and_one_of_another_version_are_not_current(empty_store_url):
    opened = db.connect(empty_store_url)
    async with db.begin(opened) as tx:
        assert not await migrating.is_current(tx)
        await tx.connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        await tx.connection.execute(text("INSERT INTO alembic_version VALUES ('older')"))
    async with db.read(opened) as tx:
        assert not await migrating.is_current(tx)
    await db.close(opened)


async def test_a_store_that_cannot_be_taken_over_is_left_as_it_was(empty_store_url):
    before = migrating._config(empty_store_url)
    await asyncio.to_thread(command.upgrade, before, "0019_passes")
    opened = db.connect(empty_store_url)
    async with db.begin(opened) as tx:
        row = {"reference": bytes(16), **dict.fromkeys(("leaf_hash", "head", "mac"), bytes(32))}
        row |= {"number": 1, "first": bytes(32), "folded": bytes(32)}
        await tx.connection.execute(insert(log_chains.log_chains), [row])
    with pytest.raises(OldStoreError, match="made anew"):
        await asyncio.to_thread(migrating.upgrade, empty_store_url)
    async with db.read(opened) as tx:
        applied = await tx.connection.scalar(text("SELECT version_num FROM alembic_version"))
        assert applied == "0019_passes"
        assert await tx.connection.scalar(select(func.count()).select_from(log_chains.log_chains))
    await db.close(opened)


async def test_what_people_authorized_moves_to_where_it_is_kept_and_back(empty_store_url):
    config = migrating._config(empty_store_url)
    await asyncio.to_thread(command.upgrade, config, "0020_versions")
    opened = db.connect(empty_store_url)
    hers, bare = uuid4(), uuid4()
    async with db.begin(opened) as tx:
        now = {"issued_at": tx.now, "expires_at": tx.now}
        client = {"client_id": "amo", "name": "AMO", "alg": "ES256", "state": "active"}
        client |= {"jwks": {}, "redirect_uris": [], "agreements": [], "created_at": tx.now}
        await tx.connection.execute(insert(clients), [client])
        for family in (hers, bare):
            row = {"id": family, "client_id": "amo", "created_at": tx.now}
            await tx.connection.execute(insert(before("token_families", *row)), [row])
        row = {"id": "r", "client_id": "amo", "family": hers, "authorized": b"{}", **now}
        await tx.connection.execute(insert(before("refresh_tokens", *row)), [row])
        for id_, revoked in (("back", tx.now), ("good", None)):
            row |= {"id": id_, "family": None, "jkt": "x", "revoked_at": revoked}
            await tx.connection.execute(insert(before("access_tokens", *row)), [row])

    await asyncio.to_thread(command.upgrade, config, "0021_tokens")
    async with db.begin(opened) as tx:
        kept = select(tokens.families.c.id, tokens.families.c.authorized)
        rows = {row.id: row.authorized for row in await tx.connection.execute(kept)}
        assert rows == {hers: b"{}", bare: None}
        assert list(await tx.connection.scalars(select(tokens.revoked_tokens.c.id))) == ["back"]
        assert list(await tx.connection.scalars(select(tokens.refresh_tokens.c.id))) == ["r"]

    await asyncio.to_thread(command.downgrade, config, "0020_versions")
    async with db.begin(opened) as tx:
        kept = text("SELECT authorized FROM refresh_tokens")
        assert list(await tx.connection.scalars(kept)) == [b"{}"]
        assert not await tx.connection.scalar(text("SELECT count(*) FROM access_tokens"))
    await db.close(opened)


def before(name, *columns):
    """A table of an older version, with these of its columns."""
    kinds = {"family": Uuid, "authorized": LargeBinary} | dict.fromkeys(
        ("created_at", "issued_at", "expires_at", "revoked_at"), db.Instant
    )
    if name == "token_families":
        kinds["id"] = Uuid
    return Table(name, MetaData(), *(Column(each, kinds.get(each, String)) for each in columns))


async def test_a_drafted_migration_holds_what_the_store_lacks(migrated, empty_store_url, tmp_path):
    folder = shutil.copytree(migrating.FOLDER, tmp_path / "100% migrations")
    async with db.begin(migrated) as tx:
        await tx.connection.execute(text("DROP TABLE log_checkpoint"))
    drafted = await asyncio.to_thread(
        migrating.draft, empty_store_url, "the checkpoints", folder=folder
    )
    assert transparency.log_checkpoint.name == "log_checkpoint"
    assert "op.create_table('log_checkpoint'" in drafted.read_text()


@pytest.mark.postgres
class TestRoles:
    """What each of the three database roles may do, on PostgreSQL."""

    @pytest.fixture
    async def owned(self, empty_postgres_url):
        owner = db.connect(empty_postgres_url)
        async with db.begin(owner) as tx:
            for role in ("amana_app", "amana_console"):
                made = f"CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN"
                await tx.connection.execute(text(f"DO $$ BEGIN {made} END $$"))
        await asyncio.to_thread(migrating.upgrade, empty_postgres_url)
        yield owner
        await db.close(owner)

    @pytest.fixture
    def acting_as(self, owned):
        @asynccontextmanager
        async def act(role):
            async with db.begin(owned) as tx:
                await tx.connection.execute(text(f"SET LOCAL ROLE {role}"))
                yield tx

        return act

    @pytest.mark.parametrize("role", ["amana_app", "amana_console"])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE access_log SET actor = 'x'",
            "DELETE FROM access_log",
            "DELETE FROM log_entry",
            "UPDATE log_checkpoint SET size = 0",
            "DELETE FROM grant_events",
            "UPDATE grant_events SET seq = 0",
            "DELETE FROM alembic_version",
            "DROP TABLE access_log",
        ],
    )
    async def test_neither_app_edits_a_log(self, acting_as, role, statement):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
            async with acting_as(role) as tx:
                await tx.connection.execute(text(statement))

    async def test_whoever_may_edit_a_log_is_told_apart(self, acting_as, owned):
        for role in ("amana_app", "amana_console"):
            async with acting_as(role) as tx:
                assert not await log_tables.may_be_edited(tx)
        async with db.read(owned) as tx:
            assert await log_tables.may_be_edited(tx)

    async def test_the_console_destroys_no_record(self, acting_as):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with acting_as("amana_console") as tx:
                await tx.connection.execute(text("DELETE FROM sealed_attributes"))

    async def test_the_console_reads_the_log_and_writes_records(self, acting_as):
        async with acting_as("amana_console") as tx:
            await tx.connection.execute(text("SELECT leaf FROM access_log"))
            await tx.connection.execute(
                text("UPDATE sealed_attributes SET row_version = 2 WHERE \"group\" = 'contact'")
            )

    async def test_the_public_app_takes_tokens_back(self, acting_as):
        async with acting_as("amana_app") as tx:
            row = {"id": "x", "client_id": "amo", "expires_at": tx.now}
            with pytest.raises(DBAPIError, match="foreign key"):  # nobody is registered here
                await tx.connection.execute(insert(tokens.revoked_tokens), [row])
        async with acting_as("amana_app") as tx:
            await tx.connection.execute(text("DELETE FROM revoked_tokens"))

    async def test_the_public_app_reads_blobs(self, acting_as):
        async with acting_as("amana_app") as tx:
            await tx.connection.execute(text("SELECT blob FROM sealed_attributes"))
