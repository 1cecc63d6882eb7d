"""An opened keyring, a person with keys, and permits as a policy would mint them."""

from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import event

from policies.disclosure import Ask, Opening, Permit
from policies.vocabulary import (
    RAW,
    Action,
    AgreementId,
    AttributeId,
    GroupId,
    LegalBasis,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import database as db
from vault.keyring import open_keyring
from vault.keys import create_file_keys


@pytest.fixture
def keys(tmp_path):
    return create_file_keys(tmp_path / "keys")


@pytest.fixture
async def keyring(database, keys):
    async with db.begin(database) as tx:
        return await open_keyring(tx, keys)


@pytest.fixture
def new_record(database, keyring):
    """Makes a record with keys."""

    async def make():
        subject = SubjectId(uuid4())
        async with db.begin(database) as tx:
            await keyring.create_subject(tx, subject)
        return subject

    return make


@pytest.fixture
async def person(new_record):
    return await new_record()


@pytest.fixture
def permit():
    """Makes a permit for one person; the policy that mints them has tests of its own."""

    def make(tx, subject, openings=None, *, case_reference="D-1"):
        opened = openings or [(subject, "identity", ("given_name", "family_name"))]
        return Permit(
            ask=Ask(
                programme=ProgrammeId("asd"),
                subject=subject,
                agreement=AgreementId("asd/eligibility"),
                purpose=PurposeId("social/aid"),
                basis=LegalBasis.PUBLIC_TASK,
                attributes=tuple(
                    (AttributeId(name), RAW) for *_, names in opened for name in names
                ),
                action=Action.READ,
                case_reference=case_reference,
            ),
            decided_at=tx.now,
            catalogue_hash="c0ffee",
            openings=tuple(
                Opening(record=record, group=GroupId(group), attributes=names)
                for record, group, names in opened
            ),
        )

    return make


@pytest.fixture
def statements():
    """Counts the statements that a transaction sends."""

    @contextmanager
    def counting(tx):
        seen = []
        engine = tx.connection.sync_connection

        def note(_connection, _cursor, statement, *_):
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return counting
