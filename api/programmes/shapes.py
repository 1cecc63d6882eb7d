"""What programmes send and get. Unknown members are refused: a typo must not widen a question."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

CaseReference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="The programme's own file number. Sealed in the log.",
        examples=["DOSSIER-2026-000123"],
    ),
]
Pairwise = Annotated[
    str,
    Meta(
        max_length=64,
        description="The programme's own identifier for the person, from a verification.",
        examples=["pt1_k5q3x0v7h2m9t4w6y8b1d3f5j7n0r2s4"],
    ),
]
Claim = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every question has."""

    case_reference: CaseReference | None = None
    """Needed where the question does not rest on the person's consent."""


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom it is about: exactly one of the three."""

    idcs: Annotated[str, Meta(max_length=32, examples=["4821093756"])] | None = None
    """The person's number, as they gave it."""
    virtual: Annotated[str, Meta(max_length=32, examples=["7301 5529 8846 1204"])] | None = None
    """A number they made to give in its place. Unknown, stopped, used and expired look alike."""
    pairwise: Pairwise | None = None


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom it is about, once verified."""

    pairwise: Pairwise


class VerificationQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Is this person who they say they are?"""

    claims: Annotated[
        dict[str, Claim],
        Meta(
            min_length=1,
            max_length=16,
            description="Attribute → what the person says, in Arabic or Latin script.",
            examples=[{"given_name": "فاطمة", "family_name": "العلوي", "birth_date": "1990-05-01"}],
        ),
    ]
    subject: Named | None = None
    """Left out where the token is a person's own."""


class VerificationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Yes, partial or no; no value. Unknown, locked and wrong look alike."""

    result: str
    attributes: dict[str, str]
    """The same of each claim."""
    subject: str | None
    """The programme's identifier for the person, where the result is yes."""


class EligibilityQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Is the programme's aid open to this person?"""

    subject: Known | None = None
    """Left out where the token is a person's own."""


class EligibilityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Yes, no or cannot say, with reasons; never the index or a fact it is computed from."""

    eligible: bool | None
    until: date | None
    """How long the answer may be relied on."""
    reasons: tuple[str, ...]


class DisclosureQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some attributes of this person, each in a form."""

    attributes: Annotated[
        dict[str, str],
        Meta(
            min_length=1,
            max_length=32,
            description="Attribute → form.",
            examples=[{"address": "commune"}],
        ),
    ]
    subject: Known | None = None
    """Left out where the token is a person's own."""


class DisclosureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The values, in the forms asked for; null where the register holds none."""

    values: dict[str, Any]
    hold_until: datetime | None
    """When they must have been erased."""
