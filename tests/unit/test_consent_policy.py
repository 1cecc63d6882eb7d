"""Who may give a consent, to what, and until when."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from policies import catalogue as catalogues
from policies import consent
from policies.consent import (
    ConsentReason,
    Giving,
    May,
    MayNot,
    Relation,
    Representation,
    may_ask_again,
    may_consent,
)
from policies.vocabulary import SubjectId

FOLDER = Path(catalogues.__file__).parent / "catalogue"
AGREEMENT = catalogues.compile(
    {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.toml")}
).agreements["minhaty/scholarship"]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY, DAY = date(2026, 11, 24), timedelta(days=1)
PERSON, OTHER, THIRD = (SubjectId(UUID(int=at)) for at in (1, 2, 3))
OWN = Giving(
    subject=PERSON,
    giver=PERSON,
    birth_date="1990-05-01",
    agreement=AGREEMENT,
    notice_version=1,
    items={"eligibility": "decision", "phone": "masked"},
)
PARENT = Representation(
    representative=OTHER, represented=PERSON, relation=Relation.PARENT, valid_from=TODAY
)
FOR_A_CHILD = replace(OWN, giver=OTHER, birth_date="2012-03-15", representation=PARENT)
FOR_AN_ADULT = replace(OWN, giver=OTHER, representation=replace(PARENT, relation=Relation.GUARDIAN))


@pytest.mark.parametrize("giving", [OWN, FOR_A_CHILD, FOR_AN_ADULT])
def test_adults_consent_for_themselves_and_for_whom_they_represent(giving):
    assert may_consent(giving, NOON) == May(expires_at=NOON + timedelta(days=300))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"notice_version": 0}, ConsentReason.NOTICE_NOT_CURRENT),
        ({"items": {"phone": "masked"}}, ConsentReason.REQUIRED_ITEM_MISSING),
        (
            {"items": {"eligibility": "decision", "phone": "raw"}},
            ConsentReason.ITEM_NOT_OFFERED,
        ),
        (
            {"items": {"eligibility": "decision", "email": "raw"}},
            ConsentReason.ITEM_NOT_OFFERED,
        ),
        (
            {"agreement": replace(AGREEMENT, ends=TODAY - DAY)},
            ConsentReason.AGREEMENT_NOT_IN_FORCE,
        ),
        ({"birth_date": "2008-11-25"}, ConsentReason.NOT_AN_ADULT),
        ({"birth_date": "2008"}, ConsentReason.AGE_UNKNOWN),
        ({"birth_date": None}, ConsentReason.AGE_UNKNOWN),
        ({"giver": OTHER}, ConsentReason.NOT_REPRESENTED),
    ],
)
def test_one_defect_refuses_for_its_own_reason_alone(change, reason):
    assert may_consent(replace(OWN, **change), NOON) == MayNot(reasons=(reason,))


def test_agreeing_to_nothing_is_not_a_consent():
    reasons = may_consent(replace(OWN, items={}), NOON).reasons

    assert reasons == (ConsentReason.NOTHING_AGREED, ConsentReason.REQUIRED_ITEM_MISSING)


@pytest.mark.parametrize(
    "change",
    [
        {"representation": None},
        {"representation": replace(PARENT, representative=THIRD)},
        {"representation": replace(PARENT, represented=THIRD)},
        {"representation": replace(PARENT, valid_from=TODAY + DAY)},
        {"representation": replace(PARENT, valid_until=TODAY - DAY)},
        {"birth_date": "2008-11-24"},
        {"birth_date": "2008"},
        {"birth_date": None},
    ],
)
def test_nobody_consents_for_another_without_a_title_to(change):
    refusal = may_consent(replace(FOR_A_CHILD, **change), NOON)

    assert refusal == MayNot(reasons=(ConsentReason.NOT_REPRESENTED,))


@pytest.mark.parametrize("relation", [Relation.PARENT, Relation.KAFIL])
def test_parenthood_ends_at_majority(relation):
    claim = replace(PARENT, relation=relation)

    assert may_consent(replace(FOR_A_CHILD, representation=claim), NOON)
    assert not may_consent(replace(FOR_AN_ADULT, representation=claim), NOON)


@pytest.mark.parametrize("relation", [Relation.GUARDIAN, Relation.PROXY])
def test_a_court_or_a_power_of_attorney_reaches_adults(relation):
    claim = replace(PARENT, relation=relation, valid_until=TODAY)

    assert may_consent(replace(FOR_AN_ADULT, representation=claim), NOON)


def test_what_was_agreed_for_a_child_ends_the_day_the_child_comes_of_age():
    giving = replace(FOR_A_CHILD, birth_date="2009-01-10")

    assert may_consent(giving, NOON) == May(expires_at=datetime(2027, 1, 9, 23, tzinfo=UTC))


def test_a_partial_birth_date_ends_it_on_the_earliest_day_of_age():
    giving = replace(FOR_A_CHILD, birth_date="2009")

    assert may_consent(giving, NOON) == May(expires_at=datetime(2026, 12, 31, 23, tzinfo=UTC))


def test_an_adult_without_known_birth_date_may_be_represented_by_a_guardian():
    giving = replace(FOR_AN_ADULT, birth_date=None)

    assert may_consent(giving, NOON) == May(expires_at=NOON + timedelta(days=300))


def test_majority_ends_nothing_for_who_is_of_age_already():
    giving = replace(FOR_AN_ADULT, birth_date="2008-11-24")

    assert may_consent(giving, NOON) == May(expires_at=NOON + timedelta(days=300))


def test_a_consent_does_not_outlive_its_agreement():
    giving = replace(OWN, agreement=replace(AGREEMENT, ends=date(2026, 12, 1)))

    assert may_consent(giving, NOON) == May(expires_at=datetime(2026, 12, 1, 23, tzinfo=UTC))


def test_who_said_no_is_left_alone_for_ninety_days():
    assert may_ask_again(None, NOON)
    assert not may_ask_again(NOON - timedelta(days=90) + timedelta(seconds=1), NOON)
    assert may_ask_again(NOON - timedelta(days=90), NOON)
    assert timedelta(days=90) == consent.COOL_DOWN
