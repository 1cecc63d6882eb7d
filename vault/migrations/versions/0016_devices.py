"""What a session's browser and system are called"""

import sqlalchemy as sa
from alembic import op

revision = "0016_devices"
down_revision = "0015_openid"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sessions") as batch_op:
        batch_op.add_column(
            sa.Column("device", sa.String(length=64), nullable=False, server_default="")
        )


def downgrade() -> None:
    with op.batch_alter_table("sessions") as batch_op:
        batch_op.drop_column("device")
