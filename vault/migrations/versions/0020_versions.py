"""Every domain's key has versions: jobs and tombstones say which; log keys that were forgotten"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

import vault.database

revision = "0020_versions"
down_revision = "0019_passes"
branch_labels = None
depends_on = None

# Log keys are forgotten by the owner alone, who may take from the log what finds their entries.
GRANT = """
    GRANT SELECT ON log_forgotten TO {role};
    GRANT SELECT, INSERT, UPDATE ON version_jobs TO {role};
"""


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role in ("amana_app", "amana_console"):
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        given = GRANT.format(role=role)
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {given} END IF; END $do$")


def upgrade() -> None:
    # Chains are found by the people's log keys now; only who holds those could write them anew.
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM log_chains")):
        raise CommandError("stores made before this version are made anew")
    op.drop_table("index_jobs")
    _make_jobs("version_jobs", ["domain", "version"], sa.Column("domain", sa.String(32)))
    op.create_table(
        "log_forgotten",
        sa.Column("handle", sa.LargeBinary(length=8), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("handle", name=op.f("pk_log_forgotten")),
    )
    with op.batch_alter_table("tombstones") as batch_op:
        batch_op.add_column(sa.Column("version", sa.SmallInteger(), nullable=False))
    grant()


def downgrade() -> None:
    with op.batch_alter_table("tombstones") as batch_op:
        batch_op.drop_column("version")
    op.drop_table("log_forgotten")
    op.drop_table("version_jobs")
    _make_jobs("index_jobs", ["version"])


def _make_jobs(name: str, key: list[str], *domain: sa.Column) -> None:
    op.create_table(
        name,
        *domain,
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Uuid(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("started_at", vault.database.Instant(), nullable=False),
        sa.Column("updated_at", vault.database.Instant(), nullable=False),
        sa.Column("finished_at", vault.database.Instant(), nullable=True),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")),
    )
