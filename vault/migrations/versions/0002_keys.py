"""Versions and states of domain keys"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0002_keys"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("domain_keys") as batch_op:
        batch_op.add_column(
            sa.Column("state", sa.String(length=16), nullable=False, server_default="active")
        )
        batch_op.add_column(sa.Column("ended_at", vault.database.Instant(), nullable=True))
        batch_op.alter_column("wrapped", existing_type=sa.LargeBinary(), nullable=True)
    with op.batch_alter_table("domain_keys") as batch_op:
        batch_op.alter_column(
            "state", existing_type=sa.String(length=16), existing_nullable=False, server_default=None
        )
        batch_op.create_index(
            "uq_domain_keys_active",
            ["name"],
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("domain_keys") as batch_op:
        batch_op.drop_index("uq_domain_keys_active")
        batch_op.drop_column("ended_at")
        batch_op.drop_column("state")
        batch_op.alter_column("wrapped", existing_type=sa.LargeBinary(), nullable=False)
