"""A programme's rule × index × facts of a person → eligible until, not eligible, or cannot say."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from policies import legal_time
from policies.household_index import Index, IndexUnknown
from policies.vocabulary import ProgrammeId


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line an index must not pass. Whether the line itself is inside is a flag."""

    at_most: Decimal
    inclusive: bool = True
    """Not settled officially («does not exceed», «below»): a versioned flag."""

    def admits(self, score: Decimal) -> bool:
        """Whether an index is inside."""
        return score < self.at_most or (self.inclusive and score == self.at_most)


class AgeLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An age that must not be reached, counted on a fixed day or, without one, on the day asked."""

    below: Annotated[int, msgspec.Meta(gt=0)]
    counted_on: date | None = None

    def reached(self, birth_date: str | None, on: date) -> bool | None:
        """Whether the age is reached; None where the birth date cannot say."""
        return legal_time.reached(birth_date, self.below, self.counted_on or on)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a programme's aid is open to a person, as far as the registers can tell."""

    programme: ProgrammeId
    version: Annotated[int, msgspec.Meta(gt=0)]
    effective: date
    ends: date
    valid_days: Annotated[int, msgspec.Meta(gt=0)]
    """How long an answer may be relied on before it is asked again."""
    source: str
    verified: bool
    registered_household: bool = True
    index: Threshold | None = None
    age: AgeLimit | None = None
    nationality: str | None = None
    """ISO 3166-1 alpha-3."""
    checked_by_programme: tuple[str, ...] = ()
    """Conditions the registers know nothing of; the programme asks for them itself."""


class ClaimantFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a rule may know of a person. `None`: not on record."""

    birth_date: str | None = None
    """`1990-05-01`, or partial: `1990-05`, `1990`."""
    nationality: str | None = None
    registered_household: bool = False


class EligibilityReason(StrEnum):
    """Why not, or why it cannot be said. The programme and the person both read these."""

    INDEX_ABOVE_THRESHOLD = "index-above-threshold"
    AGE_LIMIT_REACHED = "age-limit-reached"
    OTHER_NATIONALITY = "other-nationality"
    HOUSEHOLD_NOT_REGISTERED = "household-not-registered"
    INDEX_UNKNOWN = "index-unknown"
    AGE_UNKNOWN = "age-unknown"
    NATIONALITY_UNKNOWN = "nationality-unknown"
    RULE_NOT_IN_FORCE = "rule-not-in-force"


class Eligible(msgspec.Struct, frozen=True, kw_only=True):
    """Every condition the registers can check is met."""

    until: date


class NotEligible(msgspec.Struct, frozen=True, kw_only=True):
    """At least one condition fails; all that fail are named."""

    reasons: tuple[EligibilityReason, ...]


class CannotSay(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing fails, but something is not known."""

    reasons: tuple[EligibilityReason, ...]


def assess(
    rule: Rule | None, index: Index | IndexUnknown | None, facts: ClaimantFacts, on: date
) -> Eligible | NotEligible | CannotSay:
    """Assess one person against one programme's rule on a legal day.

    Args:
        rule: the programme's rule, or None where it has none.
        index: of the person's household; None where there is no household.
        facts: of the person.
        on: the legal day the answer is given.

    Returns:
        A failing condition outweighs an unknown one: what is not known could not help.
    """
    if rule is None or not rule.effective <= on <= rule.ends:
        return CannotSay(reasons=(EligibilityReason.RULE_NOT_IN_FORCE,))
    if failed := tuple(_failing(rule, index, facts, on)):
        return NotEligible(reasons=failed)
    if unknown := tuple(_unknown(rule, index, facts, on)):
        return CannotSay(reasons=unknown)
    return Eligible(until=_until(rule, facts, on))


def _failing(
    rule: Rule, index: Index | IndexUnknown | None, facts: ClaimantFacts, on: date
) -> Iterator[EligibilityReason]:
    if rule.registered_household and not facts.registered_household:
        yield EligibilityReason.HOUSEHOLD_NOT_REGISTERED
    if rule.index and isinstance(index, Index) and not rule.index.admits(index.score):
        yield EligibilityReason.INDEX_ABOVE_THRESHOLD
    if rule.age and rule.age.reached(facts.birth_date, on) is True:
        yield EligibilityReason.AGE_LIMIT_REACHED
    if rule.nationality and facts.nationality not in {None, rule.nationality}:
        yield EligibilityReason.OTHER_NATIONALITY


def _unknown(
    rule: Rule, index: Index | IndexUnknown | None, facts: ClaimantFacts, on: date
) -> Iterator[EligibilityReason]:
    if rule.index and not isinstance(index, Index):
        yield EligibilityReason.INDEX_UNKNOWN
    if rule.age and rule.age.reached(facts.birth_date, on) is None:
        yield EligibilityReason.AGE_UNKNOWN
    if rule.nationality and facts.nationality is None:
        yield EligibilityReason.NATIONALITY_UNKNOWN


def _until(rule: Rule, facts: ClaimantFacts, on: date) -> date:
    limits = [rule.ends, on + timedelta(days=rule.valid_days)]
    if rule.age and rule.age.counted_on is None and facts.birth_date:
        earliest, _ = legal_time.possible_births(facts.birth_date)
        limits.append(legal_time.birthday(earliest, rule.age.below) - timedelta(days=1))
    return min(limits)
