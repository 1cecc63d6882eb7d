import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import pytest

from identity import programmes, tokens
from identity.doors.disclosure import Disclosed, Question
from identity.doors.eligibility import Assessed
from identity.doors.eligibility import Question as Eligibility
from identity.doors.gathering import BATCH, ByToken, Doors, Gathering, TokenEnded
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


class Poison(Exception):  # noqa: N818  (a test's own)
    pass


@pytest.fixture
def batches():
    return []


@pytest.fixture
def go():
    """Lets batches through; a test may hold one up."""
    event = asyncio.Event()
    event.set()
    return event


@pytest.fixture
def arrivals():
    """One item for each batch that is in flight."""
    return asyncio.Queue()


@pytest.fixture
def gathering(database, batches, go, arrivals):
    """A gathering whose door doubles numbers, remembers its batches and chokes on 13."""

    async def door(tx, questions):
        batches.append(list(questions))
        arrivals.put_nowait(None)
        await go.wait()
        if 13 in questions:
            raise Poison
        return [2 * each for each in questions]

    return Gathering(database, door)


async def test_what_arrives_together_is_answered_together(gathering, batches):
    answers = await asyncio.gather(*map(gathering.ask, range(10)))

    assert answers == [2 * each for each in range(10)]
    assert batches == [list(range(10))]


async def test_what_comes_while_a_batch_is_in_flight_waits_for_the_next(
    gathering, batches, go, arrivals
):
    go.clear()
    first = asyncio.create_task(gathering.ask(1))
    await arrivals.get()
    later = [asyncio.create_task(gathering.ask(each)) for each in (2, 3)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *later)

    assert batches == [[1], [2, 3]]


async def test_a_batch_is_bounded(gathering, batches):
    await asyncio.gather(*map(gathering.ask, range(100, 100 + BATCH + 5)))

    assert [len(each) for each in batches] == [BATCH, 5]


async def test_a_poisoned_question_harms_only_itself(gathering, batches):
    answers = await asyncio.gather(*map(gathering.ask, (1, 13, 2)), return_exceptions=True)

    assert answers[::2] == [2, 4]
    assert isinstance(answers[1], Poison)
    assert batches == [[1, 13, 2], [1], [13], [2]]
    assert await gathering.ask(5) == 10


async def test_whoever_leaves_is_not_asked_for(gathering, batches, go, arrivals):
    go.clear()
    first = asyncio.create_task(gathering.ask(1))
    await arrivals.get()
    gone = asyncio.create_task(gathering.ask(2))
    leaving = asyncio.create_task(gathering.ask(3))
    await asyncio.sleep(0)
    gone.cancel()
    go.set()
    assert await first == 2
    go.clear()
    await arrivals.get()
    leaving.cancel()  # while its batch is in flight
    await asyncio.sleep(0)
    go.set()
    await gathering.drained()

    assert batches == [[1], [3]]


async def test_draining_answers_what_was_asked(gathering):
    waiting = asyncio.create_task(gathering.ask(4))
    await asyncio.sleep(0)
    await gathering.drained()

    assert waiting.done()
    assert await waiting == 8
    await gathering.drained()


@pytest.fixture
async def token(house, person, consent):
    """The jti of a token of a person who agreed."""
    grant = await consent(person.subject)
    jti = uuid4().hex
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
        await tokens.issue_access(
            tx,
            Authorized(
                client_id=AMO,
                agreement=AGREEMENT,
                purpose=PURPOSE,
                attributes={"phone": "raw"},
                grant_id=grant.id,
                subject=person.subject,
            ),
            jti=jti,
            jkt="thumb",
        )
    return jti


async def test_a_token_is_read_anew_with_the_question(database, house, token):
    def question(held):
        return asked(held.authorized.subject)

    async with Doors.open(database, house.keyring, house.catalogue) as doors:
        right, unknown = await asyncio.gather(
            doors.disclose(ByToken(jti=token, question=question)),
            doors.disclose(ByToken(jti="never-issued", question=question)),
        )
        async with house.begin() as tx:
            await tokens.revoke_access(tx, AMO, token)
        revoked = await doors.disclose(ByToken(jti=token, question=question))

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
