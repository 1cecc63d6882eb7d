"""Where a day's map of counts is kept, and what it finds a chain by"""

import sqlalchemy as sa
from alembic import op

revision = "0012_map"
down_revision = "0011_server"
branch_labels = None
depends_on = None

# Whoever seals the log folds the map; the console reads it where it verifies the log.
GRANTS = {
    "amana_app": """
        GRANT SELECT, INSERT, UPDATE, DELETE ON day_map TO amana_app;
        GRANT SELECT, INSERT, UPDATE ON day_map_tile, day_maps TO amana_app;
    """,
    "amana_console": "GRANT SELECT ON day_map, day_map_tile, day_maps TO amana_console;",
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statements in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")


def upgrade() -> None:
    # A chain begun before stays as it is, and out of the map.
    nothing = sa.text("X''" if op.get_bind().dialect.name == "sqlite" else "''")
    with op.batch_alter_table("log_chains", table_kwargs={"sqlite_with_rowid": False}) as batch_op:
        for name in ("first", "folded"):
            column = sa.Column(name, sa.LargeBinary(32), nullable=False, server_default=nothing)
            batch_op.add_column(column)
    with op.batch_alter_table("log_chains", table_kwargs={"sqlite_with_rowid": False}) as batch_op:
        for name in ("first", "folded"):
            batch_op.alter_column(
                name,
                existing_type=sa.LargeBinary(32),
                existing_nullable=False,
                server_default=None,
            )
        batch_op.create_index(op.f("ix_log_chains_first"), ["first"], unique=False)
    op.create_table(
        "day_map",
        sa.Column("first", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("folded", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("first", name=op.f("pk_day_map")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_map_tile",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx", name=op.f("pk_day_map_tile")),
    )
    op.create_table(
        "day_maps",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("entry", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_day_maps")),
    )
    grant()


def downgrade() -> None:
    for name in ("day_maps", "day_map_tile", "day_map"):
        op.drop_table(name)
    with op.batch_alter_table("log_chains", table_kwargs={"sqlite_with_rowid": False}) as batch_op:
        batch_op.drop_index(op.f("ix_log_chains_first"))
        for name in ("folded", "first"):
            batch_op.drop_column(name)
