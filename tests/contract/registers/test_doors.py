import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from identity import programmes, tokens
from identity.doors.disclosure import Disclosed, Question
from identity.doors.eligibility import Assessed
from identity.doors.eligibility import Question as Eligibility
from identity.doors.gathering import ByToken, Doors, TokenEnded
from identity.doors.verification import Verified
from identity.programmes import Registration
from identity.tokens import Authorized
from policies.vocabulary import AgreementId, LegalBasis, ProgrammeId, PurposeId

JWK = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "1",
    "use": "sig",
    "alg": "ES256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
"""RFC 7515, A.3.1."""
AMO = ProgrammeId("amo-tadamon")
AGREEMENT = AgreementId("amo-tadamon/enrolment")
PURPOSE = PurposeId("social-support/health-cover")


def asked(subject):
    return Question(
        programme=AMO,
        subject=subject,
        agreement=AGREEMENT,
        purpose=PURPOSE,
        basis=LegalBasis.CONSENT,
        attributes=(("phone", "raw"),),
    )


@pytest.fixture
async def token(house, person, consent):
    """A token of a person who agreed."""
    grant = await consent(person.subject)
    async with house.begin() as tx:
        await programmes.add(
            tx,
            house.catalogue,
            Registration(
                client_id=AMO,
                name="AMO",
                jwks={"keys": [JWK]},
                redirect_uris=("https://amo.example/callback",),
                agreements=(AGREEMENT,),
            ),
        )
        authorized = Authorized(
            client_id=AMO,
            agreement=AGREEMENT,
            purpose=PURPOSE,
            attributes={"phone": "raw"},
            grant_id=grant.id,
            subject=person.subject,
        )
        family = await tokens.open_family(tx, authorized)
        return tokens.new_access(authorized, tx.now, family=family)


async def test_a_token_is_read_anew_with_the_question(database, house, token):
    def question(held):
        return asked(held.authorized.subject)

    astray = msgspec.structs.replace(token, jti="another", family=uuid4())
    async with Doors.open(database, house.keyring, house.catalogue) as doors:
        right, unknown = await asyncio.gather(
            doors.disclose(ByToken(token=token, question=question)),
            doors.disclose(ByToken(token=astray, question=question)),
        )
        async with house.begin() as tx:
            await tokens.revoke_access(tx, AMO, token)
        revoked = await doors.disclose(ByToken(token=token, question=question))

    assert isinstance(right, Disclosed)
    assert unknown == revoked == TokenEnded()


async def test_all_doors_are_open_to_single_questions(database, house, person, consent, compared):
    await consent(person.subject)
    claims = {"given_name": "Mohamed", "birth_date": "1990-05-01"}
    eligibility = Eligibility(
        programme=ProgrammeId("asd"),
        subject=person.subject,
        agreement=AgreementId("asd/eligibility"),
        purpose=PurposeId("social-support/direct-aid"),
        basis=LegalBasis.LEGAL_OBLIGATION,
        case_reference="D-1",
    )
    async with Doors.open(database, house.keyring, house.catalogue) as doors:
        began = time.monotonic()
        verified = await doors.verify(compared(claims, idcs=person.idcs))
        took = timedelta(seconds=time.monotonic() - began)
        disclosed = await doors.disclose(asked(person.subject))
        assessed = await doors.assess(eligibility)

    assert isinstance(verified, Verified)
    assert took >= timedelta(milliseconds=19)
    assert isinstance(disclosed, Disclosed)
    assert isinstance(assessed, Assessed)
