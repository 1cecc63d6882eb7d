"""May this person give this consent? Adults for themselves; for another, who represents them.

The head of a household declares its facts; nobody consents for another adult by being the head.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from policies import legal_time
from policies.entries import Agreement
from policies.legal_time import MAJORITY_YEARS, legal_day
from policies.vocabulary import AttributeId, FormId, SubjectId

COOL_DOWN: Final = timedelta(days=90)
"""How long a programme leaves alone who said no (consent reference 2.2)."""


class Relation(StrEnum):
    """Why someone may speak for another."""

    PARENT = "parent"
    KAFIL = "kafil"
    GUARDIAN = "guardian"
    """Named by a court; for a minor or an adult."""
    PROXY = "proxy"


class Representation(msgspec.Struct, frozen=True, kw_only=True):
    """Who may speak for whom, proven, for a time."""

    representative: SubjectId
    represented: SubjectId
    relation: Relation
    valid_from: date
    valid_until: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether it stands on a day; both ends count."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class Giving(msgspec.Struct, frozen=True, kw_only=True):
    """A consent about to be given: who gives it for whom, to what, after reading which notice."""

    subject: SubjectId
    giver: SubjectId
    birth_date: str | None
    """The subject's; may be partial."""
    agreement: Agreement
    notice_version: int
    """The version of the agreement in the notice that was shown."""
    items: Mapping[AttributeId, FormId]
    representation: Representation | None = None


class ConsentReason(StrEnum):
    """Why a consent cannot be given."""

    AGREEMENT_NOT_IN_FORCE = "agreement-not-in-force"
    NOTICE_NOT_CURRENT = "notice-not-current"
    NOTHING_AGREED = "nothing-agreed"
    ITEM_NOT_OFFERED = "item-not-offered"
    REQUIRED_ITEM_MISSING = "required-item-missing"
    AGE_UNKNOWN = "age-unknown"
    NOT_AN_ADULT = "not-an-adult"
    NOT_REPRESENTED = "not-represented"


class May(msgspec.Struct, frozen=True, kw_only=True):
    """The consent may be given, and ends at this instant at the latest."""

    expires_at: datetime


class MayNot(msgspec.Struct, frozen=True, kw_only=True):
    """The consent may not be given. False, so that `if` and `match` read it alike."""

    reasons: tuple[ConsentReason, ...]

    def __bool__(self) -> bool:
        """No."""
        return False


def may_consent(giving: Giving, now: datetime) -> May | MayNot:
    """Whether this consent may be given now; every reason why not."""
    day = legal_day(now)
    reasons = (*_about_offer(giving, day), *_about_giver(giving, day))
    return MayNot(reasons=reasons) if reasons else May(expires_at=_expiry(giving, now))


def may_ask_again(refused_at: datetime | None, now: datetime) -> bool:
    """Whether a programme may ask who refused. A person who starts it alone is not asked."""
    return refused_at is None or now >= refused_at + COOL_DOWN


def _about_offer(giving: Giving, day: date) -> Iterator[ConsentReason]:
    agreement, items = giving.agreement, giving.items
    offered = agreement.items
    if not agreement.in_force(day):
        yield ConsentReason.AGREEMENT_NOT_IN_FORCE
    if giving.notice_version != agreement.version:
        yield ConsentReason.NOTICE_NOT_CURRENT
    if not items:
        yield ConsentReason.NOTHING_AGREED
    if any(offered.get(item) != form for item, form in items.items()):
        yield ConsentReason.ITEM_NOT_OFFERED
    if offered.keys() - items.keys() - set(agreement.optional):
        yield ConsentReason.REQUIRED_ITEM_MISSING


def _about_giver(giving: Giving, day: date) -> Iterator[ConsentReason]:
    adult = legal_time.reached(giving.birth_date, MAJORITY_YEARS, day)
    if giving.giver == giving.subject:
        if adult is None:
            yield ConsentReason.AGE_UNKNOWN
        elif not adult:
            yield ConsentReason.NOT_AN_ADULT
    elif not _represents(giving, adult=adult, day=day):
        yield ConsentReason.NOT_REPRESENTED


def _represents(giving: Giving, *, adult: bool | None, day: date) -> bool:
    claim = giving.representation
    if claim is None or not claim.in_force(day):
        return False
    if (claim.representative, claim.represented) != (giving.giver, giving.subject):
        return False
    # Parenthood ends at majority; a court's word or a power of attorney does not.
    return claim.relation in {Relation.GUARDIAN, Relation.PROXY} or adult is False


def _expiry(giving: Giving, now: datetime) -> datetime:
    """The agreement's own term, its end, or the day a child comes of age and decides anew."""
    ends = [
        now + timedelta(days=giving.agreement.consent_days),
        legal_time.end_of(giving.agreement.ends),
    ]
    if giving.giver != giving.subject and giving.birth_date is not None:
        earliest, _ = legal_time.possible_births(giving.birth_date)
        majority = legal_time.birthday(earliest, MAJORITY_YEARS)
        if majority > legal_day(now):
            ends.append(legal_time.end_of(majority - timedelta(days=1)))
    return min(ends)
