"""People, households and consents as the registers and the doors have them."""

from itertools import count
from types import SimpleNamespace

import pytest

from consent import grants, notices
from identity.doors import detokenising, disclosure, eligibility, verification
from identity.doors.detokenising import ByStaff
from identity.doors.verification import Named
from identity.registry import households, people, pseudonyms
from identity.registry.households import Household
from identity.registry.person import DocumentKind, Person, Sex
from policies.household_index import HouseholdFacts, Milieu, Region
from policies.staff import Duty, Role
from policies.vocabulary import (
    Actor,
    ActorKind,
    AgreementId,
    Language,
    LegalBasis,
    ProgrammeId,
    PurposeId,
)
from vault import access_log
from vault import database as db
from vault.keyring import open_keyring
from vault.keys import create_file_keys
from vault.log_leaf import month

DESK = Actor(kind=ActorKind.STAFF, id="desk-1")
AMO = {
    "programme": ProgrammeId("amo-tadamon"),
    "agreement": AgreementId("amo-tadamon/enrolment"),
    "purpose": PurposeId("social-support/health-cover"),
}
ASD = {
    "programme": ProgrammeId("asd"),
    "agreement": AgreementId("asd/eligibility"),
    "purpose": PurposeId("social-support/direct-aid"),
}
ADULT = "1990-05-01"
FRAUD = ByStaff(staff="desk-1", role=Role.OPERATOR, duty=Duty.TRACE_FRAUD)


@pytest.fixture
async def keyring(database, tmp_path):
    async with db.begin(database) as tx:
        return await open_keyring(tx, create_file_keys(tmp_path / "keys"))


@pytest.fixture
def begin(database):
    """A transaction of the test's own."""
    return lambda: db.begin(database)


@pytest.fixture
def house(begin, keyring, catalogue):
    """The three things that everything takes."""
    return SimpleNamespace(begin=begin, keyring=keyring, catalogue=catalogue)


_numbers = count(1)


@pytest.fixture
def written():
    """A person as an operator writes them, each with a document of their own."""

    def make(**changes):
        fields = {
            "given_name_ar": "محمد",
            "given_name_latin": "Mohamed",
            "family_name_ar": "العمراني",
            "family_name_latin": "El Amrani",
            "sex": Sex.MALE,
            "birth_date": ADULT,
            "document_kind": DocumentKind.CNIE,
            "document_number": f"AB{100000 + next(_numbers)}",
            "phone": "+212612345678",
            "commune": "Fès",
            "province": "Fès",
            "region": "fes-meknes",
        } | changes
        return Person(**fields)

    return make


@pytest.fixture
def register(begin, keyring, written):
    """Registers a person; their entry."""

    async def do(**changes):
        async with begin() as tx:
            known = await people.register(tx, keyring, written(**changes), by=DESK)
            if isinstance(known, people.Duplicate):
                known = await people.register(
                    tx, keyring, written(**changes), by=DESK, distinct_from=known.candidates
                )
        assert isinstance(known, people.Registered), known
        return known

    return do


@pytest.fixture
async def person(register):
    return await register()


def poor(**changes):
    """Facts of a household well below every threshold."""
    fields = {
        "milieu": Milieu.RURAL,
        "region": Region.DRAA_TAFILALET,
        "size": 6,
        "rooms": 1,
        "head_age": 50,
    } | changes
    return HouseholdFacts(**fields)


def rich(**changes):
    """Facts of a household above every threshold."""
    return poor(
        milieu=Milieu.URBAN, region=Region.CASABLANCA_SETTAT, size=1, rooms=3, cars=2, **changes
    )


@pytest.fixture(name="poor")
def poor_():
    return poor


@pytest.fixture(name="rich")
def rich_():
    return rich


@pytest.fixture
def settle(begin, keyring, catalogue):
    """Enters a household of these people; the first declares."""

    async def do(facts, *members):
        async with begin() as tx:
            return await households.register(
                tx,
                keyring,
                catalogue,
                Household(members=members, declarant=members[0], facts=facts),
                by=DESK,
            )

    return do


@pytest.fixture
def consent(begin, keyring, catalogue):
    """Lets a person agree to items of an agreement."""

    async def do(subject, agreement="amo-tadamon/enrolment", **items):
        known = catalogue.agreements[agreement]
        async with begin() as tx:
            notice = await notices.publish(tx, catalogue, known.id, Language.FR)
            grant = await grants.give(
                tx,
                keyring,
                catalogue,
                grants.Answer(
                    subject=subject,
                    programme=known.programme,
                    agreement=known.id,
                    notice_hash=notice.hash,
                    language=Language.FR,
                    evidence=grants.Evidence(),
                    items=items or known.items,
                ),
                birth_date=ADULT,
            )
        assert isinstance(grant, grants.Grant), grant
        return grant

    return do


@pytest.fixture
def ask_attributes(begin, keyring, catalogue):
    """Asks the disclosure door; one question or many."""

    async def do(*questions):
        async with begin() as tx:
            return await disclosure.disclose(tx, keyring, catalogue, questions)

    return do


@pytest.fixture
def ask_eligibility(begin, keyring, catalogue):
    async def do(*questions):
        async with begin() as tx:
            return await eligibility.assess(tx, keyring, catalogue, questions)

    return do


@pytest.fixture
def verify(begin, keyring, catalogue):
    async def do(*questions):
        async with begin() as tx:
            return await verification.verify(tx, keyring, catalogue, questions)

    return do


@pytest.fixture
def compared():
    """A verification question of AMO Tadamon, under the law."""

    def make(claims, **changes):
        kinds = ("idcs", "virtual", "pairwise", "subject")
        named = {key: changes.pop(key) for key in kinds if key in changes}
        fields = {
            **AMO,
            "named": Named(**named),
            "claims": claims,
            "basis": LegalBasis.PUBLIC_TASK,
            "case_reference": "D-1",
        } | changes
        return verification.Question(**fields)

    return make


@pytest.fixture
def token(begin, keyring):
    async def of(subject, programme=ASD["programme"]):
        async with begin() as tx:
            return (await pseudonyms.pairwise(tx, keyring, programme, [subject]))[subject]

    return of


@pytest.fixture
def asked():
    def make(*tokens, **changes):
        fields = {
            "asker": FRAUD,
            "programme": ASD["programme"],
            "tokens": tokens,
            "attributes": ("given_name", "birth_date", "phone"),
            "case_reference": "F-2026-0042",
        } | changes
        return detokenising.Question(**fields)

    return make


@pytest.fixture
def history(begin, keyring):
    async def of(subject):
        async with begin() as tx:
            return await access_log.of_subject(tx, keyring, subject, [month(tx.now)])

    return of
