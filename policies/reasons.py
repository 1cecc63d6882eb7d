"""Why a disclosure is refused: a private reason, and the public code a programme is told.

A code never tells a programme about a person what it could not know already.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """The private reason, complete. Kebab codes are stable: they are logged and translated."""

    # The programme, its agreement and its question: public facts
    PROGRAMME_UNKNOWN = "programme-unknown"
    AGREEMENT_UNKNOWN = "agreement-unknown"
    AGREEMENT_OF_ANOTHER = "agreement-of-another"
    AGREEMENT_NOT_IN_FORCE = "agreement-not-in-force"
    CNDP_REFERENCE_MISSING = "cndp-reference-missing"
    CNDP_REFERENCE_EXPIRED = "cndp-reference-expired"
    PURPOSE_UNKNOWN = "purpose-unknown"
    PURPOSE_NOT_IN_AGREEMENT = "purpose-not-in-agreement"
    NOTHING_ASKED = "nothing-asked"
    ATTRIBUTE_UNKNOWN = "attribute-unknown"
    ATTRIBUTE_NOT_IN_AGREEMENT = "attribute-not-in-agreement"
    FORM_UNKNOWN = "form-unknown"
    FORM_TOO_FINE = "form-too-fine"
    FORM_NOT_FOR_ACTION = "form-not-for-action"
    BASIS_NOT_IN_AGREEMENT = "basis-not-in-agreement"
    LAW_LAPSED = "law-lapsed"
    ATTRIBUTE_NOT_UNDER_BASIS = "attribute-not-under-basis"
    CASE_REFERENCE_MISSING = "case-reference-missing"
    # A consent: known to the programme only where it once held it
    NO_CONSENT = "no-consent"
    CONSENT_PENDING = "consent-pending"
    CONSENT_REFUSED = "consent-refused"
    CONSENT_PAUSED = "consent-paused"
    CONSENT_EXHAUSTED = "consent-exhausted"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    CONSENT_REVOKED = "consent-revoked"
    CONSENT_EXPIRED = "consent-expired"
    CONSENT_SUPERSEDED = "consent-superseded"
    CONSENT_INVALIDATED = "consent-invalidated"
    CONSENT_UNREADABLE = "consent-unreadable"
    CONSENT_FOR_ANOTHER_PURPOSE = "consent-for-another-purpose"
    ATTRIBUTE_NOT_CONSENTED = "attribute-not-consented"
    FORM_NOT_CONSENTED = "form-not-consented"
    # The person: never told to a programme
    PERSON_UNKNOWN = "person-unknown"
    PERSON_INACTIVE = "person-inactive"
    PERSON_LOCKED = "person-locked"
    PERSON_OPPOSED = "person-opposed"
    # Staff
    DUTY_NOT_OF_ROLE = "duty-not-of-role"
    ATTRIBUTE_NOT_OF_DUTY = "attribute-not-of-duty"
    CASE_REFERENCE_UNFIT = "case-reference-unfit"


NOT_PERMITTED: Final = "not-permitted"
"""The one code for facts about a person: unknown, locked, opposed, never asked look alike."""

_ONCE_HELD: Final = {
    # A programme that held a consent may know that it ended, not that somebody else ended it.
    Reason.CONSENT_REVOKED: Reason.CONSENT_WITHDRAWN,
    Reason.CONSENT_INVALIDATED: Reason.CONSENT_WITHDRAWN,
    Reason.CONSENT_SUPERSEDED: Reason.CONSENT_EXPIRED,
    Reason.CONSENT_EXHAUSTED: Reason.CONSENT_EXPIRED,
    # «Paused» is a wish of the person's; it shows as an end that may be asked about anew.
    Reason.CONSENT_PAUSED: Reason.CONSENT_WITHDRAWN,
}

_OPAQUE: Final = frozenset(
    {
        Reason.NO_CONSENT,
        Reason.CONSENT_PENDING,
        Reason.CONSENT_REFUSED,
        Reason.CONSENT_UNREADABLE,
        Reason.PERSON_UNKNOWN,
        Reason.PERSON_INACTIVE,
        Reason.PERSON_LOCKED,
        Reason.PERSON_OPPOSED,
    }
)

PUBLIC: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        reason: NOT_PERMITTED if reason in _OPAQUE else _ONCE_HELD.get(reason, reason).value
        for reason in Reason
    }
)
"""Private reason → the code a programme is told."""
