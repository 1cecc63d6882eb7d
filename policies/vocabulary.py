"""The words every room shares. A new word starts here, with its source."""

from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

import msgspec

SubjectId = NewType("SubjectId", UUID)
"""One record of the vault: a person or a household. Random (RFC 9562 version 4), never leaves."""
ProgrammeId = NewType("ProgrammeId", str)
Audience = NewType("Audience", str)
"""Who shares one pairwise identifier of a person: a programme, or the sector it is of."""
SectorId = NewType("SectorId", str)
NumberKindId = NewType("NumberKindId", str)
StaffId = NewType("StaffId", str)
AgreementId = NewType("AgreementId", str)
PurposeId = NewType("PurposeId", str)
AttributeId = NewType("AttributeId", str)
FormId = NewType("FormId", str)
GroupId = NewType("GroupId", str)

RAW: Final = FormId("raw")
MATCH: Final = FormId("match")
"""The yes/partial/no form: a claim is compared, no value is given."""


class Language(StrEnum):
    """BCP 47 tags of the portal; the first is the default. `zgh` joins with its catalogue."""

    AR = "ar"
    FR = "fr"
    EN = "en"


class LegalBasis(StrEnum):
    """Why a processing is lawful (Law 09-08, article 4)."""

    CONSENT = "consent"
    LEGAL_OBLIGATION = "legal-obligation"
    PUBLIC_TASK = "public-task"
    VITAL_INTEREST = "vital-interest"


class Action(StrEnum):
    """What was done with a record: the verb of an access-log line."""

    VERIFY = "verify"
    READ = "read"
    ELIGIBILITY = "eligibility"
    OWN = "own"
    REGISTER = "register"
    CONSENT = "consent"
    WITHDRAW = "withdraw"
    OPPOSE = "oppose"
    LIFT = "lift"
    ERASE_ASK = "erase-ask"
    ERASE_CANCEL = "erase-cancel"
    ERASE = "erase"
    REVIEW = "review"
    OPEN_ENTRY = "open-entry"
    DETOKENISE = "detokenise"
    RELINK = "relink"
    BREAK_GLASS = "break-glass"
    PROPOSE = "propose"
    APPROVE = "approve"
    REINDEX = "reindex"
    ADOPT = "adopt"
    FOLD = "fold"
    SIGN_IN = "sign-in"
    SIGN_IN_RECOVERED = "sign-in-recovered"
    SIGN_IN_SENT = "sign-in-sent"
    SIGN_IN_UNLOCKED = "sign-in-unlocked"
    SIGN_IN_PASSKEY = "sign-in-passkey"
    SIGN_OUT = "sign-out"
    RECOVERY_CODES = "recovery-codes"
    MEANS = "means"
    UNLOCK = "unlock"
    PASSWORD = "password"  # noqa: S105  (a verb, not a secret)
    EXCHANGE = "exchange"
    RENUMBER = "renumber"
    NUMBER = "number"
    NUMBER_STOP = "number-stop"
    TOKEN = "token"  # noqa: S105  (a verb, not a secret)


class Outcome(StrEnum):
    """How it ended."""

    GIVEN = "given"
    REFUSED = "refused"
    FAULT = "fault"


class ActorKind(StrEnum):
    """Who did it."""

    PROGRAMME = "programme"
    CITIZEN = "citizen"
    STAFF = "staff"
    SYSTEM = "system"


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it, by an identifier that says nothing of a person.

    `id` is a programme id, a staff id, a system part, or "self" for a citizen.
    """

    kind: ActorKind
    id: str


class GrantState(StrEnum):
    """States of a consent (ISO/IEC TS 27560, DPV). Only `GIVEN` and `RENEWED` disclose."""

    REQUESTED = "requested"
    DEFERRED = "deferred"
    REFUSED = "refused"
    GIVEN = "given"
    RENEWED = "renewed"
    PAUSED = "paused"
    EXHAUSTED = "exhausted"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    INVALIDATED = "invalidated"
    UNKNOWN = "unknown"
