"""What staff may do: roles, their duties, and nothing else."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from policies.vocabulary import Action, GroupId, PurposeId


class Role(StrEnum):
    """Who works here. A role is never both: who writes the registers does not review their use."""

    DPO = "dpo"
    OPERATOR = "operator"


class Duty(StrEnum):
    """One thing a role is there to do."""

    REVIEW_LOG = "review-log"
    OPEN_ENTRY = "open-entry"
    VERIFY_LOG = "verify-log"
    DECIDE_ERASURE = "decide-erasure"
    REGISTER_PERSON = "register-person"
    REGISTER_HOUSEHOLD = "register-household"
    COMPARE_DUPLICATES = "compare-duplicates"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a duty is done: the verb and purpose of its log line, what it may open."""

    action: Action
    purpose: PurposeId
    opens: frozenset[GroupId] = frozenset()


DUTIES: Final[Mapping[Role, frozenset[Duty]]] = MappingProxyType(
    {
        Role.DPO: frozenset(
            {Duty.REVIEW_LOG, Duty.OPEN_ENTRY, Duty.VERIFY_LOG, Duty.DECIDE_ERASURE}
        ),
        Role.OPERATOR: frozenset(
            {Duty.REGISTER_PERSON, Duty.REGISTER_HOUSEHOLD, Duty.COMPARE_DUPLICATES}
        ),
    }
)
"""Everything a role may do; what is not here is refused (ADR: separation of duties)."""

_LOG_REVIEW: Final = PurposeId("data-protection/log-review")
_ERASURE: Final = PurposeId("data-protection/erasure")
_REGISTRATION: Final = PurposeId("registers/registration")

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
