"""The beginning"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Three database roles: the owner migrates; the public app logs and never edits a log; the
# console reads the log, writes records, and destroys none (ADR-0009). Granted where the roles exist.
APPEND_ONLY = "access_log, grant_events, log_entry, log_checkpoint"
GRANTS = {
    "amana_app": f"""
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO amana_app;
        REVOKE UPDATE, DELETE ON {APPEND_ONLY} FROM amana_app;
        REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM amana_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO amana_app;
    """,
    "amana_console": f"""
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO amana_console;
        REVOKE UPDATE, DELETE ON {APPEND_ONLY}, log_pending, log_tile FROM amana_console;
        REVOKE INSERT ON log_entry, log_checkpoint, log_tile FROM amana_console;
        REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM amana_console;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO amana_console;
        REVOKE ALL ON sealed_attributes FROM amana_console;
        GRANT SELECT, INSERT, UPDATE ON sealed_attributes TO amana_console;
    """,
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statements in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "access_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=128), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("subject_tag", sa.LargeBinary(length=16), nullable=True),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.create_index("ix_access_log_actor", ["actor", "id"], unique=False)
        batch_op.create_index("ix_access_log_subject", ["subject_tag", "id"], unique=False)

    op.create_table(
        "attribute_heads",
        sa.Column("record", sa.Uuid(), nullable=False),
        sa.Column("groups", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("updated_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("record", name=op.f("pk_attribute_heads")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "blind_index",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("record", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", "tag", "record", name=op.f("pk_blind_index")),
    )
    with op.batch_alter_table("blind_index", schema=None) as batch_op:
        batch_op.create_index("ix_blind_index_record", ["record", "name"], unique=False)
        batch_op.create_index(
            "uq_blind_index_tag",
            ["name", "version", "tag"],
            unique=True,
            sqlite_where=sa.text("name IN ('idcs', 'household', 'document')"),
            postgresql_where=sa.text("name IN ('idcs', 'household', 'document')"),
        )

    op.create_table(
        "clients",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("jwks", sa.JSON(), nullable=False),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("agreements", sa.JSON(), nullable=False),
        sa.Column("alg", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_clients")),
    )
    op.create_table(
        "domain_keys",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_domain_keys")),
    )
    op.create_table(
        "households",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("declarant", sa.Uuid(), nullable=False),
        sa.Column("registered_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_households")),
    )
    op.create_table(
        "import_rejects",
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint(
            "what", "digest", "line", "position", name=op.f("pk_import_rejects")
        ),
    )
    op.create_table(
        "import_runs",
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("started_at", vault.database.Instant(), nullable=False),
        sa.Column("finished_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("what", "digest", name=op.f("pk_import_runs")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
    )
    op.create_table(
        "log_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_log_entry")),
        sa.UniqueConstraint("id", name=op.f("uq_log_entry_id")),
    )
    op.create_table(
        "log_pending",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_pending")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_tile",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("width", sa.SmallInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx", name=op.f("pk_log_tile")),
    )
    op.create_table(
        "notices",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("published_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_notices")),
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notices_agreement", ["agreement", "version", "language", "channel"], unique=False
        )

    op.create_table(
        "one_time_secrets",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_counter", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_one_time_secrets")),
    )
    op.create_table(
        "oppositions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("agreement", sa.String(length=128), nullable=False),
        sa.Column("since", vault.database.Instant(), nullable=False),
        sa.Column("until", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oppositions")),
    )
    with op.batch_alter_table("oppositions", schema=None) as batch_op:
        batch_op.create_index(
            "uq_oppositions_standing",
            ["subject", "agreement"],
            unique=True,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )

    op.create_table(
        "pairwise_identifiers",
        sa.Column("tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("programme", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("issued_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_pairwise_identifiers")),
    )
    op.create_table(
        "passwords",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("set_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_passwords")),
    )
    op.create_table(
        "people",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("registered_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_people")),
    )
    op.create_table(
        "sealed_attributes",
        sa.Column("record", sa.Uuid(), nullable=False),
        sa.Column("group", sa.String(length=32), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("record", "group", name=op.f("pk_sealed_attributes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("staff", sa.String(length=64), nullable=True),
        sa.Column("acr", sa.String(length=64), nullable=False),
        sa.Column("auth_time", vault.database.Instant(), nullable=False),
        sa.Column("seen_at", vault.database.Instant(), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=False),
        sa.Column("ended_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index("ix_sessions_staff", ["staff"], unique=False)
        batch_op.create_index("ix_sessions_subject", ["subject"], unique=False)

    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("use", sa.String(length=16), nullable=False),
        sa.Column("alg", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("public_jwk", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.Column("retired_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    with op.batch_alter_table("signing_keys", schema=None) as batch_op:
        batch_op.create_index(
            "uq_signing_keys_active",
            ["use"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )

    op.create_table(
        "staff_accounts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_accounts")),
    )
    op.create_table(
        "subject_keys",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("handle", sa.LargeBinary(length=8), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "kind", "version", name=op.f("pk_subject_keys")),
        sa.UniqueConstraint("handle", name=op.f("uq_subject_keys_handle")),
    )
    op.create_table(
        "wrong_answers",
        sa.Column("target", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=64), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("target", "programme", name=op.f("pk_wrong_answers")),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=128), nullable=False),
        sa.Column("agreement_version", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=128), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("given_at", vault.database.Instant(), nullable=False),
        sa.Column("changed_at", vault.database.Instant(), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=False),
        sa.Column("notice_hash", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_hash"], ["notices.hash"], name=op.f("fk_grants_notice_hash_notices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index("ix_grants_subject", ["subject", "given_at"], unique=False)
        batch_op.create_index(
            "uq_grants_newest",
            ["subject", "programme", "agreement"],
            unique=True,
            sqlite_where=sa.text("newest IS true"),
            postgresql_where=sa.text("newest IS true"),
        )

    op.create_table(
        "household_members",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("household", sa.Uuid(), nullable=False),
        sa.Column("joined_at", vault.database.Instant(), nullable=False),
        sa.Column("left_at", vault.database.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["household"], ["households.id"], name=op.f("fk_household_members_household_households")
        ),
        sa.PrimaryKeyConstraint("subject", "household", name=op.f("pk_household_members")),
    )
    with op.batch_alter_table("household_members", schema=None) as batch_op:
        batch_op.create_index("ix_household_members_household", ["household"], unique=False)
        batch_op.create_index(
            "uq_household_members_one",
            ["subject"],
            unique=True,
            sqlite_where=sa.text("left_at IS NULL"),
            postgresql_where=sa.text("left_at IS NULL"),
        )

    op.create_table(
        "token_families",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.Column("revoked_at", vault.database.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_token_families_client_id_clients")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_families")),
    )
    with op.batch_alter_table("token_families", schema=None) as batch_op:
        batch_op.create_index("ix_token_families_grant_id", ["grant_id"], unique=False)

    op.create_table(
        "access_tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("family", sa.Uuid(), nullable=True),
        sa.Column("authorized", sa.LargeBinary(), nullable=False),
        sa.Column("jkt", sa.String(length=64), nullable=False),
        sa.Column("issued_at", vault.database.Instant(), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=False),
        sa.Column("revoked_at", vault.database.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_access_tokens_client_id_clients")
        ),
        sa.ForeignKeyConstraint(
            ["family"], ["token_families.id"], name=op.f("fk_access_tokens_family_token_families")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_tokens")),
    )
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_access_tokens_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index("ix_access_tokens_family", ["family"], unique=False)

    op.create_table(
        "grant_events",
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.String(length=128), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_grant_events_grant_id_grants")
        ),
        sa.PrimaryKeyConstraint("grant_id", "seq", name=op.f("pk_grant_events")),
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", vault.database.Instant(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_receipts_grant_id_grants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
    )
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.create_index("ix_receipts_grant_id", ["grant_id", "issued_at"], unique=False)

    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("family", sa.Uuid(), nullable=False),
        sa.Column("authorized", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", vault.database.Instant(), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_refresh_tokens_client_id_clients")
        ),
        sa.ForeignKeyConstraint(
            ["family"], ["token_families.id"], name=op.f("fk_refresh_tokens_family_token_families")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
    )
    with op.batch_alter_table("refresh_tokens", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_refresh_tokens_expires_at"), ["expires_at"], unique=False
        )
        batch_op.create_index("ix_refresh_tokens_family", ["family"], unique=False)

    grant()


def downgrade() -> None:
    with op.batch_alter_table("refresh_tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_refresh_tokens_family")
        batch_op.drop_index(batch_op.f("ix_refresh_tokens_expires_at"))

    op.drop_table("refresh_tokens")
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.drop_index("ix_receipts_grant_id")

    op.drop_table("receipts")
    op.drop_table("grant_events")
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_access_tokens_family")
        batch_op.drop_index(batch_op.f("ix_access_tokens_expires_at"))

    op.drop_table("access_tokens")
    with op.batch_alter_table("token_families", schema=None) as batch_op:
        batch_op.drop_index("ix_token_families_grant_id")

    op.drop_table("token_families")
    with op.batch_alter_table("household_members", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_household_members_one",
            sqlite_where=sa.text("left_at IS NULL"),
            postgresql_where=sa.text("left_at IS NULL"),
        )
        batch_op.drop_index("ix_household_members_household")

    op.drop_table("household_members")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_grants_newest",
            sqlite_where=sa.text("newest IS true"),
            postgresql_where=sa.text("newest IS true"),
        )
        batch_op.drop_index("ix_grants_subject")

    op.drop_table("grants")
    op.drop_table("wrong_answers")
    op.drop_table("subject_keys")
    op.drop_table("staff_accounts")
    with op.batch_alter_table("signing_keys", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_signing_keys_active",
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )

    op.drop_table("signing_keys")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index("ix_sessions_subject")
        batch_op.drop_index("ix_sessions_staff")

    op.drop_table("sessions")
    op.drop_table("sealed_attributes")
    op.drop_table("people")
    op.drop_table("passwords")
    op.drop_table("pairwise_identifiers")
    with op.batch_alter_table("oppositions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_oppositions_standing",
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )

    op.drop_table("oppositions")
    op.drop_table("one_time_secrets")
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.drop_index("ix_notices_agreement")

    op.drop_table("notices")
    op.drop_table("log_tile")
    op.drop_table("log_pending")
    op.drop_table("log_entry")
    op.drop_table("log_checkpoint")
    op.drop_table("import_runs")
    op.drop_table("import_rejects")
    op.drop_table("households")
    op.drop_table("domain_keys")
    op.drop_table("clients")
    with op.batch_alter_table("blind_index", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_blind_index_tag",
            sqlite_where=sa.text("name IN ('idcs', 'household', 'document')"),
            postgresql_where=sa.text("name IN ('idcs', 'household', 'document')"),
        )
        batch_op.drop_index("ix_blind_index_record")

    op.drop_table("blind_index")
    op.drop_table("attribute_heads")
    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.drop_index("ix_access_log_subject")
        batch_op.drop_index("ix_access_log_actor")

    op.drop_table("access_log")
