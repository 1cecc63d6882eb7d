"""What has served its term may be deleted; audiences are found along an index"""

from alembic import op

revision = "0014_terms"
down_revision = "0013_recovery"
branch_labels = None
depends_on = None

# The public front deletes what is over. The console, where people say yes, takes back none.
GRANT = "GRANT DELETE ON proposals, proposal_approvals TO amana_app;"


def grant() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    there = "SELECT FROM pg_roles WHERE rolname = 'amana_app'"
    op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {GRANT} END IF; END $do$")


def upgrade() -> None:
    with op.batch_alter_table("pairwise_identifiers") as batch_op:
        batch_op.create_index("ix_pairwise_identifiers_programme", ["programme"])
    grant()


def downgrade() -> None:
    with op.batch_alter_table("pairwise_identifiers") as batch_op:
        batch_op.drop_index("ix_pairwise_identifiers_programme")
