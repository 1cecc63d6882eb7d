"""Each record's own count in the access log"""

import sqlalchemy as sa
from alembic import op

revision = "0005_chain"
down_revision = "0004_pseudonyms"
branch_labels = None
depends_on = None

GRANTS = {
    "amana_app": "GRANT SELECT, INSERT, UPDATE, DELETE ON log_chains TO amana_app;",
    "amana_console": "GRANT SELECT, INSERT, UPDATE ON log_chains TO amana_console;",
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statement in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statement} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "log_chains",
        sa.Column("reference", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("head", sa.LargeBinary(length=32), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_log_chains")),
        sqlite_with_rowid=False,
    )
    grant()


def downgrade() -> None:
    op.drop_table("log_chains")
