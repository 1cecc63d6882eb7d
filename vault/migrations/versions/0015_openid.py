"""Which programmes a session signed somebody on to, and where they hear that it ended"""

import sqlalchemy as sa
from alembic import op

revision = "0015_openid"
down_revision = "0014_terms"
branch_labels = None
depends_on = None

# Sessions end on both fronts: an account that gets new secrets is signed out everywhere.
GRANTS = {
    "amana_app": """
        GRANT SELECT, INSERT, DELETE ON sign_ons TO amana_app;
        GRANT DELETE ON programme_messages, programme_message_attempts TO amana_app;
    """,
    "amana_console": """
        GRANT SELECT ON sign_ons TO amana_console;
        GRANT INSERT ON programme_messages TO amana_console;
    """,
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statements in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")


def upgrade() -> None:
    with op.batch_alter_table("clients") as batch_op:
        batch_op.add_column(
            sa.Column("post_logout_redirect_uris", sa.JSON(), nullable=False, server_default="[]")
        )
        batch_op.add_column(sa.Column("backchannel_logout_uri", sa.Text(), nullable=True))
    op.create_table(
        "sign_ons",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("sid", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_sign_ons_client_id_clients")
        ),
        sa.ForeignKeyConstraint(
            ["session"],
            ["sessions.id"],
            name=op.f("fk_sign_ons_session_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session", "client_id", name=op.f("pk_sign_ons")),
        sa.UniqueConstraint("sid", name=op.f("uq_sign_ons_sid")),
    )
    grant()


def downgrade() -> None:
    op.drop_table("sign_ons")
    with op.batch_alter_table("clients") as batch_op:
        batch_op.drop_column("backchannel_logout_uri")
        batch_op.drop_column("post_logout_redirect_uris")
