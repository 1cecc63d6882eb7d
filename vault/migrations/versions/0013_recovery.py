"""Where the hashes of recovery codes are kept"""

import sqlalchemy as sa
from alembic import op

import vault.database

revision = "0013_recovery"
down_revision = "0012_map"
branch_labels = None
depends_on = None

# Citizens alone have such codes: the console asks its staff for the others.
GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_codes TO amana_app;"


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    there = "SELECT FROM pg_roles WHERE rolname = 'amana_app'"
    op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {GRANT} END IF; END $do$")


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
