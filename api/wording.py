"""What a line of the log says in a page's language: who, what was done, what, why."""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from api.i18n import Tongue
from api.rendering import Front
from identity.login import staff as staff_accounts
from policies.catalogue import Catalogue
from policies.vocabulary import (
    Actor,
    ActorKind,
    AttributeId,
    FormId,
    ProgrammeId,
    PurposeId,
    StaffId,
)
from vault.access_log import Entry
from vault.database import Transaction
from vault.keyring import Keyring


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One fact in the form it was asked for, or given."""

    id: str
    label: str
    form: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log in words."""

    id: UUID
    at: datetime
    who: str
    kind: ActorKind
    did: str
    outcome: str
    basis: str
    """A legal basis, or nothing where none is needed."""
    why: str
    things: tuple[Thing, ...]
    reasons: tuple[str, ...]
    codes: tuple[str, ...]
    case: str


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language, the catalogue, and the roles of the staff that are to be named."""

    tongue: Tongue
    catalogue: Catalogue
    keyring: Keyring
    front: Front = "portal"
    """Whom the words are for: a citizen is «you» on their own pages alone."""
    roles: Mapping[str, str] = {}

    async def naming(self, tx: Transaction, entries: Sequence[Entry]) -> "Words":
        """The same words, knowing the role of every member of staff in these lines."""
        staff = {entry.actor.id for entry in entries if entry.actor.kind is ActorKind.STAFF}
        found = [await staff_accounts.one(tx, StaffId(each)) for each in sorted(staff)]
        roles = {str(member.id): str(member.role) for member in found if member is not None}
        return msgspec.structs.replace(self, roles=roles)

    def entry(self, entry: Entry) -> Told:
        """A line of the log."""
        return Told(
            id=entry.id,
            at=entry.at,
            who=self.actor(entry.actor),
            kind=entry.actor.kind,
            did=self.tongue.one_of("action", entry.action),
            outcome=entry.outcome,
            basis=entry.basis or "",
            why=self.purpose(entry.purpose),
            things=self.things(entry.attributes),
            reasons=tuple(self.tongue.one_of("reason", reason) for reason in entry.reasons),
            codes=entry.reasons,
            case=entry.case_reference or "",
        )

    def actor(self, actor: Actor) -> str:
        """A programme by its name, staff by role and pseudonym, never by name."""
        match actor.kind:
            case ActorKind.PROGRAMME:
                return self.programme(ProgrammeId(actor.id))
            case ActorKind.STAFF:
                role = self.roles.get(actor.id, "staff")
                return self.tongue.plain(f"who.{role}", agent=self.pseudonym(actor.id))
            case ActorKind.CITIZEN:
                return self.tongue.plain(f"who.self.{self.front}")
            case ActorKind.SYSTEM:
                return self.tongue.plain("who.system")

    def programme(self, programme: ProgrammeId) -> str:
        """Its name in the catalogue; its identifier if the catalogue no longer has it."""
        known = self.catalogue.programmes.get(programme)
        return known.name.in_(self.tongue.language) if known else str(programme)

    def purpose(self, purpose: PurposeId | None) -> str:
        """A purpose in one sentence."""
        known = self.catalogue.purposes.get(purpose) if purpose else None
        return known.sentence.in_(self.tongue.language) if known else str(purpose or "")

    def things(self, attributes: Iterable[tuple[AttributeId, FormId]]) -> tuple[Thing, ...]:
        """Facts by their names."""
        return tuple(
            Thing(id=attribute, label=self.label(attribute), form=form)
            for attribute, form in attributes
        )

    def label(self, attribute: AttributeId) -> str:
        """What a fact is called."""
        known = self.catalogue.attributes.get(attribute)
        return known.label.in_(self.tongue.language) if known else str(attribute)

    def pseudonym(self, staff: str) -> str:
        """«A-4F2C»: the same agent each time, and no name; keyed, so that none can be guessed."""
        key = self.keyring.secret("staff-pseudonym")
        return f"A-{hmac.digest(key, staff.encode(), 'sha256').hex()[:4].upper()}"


def months(now: datetime, count: int) -> list[str]:
    """This month and those before it, newest first, as the log names them (`2026-11`, UTC)."""
    first = now.year * 12 + now.month - 1
    return [f"{each // 12:04d}-{each % 12 + 1:02d}" for each in range(first, first - count, -1)]
