"""Tombstones, certificates, requests and holds of erasures"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0006_erasure"
down_revision = "0005_chain"
branch_labels = None
depends_on = None


# Nobody but the owner takes a tombstone away; the console decides, and destroys nothing.
GRANTS = {
    "amana_app": """
        GRANT SELECT, INSERT ON tombstones, erasure_certificates TO amana_app;
        GRANT SELECT, INSERT, UPDATE ON erasure_requests TO amana_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON erasure_holds TO amana_app;
    """,
    "amana_console": """
        GRANT SELECT ON tombstones, erasure_certificates, erasure_holds TO amana_console;
        GRANT SELECT, UPDATE ON erasure_requests TO amana_console;
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
        "tombstones",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("certificate", sa.Uuid(), nullable=False),
        sa.Column("link", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_tombstones")),
        sa.UniqueConstraint("tag", name=op.f("uq_tombstones_tag")),
    )
    op.create_table(
        "erasure_certificates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", vault.database.Instant(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_certificates")),
    )
    op.create_table(
        "erasure_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("since", vault.database.Instant(), nullable=False),
        sa.Column("until", vault.database.Instant(), nullable=True),
        sa.Column("lifted_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_holds")),
    )
    with op.batch_alter_table("erasure_holds") as batch_op:
        batch_op.create_index("ix_erasure_holds_subject", ["subject"], unique=False)
    op.create_table(
        "erasure_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("subject_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", vault.database.Instant(), nullable=False),
        sa.Column("due_at", vault.database.Instant(), nullable=False),
        sa.Column("decided_at", vault.database.Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("certificate", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_requests")),
        sa.UniqueConstraint("link", name=op.f("uq_erasure_requests_link")),
    )
    with op.batch_alter_table("erasure_requests") as batch_op:
        batch_op.create_index("ix_erasure_requests_state", ["state", "due_at"], unique=False)
        batch_op.create_index(
            "uq_erasure_requests_open",
            ["subject"],
            unique=True,
            sqlite_where=sa.text("subject IS NOT NULL AND state IN ('asked', 'accepted')"),
            postgresql_where=sa.text("subject IS NOT NULL AND state IN ('asked', 'accepted')"),
        )
    with op.batch_alter_table("access_log") as batch_op:
        batch_op.create_index(
            "ix_access_log_erasures",
            ["id"],
            unique=False,
            sqlite_where=sa.text("action = 'erase'"),
            postgresql_where=sa.text("action = 'erase'"),
        )
    grant()


def downgrade() -> None:
    with op.batch_alter_table("access_log") as batch_op:
        batch_op.drop_index("ix_access_log_erasures")
    op.drop_table("erasure_requests")
    op.drop_table("erasure_holds")
    op.drop_table("erasure_certificates")
    op.drop_table("tombstones")
