"""What staff may do: roles, their duties, and nothing else."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from policies.cases import CaseClass
from policies.vocabulary import Action, GroupId, PurposeId


class Role(StrEnum):
    """Who works here. A role is never both: who writes the registers does not review their use."""

    DPO = "dpo"
    OPERATOR = "operator"
    AGENCY = "agency"
    """Says which programmes may ask; reads no person and no log."""
    CONTROLLER = "controller"
    """Answers for the agency's processing; approves beside the DPO, and opens nothing."""


class Duty(StrEnum):
    """One thing a role is there to do."""

    REVIEW_LOG = "review-log"
    OPEN_ENTRY = "open-entry"
    VERIFY_LOG = "verify-log"
    DECIDE_ERASURE = "decide-erasure"
    REGISTER_PERSON = "register-person"
    REGISTER_HOUSEHOLD = "register-household"
    COMPARE_DUPLICATES = "compare-duplicates"
    UNLOCK_ACCOUNT = "unlock-account"
    KEEP_PROGRAMMES = "keep-programmes"
    TRACE_COMPLAINT = "trace-complaint"
    TRACE_FRAUD = "trace-fraud"
    BREAK_GLASS = "break-glass"
    PROPOSE = "propose"
    APPROVE = "approve"
    RELINK = "relink"
    READ_PROPOSALS = "read-proposals"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a duty is done: the verb and purpose of its log line, what it may open."""

    action: Action
    purpose: PurposeId
    opens: frozenset[GroupId] = frozenset()
    case: CaseClass | None = None
    """The class its case number must be of; None: any."""


DUTIES: Final[Mapping[Role, frozenset[Duty]]] = MappingProxyType(
    {
        Role.DPO: frozenset(
            {
                Duty.REVIEW_LOG,
                Duty.OPEN_ENTRY,
                Duty.VERIFY_LOG,
                Duty.DECIDE_ERASURE,
                Duty.TRACE_COMPLAINT,
                Duty.PROPOSE,
                Duty.APPROVE,
                Duty.READ_PROPOSALS,
                Duty.RELINK,
            }
        ),
        Role.OPERATOR: frozenset(
            {
                Duty.REGISTER_PERSON,
                Duty.REGISTER_HOUSEHOLD,
                Duty.COMPARE_DUPLICATES,
                Duty.UNLOCK_ACCOUNT,
                Duty.TRACE_FRAUD,
                Duty.BREAK_GLASS,
                Duty.PROPOSE,
                Duty.RELINK,
            }
        ),
        Role.AGENCY: frozenset({Duty.KEEP_PROGRAMMES}),
        Role.CONTROLLER: frozenset({Duty.APPROVE, Duty.READ_PROPOSALS}),
    }
)
"""Everything a role may do; what is not here is refused (ADR: separation of duties)."""

_LOG_REVIEW: Final = PurposeId("data-protection/log-review")
_ERASURE: Final = PurposeId("data-protection/erasure")
_REGISTRATION: Final = PurposeId("registers/registration")
_PROGRAMMES: Final = PurposeId("registers/programmes")
_PROTECTION: Final = PurposeId("data-protection")
_FRAUD: Final = PurposeId("registers/fraud-case")
_WHO: Final = frozenset(map(GroupId, ("identity", "contact")))

TERMS: Final[Mapping[Duty, Terms]] = MappingProxyType(
    {
        Duty.REVIEW_LOG: Terms(action=Action.REVIEW, purpose=_LOG_REVIEW),
        Duty.OPEN_ENTRY: Terms(action=Action.OPEN_ENTRY, purpose=_LOG_REVIEW),
        Duty.VERIFY_LOG: Terms(action=Action.REVIEW, purpose=_LOG_REVIEW),
        Duty.DECIDE_ERASURE: Terms(action=Action.REVIEW, purpose=_ERASURE),
        Duty.REGISTER_PERSON: Terms(action=Action.REGISTER, purpose=_REGISTRATION),
        Duty.REGISTER_HOUSEHOLD: Terms(action=Action.REGISTER, purpose=_REGISTRATION),
        Duty.COMPARE_DUPLICATES: Terms(
            action=Action.REGISTER,
            purpose=_REGISTRATION,
            opens=frozenset({GroupId("identity")}),
        ),
        Duty.UNLOCK_ACCOUNT: Terms(action=Action.UNLOCK, purpose=_REGISTRATION),
        Duty.KEEP_PROGRAMMES: Terms(action=Action.REGISTER, purpose=_PROGRAMMES),
        Duty.TRACE_COMPLAINT: Terms(
            action=Action.DETOKENISE,
            purpose=PurposeId("data-protection/complaint"),
            opens=_WHO,
            case=CaseClass.COMPLAINT,
        ),
        Duty.TRACE_FRAUD: Terms(
            action=Action.DETOKENISE, purpose=_FRAUD, opens=_WHO, case=CaseClass.FRAUD
        ),
        Duty.BREAK_GLASS: Terms(
            action=Action.BREAK_GLASS,
            purpose=PurposeId("registers/emergency"),
            opens=_WHO,
            case=CaseClass.EMERGENCY,
        ),
        Duty.PROPOSE: Terms(action=Action.PROPOSE, purpose=_PROTECTION),
        Duty.READ_PROPOSALS: Terms(action=Action.REVIEW, purpose=_PROTECTION),
        Duty.APPROVE: Terms(action=Action.APPROVE, purpose=_PROTECTION),
        Duty.RELINK: Terms(action=Action.RELINK, purpose=_FRAUD, case=CaseClass.FRAUD),
    }
)


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """The duty is one of the role's."""

    role: Role
    duty: Duty


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """It is not. False, so that `if` and `match` read it alike."""

    role: Role
    duty: Duty

    def __bool__(self) -> bool:
        """No."""
        return False


def may(role: Role, duty: Duty) -> Allowed | Refused:
    """Whether a role has a duty. Default deny."""
    if duty in DUTIES.get(role, frozenset()):
        return Allowed(role=role, duty=duty)
    return Refused(role=role, duty=duty)
