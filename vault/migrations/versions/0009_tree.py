"""The names that the log took after its first"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0009_tree"
down_revision = "0008_governed"
branch_labels = None
depends_on = None

GRANTS = {
    "amana_app": "GRANT SELECT, INSERT ON log_origin TO amana_app;",
    "amana_console": "GRANT SELECT ON log_origin TO amana_console;",
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statements in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "log_origin",
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_origin")),
    )
    grant()


def downgrade() -> None:
    op.drop_table("log_origin")
