"""What a programme is told of a refusal tells it nothing new about a person."""

import re

import pytest

from policies.reasons import NOT_PERMITTED, PUBLIC, Reason

OF_A_PERSON = [reason for reason in Reason if reason.value.startswith("person-")]
NEVER_HELD = [
    Reason.NO_CONSENT,
    Reason.CONSENT_PENDING,
    Reason.CONSENT_REFUSED,
    Reason.CONSENT_UNREADABLE,
]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_public_code_in_kebab_case(reason):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", PUBLIC[reason])
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.value)


@pytest.mark.parametrize("reason", [*OF_A_PERSON, *NEVER_HELD])
def test_facts_about_a_person_share_one_code(reason):
    assert PUBLIC[reason] == NOT_PERMITTED


def test_who_ended_a_consent_is_not_told():
    told = {
        PUBLIC[reason]
        for reason in (
            Reason.CONSENT_WITHDRAWN,
            Reason.CONSENT_REVOKED,
            Reason.CONSENT_INVALIDATED,
            Reason.CONSENT_PAUSED,
        )
    }

    assert told == {"consent-withdrawn"}


def test_a_programme_is_told_what_it_can_set_right_itself():
    assert PUBLIC[Reason.FORM_TOO_FINE] == "form-too-fine"
    assert PUBLIC[Reason.LAW_LAPSED] == "law-lapsed"
    assert PUBLIC[Reason.ATTRIBUTE_NOT_CONSENTED] == "attribute-not-consented"


def test_reasons_about_the_programme_come_before_those_about_the_person():
    """The first reason is the one told, so the order itself must not speak of a person."""
    reasons = list(Reason)
    first_of_person = min(reasons.index(reason) for reason in [*OF_A_PERSON, *NEVER_HELD])

    assert first_of_person > reasons.index(Reason.CASE_REFERENCE_MISSING)
