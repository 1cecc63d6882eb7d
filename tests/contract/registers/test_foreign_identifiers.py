"""Another programme's identifier, carried by one that cannot read it."""

import base64
import json

import pytest
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from identity import programmes
from identity.registry import foreign_identifiers, pseudonyms
from identity.registry.foreign_identifiers import Carried, NoKey
from identity.registry.pseudonyms import Audience
from policies.vocabulary import Action, AgreementId, ProgrammeId, PurposeId
from vault import access_log

AMO, ASD = ProgrammeId("amo-tadamon"), ProgrammeId("asd")
ISSUER = "https://amana.example"
CARRIED = Carried(
    carrier=AMO, recipient=ASD, purpose=PurposeId("social-support/direct-aid"), case_reference="R-7"
)
SEALING = ECKey.generate_key("P-256", {"kid": "e1", "use": "enc"})
SIGNING = ECKey.generate_key("P-256", {"kid": "s1", "use": "sig"})


@pytest.fixture
def enrol(house):
    """Registers the recipient with these keys."""

    async def do(*keys):
        async with house.begin() as tx:
            done = await programmes.add(
                tx,
                house.catalogue,
                programmes.Registration(
                    client_id=ASD,
                    name="ASD",
                    jwks={"keys": [key.as_dict(private=False) for key in keys]},
                    agreements=(AgreementId("asd/eligibility"),),
                ),
            )
            assert isinstance(done, programmes.Client), done

    return do


@pytest.fixture
def sealed(house):
    async def do(*subjects):
        async with house.begin() as tx:
            return await foreign_identifiers.foreign(
                tx, house.keyring, house.catalogue, CARRIED, subjects, issuer=ISSUER
            )

    return do


async def test_the_recipient_reads_its_own_identifier_for_whom_when_and_why(
    house, enrol, sealed, person
):
    await enrol(SIGNING, SEALING)
    text = (await sealed(person.subject))[person.subject]
    opened = jwe.decrypt_compact(text, SEALING)
    said = json.loads(opened.plaintext)
    async with house.begin() as tx:
        own = await pseudonyms.pairwise(tx, house.keyring, Audience(ASD), [person.subject])

    assert said["sub"] == own[person.subject]
    assert (said["iss"], said["aud"], said["via"]) == (ISSUER, ASD, AMO)
    assert said["purpose"] == CARRIED.purpose
    assert said["exp"] - said["iat"] == 7 * 86_400
    assert opened.protected["alg"] == "ECDH-ES+A256KW"
    assert opened.protected["enc"] == "A256GCM"


async def test_two_for_one_person_share_nothing_and_are_as_long_as_any_other(
    enrol, sealed, person, register
):
    await enrol(SIGNING, SEALING)
    other = await register(birth_date="1971-01-01")
    mine = [(await sealed(person.subject))[person.subject] for _ in range(6)]
    theirs = [(await sealed(other.subject))[other.subject] for _ in range(6)]

    assert len({len(each) for each in mine + theirs}) == 1
    # Beside the header's words and the name of the recipient's key, no run of octets comes twice.
    parts = [part for text in mine for part in text.split(".")[1:]]
    octets = [base64.urlsafe_b64decode(part + "==") for part in parts]
    runs = [each[at : at + 8] for each in octets for at in range(len(each) - 7)]
    assert len(runs) == len(set(runs))
    keys = [json.loads(base64.urlsafe_b64decode(each.split(".")[0] + "=="))["epk"] for each in mine]
    assert len({key["x"] for key in keys}) == len(mine)


async def test_who_carries_it_cannot_open_it(enrol, sealed, person):
    await enrol(SIGNING, SEALING)
    text = (await sealed(person.subject))[person.subject]

    for key in (SIGNING, ECKey.generate_key("P-256")):
        with pytest.raises(JoseError):
            jwe.decrypt_compact(text, key)


async def test_each_one_is_in_the_persons_history(house, enrol, sealed, person):
    await enrol(SIGNING, SEALING)
    await sealed(person.subject)
    async with house.begin() as tx:
        month = tx.now.strftime("%Y-%m")
        line = (await access_log.of_subject(tx, house.keyring, person.subject, [month]))[0]

    assert (line.action, line.actor.id, line.case_reference) == (Action.EXCHANGE, AMO, "R-7")
    assert line.detail == "sealed to asd"


async def test_without_a_key_to_seal_to_nothing_is_made(house, enrol, sealed, person):
    assert await sealed(person.subject) == NoKey(recipient=ASD)
    await enrol(SIGNING)
    assert await sealed(person.subject) == NoKey(recipient=ASD)


async def test_nothing_is_sealed_to_a_suspended_programme(house, enrol, sealed, person):
    await enrol(SIGNING, SEALING)
    async with house.begin() as tx:
        await programmes.suspend(tx, ASD)

    assert await sealed(person.subject) == NoKey(recipient=ASD)
