"""A pass over records goes by nodes, in lanes: an unfinished one is begun anew"""

import sqlalchemy as sa
from alembic import op

import vault.database

revision = "0019_passes"
down_revision = "0018_means"
branch_labels = None
depends_on = None


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role in ("amana_app", "amana_console"):
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        statement = f"GRANT SELECT, INSERT, UPDATE, DELETE ON key_jobs TO {role};"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statement} END IF; END $do$")


def upgrade() -> None:
    _make_anew(
        ["id", "lane"],
        sa.Column("lane", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    _make_anew(["id"], sa.Column("last", sa.Uuid(), nullable=True))


def _make_anew(key: list[str], *how_far: sa.Column) -> None:
    op.drop_table("key_jobs")
    op.create_table(
        "key_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        *how_far,
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("started_at", vault.database.Instant(), nullable=False),
        sa.Column("finished_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_key_jobs")),
    )
    grant()
