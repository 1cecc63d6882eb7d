"""More ways to sign in: codes that are sent, passkeys, unlock codes"""

import sqlalchemy as sa
from alembic import op

import vault.database

revision = "0018_means"
down_revision = "0017_certificates"
branch_labels = None
depends_on = None

# Citizens choose where codes go and make passkeys, and use up unlock codes; a counter makes those.
# An erasure, and an account that gets new secrets, loses all of them.
GRANTS = {
    "amana_app": "GRANT SELECT, INSERT, UPDATE, DELETE"
    " ON code_channels, passkeys, unlock_codes TO amana_app;",
    "amana_console": "GRANT SELECT, DELETE ON code_channels, passkeys TO amana_console;"
    " GRANT SELECT, INSERT, DELETE ON unlock_codes TO amana_console;",
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statement in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statement} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "code_channels",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_code_channels")),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("made_at", vault.database.Instant(), nullable=False),
        sa.Column("used_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
    )
    op.create_index(op.f("ix_passkeys_account"), "passkeys", ["account"])
    op.create_table(
        "unlock_codes",
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("printed_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_unlock_codes")),
    )
    with op.batch_alter_table("sessions") as batch_op:
        batch_op.add_column(
            sa.Column("means", sa.String(length=16), nullable=False, server_default="app")
        )
    grant()


def downgrade() -> None:
    with op.batch_alter_table("sessions") as batch_op:
        batch_op.drop_column("means")
    op.drop_table("unlock_codes")
    op.drop_index(op.f("ix_passkeys_account"), table_name="passkeys")
    op.drop_table("passkeys")
    op.drop_table("code_channels")
