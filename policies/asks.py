"""What is asked, and all that may be known in deciding it."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Protocol

import msgspec

from policies.staff import TERMS, Duty, Role
from policies.vocabulary import (
    Action,
    Actor,
    ActorKind,
    AgreementId,
    AttributeId,
    FormId,
    GrantState,
    LegalBasis,
    ProgrammeId,
    PurposeId,
    StaffId,
    SubjectId,
)

AskedForms = tuple[tuple[AttributeId, FormId], ...]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A programme asks about one person, for one purpose, on one basis."""

    programme: ProgrammeId
    subject: SubjectId | None
    """None: whoever was named is not on record. The programme cannot tell this from a lock."""
    household: SubjectId | None = None
    agreement: AgreementId
    purpose: PurposeId | None
    basis: LegalBasis | None
    attributes: AskedForms
    action: Action
    case_reference: str | None = None

    @property
    def actor(self) -> Actor:
        """The programme, for the log."""
        return Actor(kind=ActorKind.PROGRAMME, id=self.programme)


class OwnAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A person reads their own record."""

    subject: SubjectId
    household: SubjectId | None
    attributes: AskedForms

    action: ClassVar[Action] = Action.OWN
    agreement: ClassVar[None] = None
    purpose: ClassVar[None] = None
    basis: ClassVar[None] = None
    case_reference: ClassVar[None] = None
    actor: ClassVar[Actor] = Actor(kind=ActorKind.CITIZEN, id="self")
    """The person, whom the log does not name."""


class DutyAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A member of staff opens part of a record to do a duty."""

    staff: StaffId
    role: Role
    duty: Duty
    subject: SubjectId
    household: SubjectId | None = None
    attributes: AskedForms
    case_reference: str | None

    agreement: ClassVar[None] = None
    basis: ClassVar[None] = None

    @property
    def actor(self) -> Actor:
        """The member of staff, by identifier."""
        return Actor(kind=ActorKind.STAFF, id=self.staff)

    @property
    def action(self) -> Action:
        """The verb of the duty, for the log."""
        return TERMS[self.duty].action

    @property
    def purpose(self) -> PurposeId:
        """What the duty is for."""
        return TERMS[self.duty].purpose


class GrantFacts(Protocol):
    """All that a disclosure decision may know about a consent."""

    @property
    def subject(self) -> SubjectId: ...
    @property
    def programme(self) -> ProgrammeId: ...
    @property
    def agreement(self) -> AgreementId: ...
    @property
    def purpose(self) -> PurposeId: ...
    @property
    def items(self) -> Mapping[AttributeId, FormId]: ...
    @property
    def state(self) -> GrantState: ...
    @property
    def expires_at(self) -> datetime: ...


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a disclosure decision may know about a person."""

    locked: bool = False
    opposed: bool = False
    """To this agreement (Law 09-08, article 9)."""
    active: bool = True
