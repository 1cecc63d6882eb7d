"""Cosignatures of the log, and how its witnesses stand"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0007_witness"
down_revision = "0006_erasure"
branch_labels = None
depends_on = None

GRANTS = {
    "amana_app": """
        GRANT SELECT, INSERT, UPDATE ON log_cosignature, log_witness TO amana_app;
    """,
    "amana_console": "GRANT SELECT ON log_cosignature, log_witness TO amana_console;",
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statements in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=256), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_log_cosignature")),
    )
    op.create_table(
        "log_witness",
        sa.Column("witness", sa.String(length=256), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.Column("cosigned_size", sa.BigInteger(), nullable=False),
        sa.Column("cosigned_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("witness", name=op.f("pk_log_witness")),
    )
    grant()


def downgrade() -> None:
    op.drop_table("log_witness")
    op.drop_table("log_cosignature")
