"""Access tokens are not kept: what a person authorized is, and which tokens were given back"""

import sqlalchemy as sa
from alembic import op

import vault.database

revision = "0021_tokens"
down_revision = "0020_versions"
branch_labels = None
depends_on = None


def grant(table: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role in ("amana_app", "amana_console"):
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        statement = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role};"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statement} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "revoked_tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_revoked_tokens_client_id_clients")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revoked_tokens")),
    )
    with op.batch_alter_table("revoked_tokens") as batch_op:
        batch_op.create_index(batch_op.f("ix_revoked_tokens_expires_at"), ["expires_at"])
    op.execute(
        "INSERT INTO revoked_tokens (id, client_id, expires_at)"
        " SELECT id, client_id, expires_at FROM access_tokens WHERE revoked_at IS NOT NULL"
    )
    with op.batch_alter_table("token_families") as batch_op:
        batch_op.add_column(sa.Column("authorized", sa.LargeBinary(), nullable=True))
    op.execute(
        "UPDATE token_families SET authorized = (SELECT refresh_tokens.authorized"
        " FROM refresh_tokens WHERE refresh_tokens.family = token_families.id LIMIT 1)"
    )
    op.drop_column("refresh_tokens", "authorized")
    op.drop_table("access_tokens")
    grant("revoked_tokens")


def downgrade() -> None:
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
    with op.batch_alter_table("access_tokens") as batch_op:
        batch_op.create_index(batch_op.f("ix_access_tokens_expires_at"), ["expires_at"])
        batch_op.create_index("ix_access_tokens_family", ["family"])
    with op.batch_alter_table("refresh_tokens") as batch_op:
        batch_op.add_column(sa.Column("authorized", sa.LargeBinary(), nullable=True))
    op.execute(
        "UPDATE refresh_tokens SET authorized = (SELECT token_families.authorized"
        " FROM token_families WHERE token_families.id = refresh_tokens.family)"
    )
    op.execute("DELETE FROM refresh_tokens WHERE authorized IS NULL")
    with op.batch_alter_table("refresh_tokens") as batch_op:
        batch_op.alter_column("authorized", existing_type=sa.LargeBinary(), nullable=False)
    op.drop_column("token_families", "authorized")  # no copy: others refer to it
    op.drop_table("revoked_tokens")
    grant("access_tokens")
