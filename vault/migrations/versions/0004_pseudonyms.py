"""Virtual identifiers"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0004_pseudonyms"
down_revision = "0003_index"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "virtual_identifiers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("owner", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("audience", sa.String(length=80), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.Column("made_at", vault.database.Instant(), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=True),
        sa.Column("ended_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_virtual_identifiers")),
        sa.UniqueConstraint("tag", name=op.f("uq_virtual_identifiers_tag")),
    )
    with op.batch_alter_table("virtual_identifiers") as batch_op:
        batch_op.create_index("ix_virtual_identifiers_owner", ["owner", "state"], unique=False)
        batch_op.create_index(
            "uq_virtual_identifiers_slot",
            ["owner", "kind", "slot"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )
    with op.batch_alter_table("pairwise_identifiers") as batch_op:
        batch_op.alter_column(
            "programme",
            existing_type=sa.String(length=64),
            type_=sa.String(length=80),
            existing_nullable=False,
        )
    for role in ("amana_app", "amana_console"):
        _grant(role)


def _grant(role: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
    may = {
        "amana_app": "SELECT, INSERT, UPDATE, DELETE",
        # Staff make none and use none; an erasure removes them.
        "amana_console": "SELECT, DELETE",
    }[role]
    statement = f"GRANT {may} ON virtual_identifiers TO {role};"
    op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statement} END IF; END $do$")


def downgrade() -> None:
    with op.batch_alter_table("pairwise_identifiers") as batch_op:
        batch_op.alter_column(
            "programme",
            existing_type=sa.String(length=80),
            type_=sa.String(length=64),
            existing_nullable=False,
        )
    op.drop_table("virtual_identifiers")
