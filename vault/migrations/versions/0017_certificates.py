"""Programmes that say who they are by a certificate"""

import sqlalchemy as sa
from alembic import op

revision = "0017_certificates"
down_revision = "0016_devices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("clients") as batch_op:
        batch_op.add_column(
            sa.Column(
                "auth_method",
                sa.String(length=32),
                nullable=False,
                server_default="private_key_jwt",
            )
        )
        batch_op.add_column(sa.Column("tls_client_auth_subject_dn", sa.Text()))
        batch_op.add_column(sa.Column("tls_client_auth_san_dns", sa.Text()))


def downgrade() -> None:
    with op.batch_alter_table("clients") as batch_op:
        batch_op.drop_column("tls_client_auth_san_dns")
        batch_op.drop_column("tls_client_auth_subject_dn")
        batch_op.drop_column("auth_method")
