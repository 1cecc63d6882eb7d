"""Where programmes publish their keys, and where they are told of what concerns them"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0009_server"
down_revision = "0006_erasure"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("clients") as batch_op:
        batch_op.add_column(sa.Column("jwks_uri", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("jwks_at", vault.database.Instant(), nullable=True))
        batch_op.add_column(sa.Column("jwks_tried_at", vault.database.Instant(), nullable=True))
        batch_op.add_column(sa.Column("jwks_failure", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("notify_url", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("clients") as batch_op:
        for name in ("notify_url", "jwks_failure", "jwks_tried_at", "jwks_at", "jwks_uri"):
            batch_op.drop_column(name)
