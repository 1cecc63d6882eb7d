"""Registered programmes and a person's consent to one of them."""

from pathlib import Path
from uuid import uuid4

import pytest
from joserfc.jwk import ECKey

from consent import grants, notices
from identity import programmes
from identity.programmes import Registration
from identity.tokens import Authorized
from policies import catalogue as catalogues
from policies.vocabulary import AgreementId, Language, ProgrammeId, SubjectId
from vault import database as db
from vault.keyring import open_keyring
from vault.keys import create_file_keys

FOLDER = Path(catalogues.__file__).parent / "catalogue"
AGREEMENT = AgreementId("minhaty/scholarship")


@pytest.fixture(scope="session")
def catalogue():
    return catalogues.compile(
        {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
    )


@pytest.fixture(scope="session")
def public_key():
    """The public JWK of a programme's ES256 key."""
    key = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
    return key.as_dict(private=False)


@pytest.fixture
async def keyring(database, tmp_path):
    async with db.begin(database) as tx:
        return await open_keyring(tx, create_file_keys(tmp_path / "keys"))


@pytest.fixture
async def clients(database, catalogue, public_key):
    """`minhaty` and `asd`, registered."""
    wanted = [("minhaty", AGREEMENT), ("asd", AgreementId("asd/eligibility"))]
    async with db.begin(database) as tx:
        return [
            await programmes.add(
                tx,
                catalogue,
                Registration(
                    client_id=ProgrammeId(client_id),
                    name=client_id,
                    jwks={"keys": [public_key]},
                    redirect_uris=("https://programme.example/back",),
                    agreements=(agreement,),
                ),
            )
            for client_id, agreement in wanted
        ]


@pytest.fixture
async def grant(database, keyring, catalogue):
    """A person's consent to `minhaty`."""
    agreement = catalogue.agreements[AGREEMENT]
    subject = SubjectId(uuid4())
    async with db.begin(database) as tx:
        await keyring.create_subject(tx, subject)
        notice = await notices.publish(tx, catalogue, AGREEMENT, Language.FR)
        answer = grants.Answer(
            subject=subject,
            programme=agreement.programme,
            agreement=agreement.id,
            notice_hash=notice.hash,
            language=Language.FR,
            evidence=grants.Evidence(),
            items=agreement.items,
        )
        return await grants.give(tx, keyring, catalogue, answer, birth_date="1990-05-01")


@pytest.fixture
def authorized(clients, grant):
    """What the person authorized `minhaty` to ask."""
    return Authorized(
        client_id=grant.programme,
        agreement=grant.agreement,
        purpose=grant.purpose,
        attributes=grant.items,
        grant_id=grant.id,
        subject=grant.subject,
        acr="urn:amana:acr:two-factors",
        auth_time=grant.given_at,
    )
