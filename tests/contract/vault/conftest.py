"""An opened keyring, a person with keys, and permits as a policy would mint them."""

import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import event

from api.verifier import amana_verify
from policies.disclosure import Ask, Opening, Permit
from policies.vocabulary import (
    RAW,
    Action,
    Actor,
    ActorKind,
    AgreementId,
    AttributeId,
    GroupId,
    LegalBasis,
    Outcome,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import attributes, blind_index, erasing, erasure_gate, erasure_journal, keepsakes
from vault import database as db
from vault.access_log import Line
from vault.keyring import open_keyring
from vault.keys import create_file_keys

LINE = Line(
    actor=Actor(kind=ActorKind.SYSTEM, id="erasure"),
    action=Action.ERASE,
    outcome=Outcome.GIVEN,
    case_reference="D-7",
)


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


@pytest.fixture
def journal(tmp_path):
    place = tmp_path / "outside" / "erased.journal"
    erasure_journal.begin(place)
    return place


@pytest.fixture
async def people(database, keyring):
    """Three people with something on record, and found by a number each."""
    subjects = [SubjectId(uuid4()) for _ in range(3)]
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, *subjects)
        for number, subject in enumerate(subjects):
            values = {"given_name": f"Name {number}"}
            await attributes.store(tx, keyring, subject, GroupId("identity"), values)
            await blind_index.put(tx, keyring, subject, "document", f"AB{number}")
    return subjects


@pytest.fixture
def erase(database, keyring, journal):
    """Erases as the service does: the journal follows the commit."""

    async def do(*subjects, certificate=None):
        async with db.begin(database) as tx:
            done = await erasing.erase(
                tx, keyring, subjects, certificate=certificate or uuid4(), line=LINE
            )
        async with db.read(database) as tx:
            await erasure_journal.keep(tx, journal)
        return done

    return do


@pytest.fixture
def gate(database, keyring, journal):
    """The gate before the service: why it is closed, and the replay that opens it."""

    async def closed():
        async with db.read(database) as tx:
            return await erasure_gate.closed(tx, keyring, erasure_journal.read(journal))

    async def ends():
        async with db.read(database) as tx:
            return await erasure_gate.ends_differ(tx, keyring, erasure_journal.last(journal))

    async def replayed():
        async with db.begin(database) as tx:
            found = await erasure_gate.replay(tx, keyring, erasure_journal.read(journal))
            again = {record async for record in erasing.revived(tx, keyring)}
            if again:
                await erasing.destroy(tx, keyring, sorted(again))
        return found, again

    return SimpleNamespace(
        closed=closed, ends=ends, replayed=replayed, keyring=keyring, database=database
    )


@pytest.fixture
def keeper(database, keyring, person):
    from tests.contract.vault import keeping

    return keeping.Keeper(database, keyring, person)


@pytest.fixture
def verdict(tmp_path, keeper):
    """Run the verifier as a stranger would; its exit code and what it says."""

    async def run(*texts):
        trust = tmp_path / "trust.json"
        trust.write_bytes(msgspec.json.encode(await keeper.ask(keepsakes.trust)))
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.txt")
            files[-1].write_text(text, encoding="utf-8")
        ran = subprocess.run(  # noqa: ASYNC221  (nothing else runs here)
            [sys.executable, "-I", amana_verify.__file__, trust, *files],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            check=False,
        )
        assert ran.stderr == ""
        return ran.returncode, ran.stdout

    return run
