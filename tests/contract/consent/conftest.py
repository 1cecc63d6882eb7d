"""A person, the shipped catalogue, and a published notice to answer."""

from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from consent import grants, notices
from policies import catalogue as catalogues
from policies.vocabulary import AgreementId, Language, SubjectId
from vault import database as db
from vault.keyring import open_keyring
from vault.keys import create_file_keys

FOLDER = Path(catalogues.__file__).parent / "catalogue"
AGREEMENT = AgreementId("minhaty/scholarship")
ADULT = "1990-05-01"


@pytest.fixture(scope="session")
def catalogue():
    return catalogues.compile(
        {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
    )


@pytest.fixture
async def keyring(database, tmp_path):
    async with db.begin(database) as tx:
        return await open_keyring(tx, create_file_keys(tmp_path / "keys"))


@pytest.fixture
def new_person(database, keyring):
    """Makes a person with keys."""

    async def make():
        subject = SubjectId(uuid4())
        async with db.begin(database) as tx:
            await keyring.create_subject(tx, subject)
        return subject

    return make


@pytest.fixture
async def person(new_person):
    return await new_person()


@pytest.fixture
async def notice(database, catalogue):
    async with db.begin(database) as tx:
        return await notices.publish(tx, catalogue, AGREEMENT, Language.FR)


@pytest.fixture
def answer(catalogue, notice, person):
    """What the person answers to all that the notice asks."""
    agreement = catalogue.agreements[AGREEMENT]
    return grants.Answer(
        subject=person,
        programme=agreement.programme,
        agreement=agreement.id,
        notice_hash=notice.hash,
        language=Language.FR,
        evidence=grants.Evidence(session="5e55", acr="urn:amana:acr:two-factors"),
        items=agreement.items,
    )


@pytest.fixture
def give(database, keyring, catalogue, answer):
    """Gives the consent, perhaps with a change, in a transaction of its own."""

    async def do(**changes):
        async with db.begin(database) as tx:
            return await grants.give(
                tx,
                keyring,
                catalogue,
                msgspec.structs.replace(answer, **changes),
                birth_date=ADULT,
            )

    return do


@pytest.fixture
def later():
    """The same transaction at another instant."""

    def at(tx, **step):
        from datetime import timedelta

        return msgspec.structs.replace(tx, now=tx.now + timedelta(**step))

    return at
