"""Four eyes: proposals, their approvals, and entries shown to the person later"""

import sqlalchemy as sa
from alembic import op

import vault.database


revision = "0008_governed"
down_revision = "0007_witness"
branch_labels = None
depends_on = None

TABLES = "proposals, proposal_approvals, log_embargoes"
# Nobody takes back a yes or hides an entry for longer: these two only grow.
APPEND_ONLY = "proposal_approvals, log_embargoes"
GRANTS = {
    role: f"""
        GRANT SELECT, INSERT, UPDATE ON {TABLES} TO {role};
        REVOKE UPDATE, DELETE ON {APPEND_ONLY} FROM {role};
    """
    for role in ("amana_app", "amana_console")
}


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, statements in GRANTS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")


def upgrade() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_at", vault.database.Instant(), nullable=False),
        sa.Column("expires_at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proposals_proposed_at"), ["proposed_at"], unique=False)
    op.create_table(
        "proposal_approvals",
        sa.Column("proposal", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("staff", sa.String(length=64), nullable=False),
        sa.Column("at", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("proposal", "role", name=op.f("pk_proposal_approvals")),
    )
    op.create_table(
        "log_embargoes",
        sa.Column("entry", sa.Uuid(), nullable=False),
        sa.Column("until", vault.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_log_embargoes")),
    )
    grant()


def downgrade() -> None:
    op.drop_table("log_embargoes")
    op.drop_table("proposal_approvals")
    with op.batch_alter_table("proposals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_proposals_proposed_at"))
    op.drop_table("proposals")
