"""Versions of the blind indexes, and the job that makes them anew"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0003_index"
down_revision = "0002_keys"
branch_labels = None
depends_on = None

ROLES = ("amana_app", "amana_console")


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role in ROLES:
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        # UPDATE: what a row lock needs (FOR SHARE).
        given = f"GRANT SELECT, INSERT, UPDATE ON index_versions, index_jobs TO {role};"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {given} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "index_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.SmallInteger(), nullable=False),
        sa.Column("made_at", vault.database.Instant(), nullable=False),
        sa.Column("dropped_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_index_versions")),
    )
    # What was indexed before rules had versions was indexed by the first.
    op.execute(
        "INSERT INTO index_versions (version, rules, made_at) "
        "SELECT version, 1, created_at FROM domain_keys WHERE name = 'blind-index'"
    )
    op.create_table(
        "index_jobs",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Uuid(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("started_at", vault.database.Instant(), nullable=False),
        sa.Column("updated_at", vault.database.Instant(), nullable=False),
        sa.Column("finished_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_index_jobs")),
    )
    grant()


def downgrade() -> None:
    op.drop_table("index_jobs")
    op.drop_table("index_versions")
