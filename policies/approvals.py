"""What one person may not do alone: who proposes, who approves, what an approval then carries.

Every function gives every reason against; none against is a yes. Nobody approves what they
proposed, each role that the rule names says yes by somebody else's mouth, and what was
approved is used once, for exactly that case, before it expires.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from policies import cases
from policies.cases import CaseClass
from policies.entries import Catalogue
from policies.legal_time import legal_day
from policies.staff import Role
from policies.vocabulary import LegalBasis, ProgrammeId, PurposeId, StaffId

FRAUD_CASE: Final = PurposeId("registers/fraud-case")
COMPLAINT: Final = PurposeId("data-protection/complaint")
FEW: Final = 5
"""People whom one request may be about without four eyes."""
LONGEST_EMBARGO: Final = timedelta(days=180)
"""A person is told after half a year at the latest, whatever the case (ADR 0011)."""


class Kind(StrEnum):
    """What is asked to be done."""

    DETOKENISE = "detokenise"
    RELINK = "relink"


class State(StrEnum):
    """Where a proposal stands. Only `APPROVED` may be used, and only once."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    USED = "used"


class Why(StrEnum):
    """Why not."""

    ROLE_MAY_NOT_PROPOSE = "role-may-not-propose"
    PROGRAMME_UNKNOWN = "programme-unknown"
    OTHER_PROGRAMME_UNFIT = "other-programme-unfit"
    PURPOSE_UNFIT = "purpose-unfit"
    BASIS_UNFIT = "basis-unfit"
    CITATION_MISSING = "citation-missing"
    CASE_UNFIT = "case-unfit"
    NOBODY_NAMED = "nobody-named"
    NAMED_TWICE = "named-twice"
    TOO_MANY = "too-many"
    EXPIRY_UNFIT = "expiry-unfit"
    EMBARGO_UNFIT = "embargo-unfit"
    OWN_PROPOSAL = "own-proposal"
    ROLE_MAY_NOT_APPROVE = "role-may-not-approve"
    APPROVED_ALREADY = "approved-already"
    NOT_OPEN = "not-open"
    NOT_APPROVED = "not-approved"
    APPROVALS_MISSING = "approvals-missing"
    EXPIRED = "expired"
    FOR_SOMETHING_ELSE = "for-something-else"
    FOR_SOMEBODY_ELSE = "for-somebody-else"
    BEYOND_THE_SET = "beyond-the-set"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Who may propose, which roles must all say yes, how many people, how long."""

    proposers: frozenset[Role]
    approvers: frozenset[Role]
    most: int
    longest: timedelta


_INVESTIGATORS: Final = frozenset({Role.OPERATOR, Role.DPO})
_BOTH: Final = frozenset({Role.DPO, Role.CONTROLLER})
RULES: Final[Mapping[Kind, Rule]] = MappingProxyType(
    {
        Kind.DETOKENISE: Rule(
            proposers=_INVESTIGATORS, approvers=_BOTH, most=500, longest=timedelta(days=7)
        ),
        Kind.RELINK: Rule(
            proposers=_INVESTIGATORS, approvers=_BOTH, most=200, longest=timedelta(days=7)
        ),
    }
)


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks two others to approve."""

    kind: Kind
    proposer: StaffId
    role: Role
    programme: ProgrammeId
    """Whose identifiers they are."""
    other: ProgrammeId | None = None
    """To which programme's identifiers they are to be linked, sealed for it alone."""
    purpose: PurposeId
    basis: LegalBasis
    citation: str
    """The text of law it rests on."""
    case_reference: str
    tokens: tuple[str, ...]
    full: bool = False
    """Whether values are given whole and not masked."""
    expires_at: datetime
    embargo_until: datetime | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal as it stands, and who has said yes to it."""

    proposal: Proposal
    state: State
    approvals: tuple[tuple[StaffId, Role], ...] = ()

    def at(self, now: datetime) -> State:
        """Its state by the clock: what was not used in time has expired."""
        ended = self.state in {State.PROPOSED, State.APPROVED} and now >= self.proposal.expires_at
        return State.EXPIRED if ended else self.state


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to do on the strength of an approval."""

    kind: Kind
    staff: StaffId | None
    """None: the programme itself, with its own identifiers."""
    programme: ProgrammeId
    purpose: PurposeId
    case_reference: str
    tokens: tuple[str, ...]


Checks = Iterator[tuple[Why, bool]]


def against_proposing(proposal: Proposal, catalogue: Catalogue, now: datetime) -> tuple[Why, ...]:
    """Everything that is wrong with a proposal."""
    return _unmet(_of_proposal(proposal, catalogue, now))


def against_approving(held: Held, staff: StaffId, role: Role, now: datetime) -> tuple[Why, ...]:
    """Why this person may not say yes."""
    return _unmet(_of_approval(held, staff, role, now))


def against_refusing(held: Held, role: Role, now: datetime) -> tuple[Why, ...]:
    """Why this person may not say no. One's own proposal may be taken back."""
    approvers = RULES[held.proposal.kind].approvers
    return _unmet(
        iter(
            (
                (Why.NOT_OPEN, held.at(now) in {State.PROPOSED, State.APPROVED}),
                (Why.ROLE_MAY_NOT_APPROVE, role in approvers),
            )
        )
    )


def against_using(held: Held, use: Use, now: datetime) -> tuple[Why, ...]:
    """Why an approval does not carry this use."""
    return _unmet(_of_use(held, use, now))


def complete(held: Held) -> bool:
    """Whether every role that must has said yes, each by another person than the proposer."""
    others = {(staff, role) for staff, role in held.approvals if staff != held.proposal.proposer}
    needed = RULES[held.proposal.kind].approvers
    return {role for _, role in others} >= needed and len({staff for staff, _ in others}) >= len(
        needed
    )


def case_class(purpose: PurposeId) -> CaseClass:
    """The class of case that a purpose calls for."""
    return {FRAUD_CASE: CaseClass.FRAUD, COMPLAINT: CaseClass.COMPLAINT}.get(
        purpose, CaseClass.FILE
    )


def _of_proposal(it: Proposal, catalogue: Catalogue, now: datetime) -> Checks:
    rule = RULES[it.kind]
    yield Why.ROLE_MAY_NOT_PROPOSE, it.role in rule.proposers
    yield Why.PROGRAMME_UNKNOWN, it.programme in catalogue.programmes
    yield Why.OTHER_PROGRAMME_UNFIT, _other_fits(it, catalogue)
    # A relink serves a fraud case and nothing beside it.
    yield Why.PURPOSE_UNFIT, it.purpose in _purposes(it, catalogue)
    yield Why.BASIS_UNFIT, it.basis is not LegalBasis.CONSENT
    yield Why.CITATION_MISSING, bool(it.citation.strip())
    year = legal_day(now).year
    yield Why.CASE_UNFIT, cases.fits(it.case_reference, case_class(it.purpose), year)
    yield Why.NOBODY_NAMED, bool(it.tokens)
    yield Why.NAMED_TWICE, len(set(it.tokens)) == len(it.tokens)
    yield Why.TOO_MANY, len(it.tokens) <= rule.most
    yield Why.EXPIRY_UNFIT, now < it.expires_at <= now + rule.longest
    yield (
        Why.EMBARGO_UNFIT,
        it.embargo_until is None
        or (it.kind is Kind.RELINK and now < it.embargo_until <= now + LONGEST_EMBARGO),
    )


def _other_fits(it: Proposal, catalogue: Catalogue) -> bool:
    if it.kind is Kind.DETOKENISE:
        return it.other is None
    return it.other in catalogue.programmes and it.other != it.programme


def _purposes(it: Proposal, catalogue: Catalogue) -> frozenset[PurposeId]:
    if it.kind is Kind.RELINK:
        return frozenset({FRAUD_CASE})
    own = (each for each in catalogue.agreements.values() if each.programme == it.programme)
    return frozenset({FRAUD_CASE, COMPLAINT, *(each.purpose for each in own)})


def _of_approval(held: Held, staff: StaffId, role: Role, now: datetime) -> Checks:
    yield Why.NOT_OPEN, held.at(now) is State.PROPOSED
    yield Why.OWN_PROPOSAL, staff != held.proposal.proposer
    yield Why.ROLE_MAY_NOT_APPROVE, role in RULES[held.proposal.kind].approvers
    yield (
        Why.APPROVED_ALREADY,
        all(staff != by and role is not as_ for by, as_ in held.approvals),
    )


def _of_use(held: Held, use: Use, now: datetime) -> Checks:
    it = held.proposal
    yield Why.NOT_APPROVED, held.state is State.APPROVED
    yield Why.APPROVALS_MISSING, complete(held)
    yield Why.EXPIRED, now < it.expires_at
    yield (
        Why.FOR_SOMETHING_ELSE,
        (it.kind, it.programme, it.purpose, it.case_reference)
        == (use.kind, use.programme, use.purpose, use.case_reference),
    )
    yield Why.FOR_SOMEBODY_ELSE, use.staff in {None, it.proposer}
    yield Why.BEYOND_THE_SET, bool(use.tokens) and set(use.tokens) <= set(it.tokens)


def _unmet(checks: Iterable[tuple[Why, bool]]) -> tuple[Why, ...]:
    return tuple(why for why, met in checks if not met)
