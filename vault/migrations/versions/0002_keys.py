"""Versions and states of domain keys; the shred tree"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0002_keys"
down_revision = "0001"
branch_labels = None
depends_on = None


GRANTED = "subject_keys, key_nodes, key_epoch, key_jobs, root_keys"


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role in ("amana_app", "amana_console"):
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        statements = f"""
            GRANT SELECT, INSERT, UPDATE, DELETE ON {GRANTED} TO {role};
            GRANT USAGE ON SEQUENCE key_places TO {role};
        """
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")


NOT_EMPTY = (
    "this store was made before 0.1.0 was released; its keys hang from the root itself and "
    "cannot be moved: make it anew (make demo-reset for the demo)"
)


def upgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM subject_keys")):
        raise RuntimeError(NOT_EMPTY)
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
    op.drop_table("subject_keys")
    op.create_table(
        "subject_keys",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("handle", sa.LargeBinary(length=8), nullable=False),
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("node_version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "kind", name=op.f("pk_subject_keys")),
        sa.UniqueConstraint("handle", name=op.f("uq_subject_keys_handle")),
    )
    with op.batch_alter_table("subject_keys") as batch_op:
        batch_op.create_index("ix_subject_keys_node", ["kind", "node"], unique=False)
    op.create_table(
        "key_nodes",
        sa.Column("tree", sa.String(length=8), nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("parent_version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tree", "level", "idx", name=op.f("pk_key_nodes")),
    )
    with op.batch_alter_table("key_nodes") as batch_op:
        batch_op.create_index("ix_key_nodes_parent", ["tree", "level", "parent"], unique=False)
    op.create_table(
        "key_epoch",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_key_epoch")),
    )
    op.create_table(
        "key_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("last", sa.Uuid(), nullable=True),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("started_at", vault.database.Instant(), nullable=False),
        sa.Column("finished_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_jobs")),
    )
    op.create_table(
        "root_keys",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.Column("ended_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_root_keys")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("key_places", start=0, minvalue=0)))
    grant()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.DropSequence(sa.Sequence("key_places")))
    op.drop_table("root_keys")
    op.drop_table("key_jobs")
    op.drop_table("key_epoch")
    op.drop_table("key_nodes")
    op.drop_table("subject_keys")
    op.create_table(
        "subject_keys",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("handle", sa.LargeBinary(length=8), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "kind", "version", name=op.f("pk_subject_keys")),
        sa.UniqueConstraint("handle", name=op.f("uq_subject_keys_handle")),
    )
    with op.batch_alter_table("domain_keys") as batch_op:
        batch_op.drop_index("uq_domain_keys_active")
        batch_op.drop_column("ended_at")
        batch_op.drop_column("state")
        batch_op.alter_column("wrapped", existing_type=sa.LargeBinary(), nullable=False)
