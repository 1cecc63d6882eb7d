"""The ground a benchmark stands on: people on the register, who agreed, and tokens for them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from joserfc.jwk import ECKey, KeyParameters

from api.cli.terminal import Report
from api.demo import seeding
from api.running import Running
from consent import grants, notices
from consent.grants import Answer, Evidence, MayNot
from consent.notices import Unpublishable
from identity import programmes, tokens
from identity.programmes import Registration, Unacceptable
from identity.registry import people, population
from identity.registry.people import Registered
from identity.registry.person import Person
from identity.tokens import AccessToken, Authorized
from policies.legal_time import legal_day
from policies.vocabulary import (
    RAW,
    AgreementId,
    AttributeId,
    FormId,
    Language,
    ProgrammeId,
    PurposeId,
    SubjectId,
)
from vault import database as db
from vault.database import Transaction

CLIENT: Final = ProgrammeId("amo-tadamon")
AGREEMENT: Final = AgreementId("amo-tadamon/enrolment")
PURPOSE: Final = PurposeId("social-support/health-cover")
ITEMS: Final = {
    AttributeId("eligibility"): FormId("decision"),
    AttributeId("phone"): RAW,
    AttributeId("address"): FormId("commune"),
}
ASKED: Final = {AttributeId("phone"): RAW, AttributeId("address"): FormId("commune")}
CHUNK: Final = 100
LIFE: Final = timedelta(hours=6)


class NoGroundError(Exception):
    """What a benchmark stands on could not be made."""


async def prepare(held: Running, wanted: int, report: Report) -> dict[UUID, AccessToken]:
    """Register people who agreed, and a token for each, by record."""
    async with db.begin(held.database) as tx:
        key = ECKey.generate_key("P-256", KeyParameters(use="sig", alg="ES256", kid="bench"))
        await _register(held, tx, key.as_dict(private=False))
        notice = await notices.publish(tx, held.catalogue, AGREEMENT, Language.EN)
        if isinstance(notice, Unpublishable):
            raise NoGroundError(f"a notice was not published: {notice}")
        day = legal_day(tx.now)
    made = population.population("amana-bench-1", people=2 * wanted, on=day)
    adults = [each for each in made.people if _able(each, day.year)][:wanted]
    issued: dict[UUID, AccessToken] = {}
    for at in range(0, len(adults), CHUNK):
        async with db.begin(held.database) as tx:
            issued |= await _issue(held, tx, adults[at : at + CHUNK], notice.hash)
        report(len(issued), wanted)
    return issued


async def register(held: Running, jwk: dict[str, str]) -> None:
    """Register the programme, with this key.

    Raises:
        NoGroundError: it was not registered.
    """
    async with db.begin(held.database) as tx:
        await _register(held, tx, jwk)


async def _register(held: Running, tx: Transaction, jwk: Mapping[str, Any]) -> None:
    asked = Registration(
        client_id=CLIENT,
        name="bench",
        jwks={"keys": [dict(jwk)]},
        redirect_uris=("https://bench.example/callback",),
        agreements=(AGREEMENT,),
    )
    done = await programmes.add(tx, held.catalogue, asked)
    if isinstance(done, Unacceptable):
        raise NoGroundError("; ".join(done.problems))


async def _issue(
    held: Running, tx: Transaction, chunk: Sequence[Person], notice_hash: str
) -> dict[UUID, AccessToken]:
    answers = await people.register_all(tx, held.keyring, chunk, by=seeding.DEMO)
    return {
        answer.subject: await _token(held, tx, answer.subject, person.birth_date, notice_hash)
        for person, answer in zip(chunk, answers, strict=True)
        if isinstance(answer, Registered)
    }


async def _token(
    held: Running, tx: Transaction, subject: SubjectId, birth_date: str, notice_hash: str
) -> AccessToken:
    answer = Answer(
        subject=subject,
        programme=CLIENT,
        agreement=AGREEMENT,
        notice_hash=notice_hash,
        language=Language.EN,
        evidence=Evidence(),
        items=ITEMS,
    )
    grant = await grants.give(tx, held.keyring, held.catalogue, answer, birth_date=birth_date)
    if isinstance(grant, MayNot):
        raise NoGroundError(f"a consent was refused: {grant}")
    authorized = Authorized(
        client_id=CLIENT,
        agreement=AGREEMENT,
        purpose=PURPOSE,
        attributes=dict(ITEMS),
        grant_id=grant.id,
        subject=subject,
    )
    family = await tokens.open_family(tx, authorized)
    return tokens.new_access(authorized, tx.now, family=family, life=LIFE)


def _able(person: Person, year: int) -> bool:
    """Whether they may agree alone, and have something to disclose."""
    full = len(person.birth_date) == len("1990-05-01")
    adult = full and int(person.birth_date[:4]) < year - 18
    return adult and bool(person.phone) and bool(person.commune)
