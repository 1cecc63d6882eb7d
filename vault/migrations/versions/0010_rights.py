"""Who asked to be erased is nobody's to change"""

from alembic import op


revision = "0010_rights"
down_revision = "0009_tree"
branch_labels = None
depends_on = None

# The console decides: how far a request is, when, by whom and why. That it may write a subject
# is for taking it away, and the trigger lets nobody do anything else to it.
COLUMNS = {
    "amana_app": "state, subject, decided_at, decided_by, reason, certificate",
    "amana_console": "state, subject, decided_at, decided_by, reason",
}
FIXED = """
    CREATE FUNCTION erasure_requests_fixed() RETURNS trigger LANGUAGE plpgsql AS $fixed$
    BEGIN
        IF (NEW.id, NEW.link, NEW.subject_hash, NEW.asked_at, NEW.due_at)
           IS DISTINCT FROM (OLD.id, OLD.link, OLD.subject_hash, OLD.asked_at, OLD.due_at)
           OR NEW.subject IS NOT NULL AND NEW.subject IS DISTINCT FROM OLD.subject
        THEN
            RAISE EXCEPTION 'who asked to be erased is fixed';
        END IF;
        RETURN NEW;
    END $fixed$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return  # no roles: whoever opens the file may write all of it
    for role, columns in COLUMNS.items():
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        statements = f"""
            REVOKE UPDATE ON erasure_requests FROM {role};
            GRANT UPDATE ({columns}) ON erasure_requests TO {role};
        """
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")
    op.execute(FIXED)
    op.execute(
        "CREATE TRIGGER erasure_requests_fixed BEFORE UPDATE ON erasure_requests "
        "FOR EACH ROW EXECUTE FUNCTION erasure_requests_fixed()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TRIGGER erasure_requests_fixed ON erasure_requests")
    op.execute("DROP FUNCTION erasure_requests_fixed()")
    for role in COLUMNS:
        there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        statements = f"GRANT UPDATE ON erasure_requests TO {role};"
        op.execute(f"DO $do$ BEGIN IF EXISTS ({there}) THEN {statements} END IF; END $do$")
