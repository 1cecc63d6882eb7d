"""Where programmes publish their keys; what they are told of themselves, and each attempt"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0011_server"
down_revision = "0010_rights"
branch_labels = None
depends_on = None


# The console shows what was said; the public app says it.
GRANTS = {
    "amana_app": """
        GRANT SELECT, INSERT, UPDATE ON programme_messages TO amana_app;
        GRANT SELECT, INSERT ON programme_message_attempts TO amana_app;
    """,
    "amana_console": """
        GRANT SELECT ON programme_messages, programme_message_attempts TO amana_console;
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
        batch_op.add_column(sa.Column("jwks_uri", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("jwks_at", vault.database.Instant(), nullable=True))
        batch_op.add_column(sa.Column("jwks_tried_at", vault.database.Instant(), nullable=True))
        batch_op.add_column(sa.Column("jwks_failure", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("notify_url", sa.Text(), nullable=True))
    op.create_table(
        "programme_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=400), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", vault.database.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], name=op.f("fk_programme_messages_client_id_clients")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_messages")),
        sa.UniqueConstraint(
            "client_id", "about", name=op.f("uq_programme_messages_client_id_about")
        ),
    )
    with op.batch_alter_table("programme_messages") as batch_op:
        batch_op.create_index("ix_programme_messages_next_at", ["next_at"], unique=False)
    op.create_table(
        "programme_message_attempts",
        sa.Column("message", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["message"],
            ["programme_messages.id"],
            name=op.f("fk_programme_message_attempts_message_programme_messages"),
        ),
        sa.PrimaryKeyConstraint("message", "number", name=op.f("pk_programme_message_attempts")),
    )
    grant()


def downgrade() -> None:
    op.drop_table("programme_message_attempts")
    op.drop_table("programme_messages")
    with op.batch_alter_table("clients") as batch_op:
        for name in ("notify_url", "jwks_failure", "jwks_tried_at", "jwks_at", "jwks_uri"):
            batch_op.drop_column(name)
