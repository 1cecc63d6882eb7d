"""Where the hashes of recovery codes are kept"""

import sqlalchemy as sa
from alembic import op

import vault.database

revision = "0013_recovery"
down_revision = "0012_map"
branch_labels = None
depends_on = None

# Citizens make and use them; an account that gets new secrets, staff's too, loses any it had.
GRANTS = {
    "amana_app": "GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_codes TO amana_app;",
    "amana_console": "GRANT SELECT, DELETE ON recovery_codes TO amana_console;",
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statement in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statement} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("made_at", vault.database.Instant(), nullable=False),
        sa.Column("used_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("account", "hash", name=op.f("pk_recovery_codes")),
    )
    grant()


def downgrade() -> None:
    op.drop_table("recovery_codes")
