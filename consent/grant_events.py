"""What happened to a consent, in order, and what it therefore is now. Pure; nothing is edited.

Each event is hashed together with the hash of the one before it, so that none can be
changed, moved or left out unseen. An event this release does not know makes the consent
`unknown`, which discloses nothing: old and new releases may run side by side.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from policies.vocabulary import (
    Actor,
    AgreementId,
    AttributeId,
    FormId,
    GrantState,
    Language,
    ProgrammeId,
    PurposeId,
    SubjectId,
)

Content = TypeVar("Content")
Items = dict[AttributeId, FormId]

LIVE: Final = frozenset({GrantState.GIVEN, GrantState.RENEWED, GrantState.PAUSED})
"""What its person can still narrow or withdraw."""
DISCLOSING: Final = frozenset({GrantState.GIVEN, GrantState.RENEWED})
FIRST_HASH: Final = bytes(32)
"""What stands before the first event, where its predecessor's hash would."""


class EventKind(StrEnum):
    """What can happen to a consent. A new kind is written only once every server knows it."""

    GIVEN = "given"
    REFUSED = "refused"
    NARROWED = "narrowed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How we know that it was this person: what the session proved when they answered."""

    channel: str = "portal"
    session: str = ""
    """Hash of the session's token, in hexadecimal."""
    acr: str = ""
    auth_time: datetime | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered: the content of the first event."""

    subject: SubjectId
    programme: ProgrammeId
    agreement: AgreementId
    agreement_version: int
    agreement_hash: str
    purpose: PurposeId
    items: Items
    expires_at: datetime
    notice_hash: str
    language: Language
    evidence: Evidence


class Narrowing(msgspec.Struct, frozen=True, kw_only=True):
    """What is left after a narrowing."""

    items: Items


class GrantEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one consent. Never changed, never deleted."""

    grant_id: UUID
    seq: int
    """1, 2, 3, … within its consent."""
    kind: str
    """An `EventKind`, or one of a later release."""
    at: datetime
    actor: Actor
    content: bytes
    """Canonical JSON: `Terms` of the first event, `Narrowing`, or an empty object."""
    prev_hash: bytes
    hash: bytes


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A consent as it is at one instant. Satisfies `policies.disclosure.GrantFacts`."""

    id: UUID
    subject: SubjectId
    programme: ProgrammeId
    agreement: AgreementId
    agreement_version: int
    purpose: PurposeId
    items: Items
    state: GrantState
    seq: int
    given_at: datetime
    """When the person answered, yes or no."""
    changed_at: datetime
    """When the last event happened."""
    expires_at: datetime
    """When it ends by itself; of a refusal: from when the programme may ask again."""
    notice_hash: str
    language: Language
    hash: bytes
    """Of the last event: what the next one is chained to, and what a receipt commits to."""

    @property
    def active(self) -> bool:
        """Whether its person can still stop it."""
        return self.state in LIVE

    @property
    def discloses(self) -> bool:
        """Whether it lets anything be disclosed now."""
        return self.state in DISCLOSING


def happened(
    kind: EventKind,
    content: Terms | Narrowing | None,
    *,
    grant_id: UUID,
    at: datetime,
    actor: Actor,
    seq: int = 1,
    prev_hash: bytes = FIRST_HASH,
) -> GrantEvent:
    """An event of now: the first of a consent unless `seq` and `prev_hash` say what came before."""
    event = GrantEvent(
        grant_id=grant_id,
        seq=seq,
        kind=kind.value,
        at=at,
        actor=actor,
        content=_canonical({} if content is None else content),
        prev_hash=prev_hash,
        hash=b"",
    )
    return replace(event, hash=digest(event))


def digest(event: GrantEvent) -> bytes:
    """SHA-256 over all of an event but its own hash, in canonical JSON (after RFC 8785)."""
    return hashlib.sha256(
        _canonical(
            {
                "actor": {"id": event.actor.id, "kind": event.actor.kind.value},
                "at": event.at.isoformat(timespec="microseconds"),
                "content": event.content.hex(),
                "grant_id": str(event.grant_id),
                "kind": event.kind,
                "prev_hash": event.prev_hash.hex(),
                "seq": event.seq,
            }
        )
    ).digest()


def fold(events: Sequence[GrantEvent], now: datetime) -> Grant | None:
    """What these events make of a consent at `now`. Total: says something of any events.

    Returns:
        The consent; its state is `unknown` if an event is unknown, out of order, altered
        or could not follow the one before it. None if there is no first event to read.
    """
    terms = _read(events[0].content, Terms) if events else None
    if terms is None:
        return None
    grant = begun(events[0], terms)
    for event in events[1:]:
        grant = after(grant, event)
    return at_instant(grant, now)


def begun(event: GrantEvent, terms: Terms) -> Grant:
    """What a first event makes, on the terms that are its content."""
    sound = (event.seq, event.prev_hash) == (1, FIRST_HASH) and event.hash == digest(event)
    state = _BEGINS.get(event.kind, GrantState.UNKNOWN)
    return Grant(
        id=event.grant_id,
        subject=terms.subject,
        programme=terms.programme,
        agreement=terms.agreement,
        agreement_version=terms.agreement_version,
        purpose=terms.purpose,
        items=terms.items,
        state=state if sound else GrantState.UNKNOWN,
        seq=event.seq,
        given_at=event.at,
        changed_at=event.at,
        expires_at=terms.expires_at,
        notice_hash=terms.notice_hash,
        language=terms.language,
        hash=event.hash,
    )


def after(grant: Grant, event: GrantEvent) -> Grant:
    """One event later. What is unknown stays unknown: it needs repair, not more events."""
    moved = replace(grant, seq=event.seq, changed_at=event.at, hash=event.hash)
    # at_instant(): nothing follows the end that the clock brought.
    if not _follows(grant, event) or at_instant(grant, event.at).state not in LIVE:
        return replace(moved, state=GrantState.UNKNOWN)
    if event.kind == EventKind.NARROWED:
        return _narrowed(moved, _read(event.content, Narrowing))
    return replace(moved, state=_ENDS.get(event.kind, GrantState.UNKNOWN))


def at_instant(grant: Grant, now: datetime) -> Grant:
    """The same consent as the clock has it: expiry needs no event and no job."""
    if grant.state in LIVE and now >= grant.expires_at:
        return replace(grant, state=GrantState.EXPIRED)
    return grant


_BEGINS: Final[Mapping[str, GrantState]] = MappingProxyType(
    {EventKind.GIVEN: GrantState.GIVEN, EventKind.REFUSED: GrantState.REFUSED}
)
_ENDS: Final[Mapping[str, GrantState]] = MappingProxyType(
    {EventKind.WITHDRAWN: GrantState.WITHDRAWN, EventKind.SUPERSEDED: GrantState.SUPERSEDED}
)


def _follows(grant: Grant, event: GrantEvent) -> bool:
    return (event.grant_id, event.seq, event.prev_hash) == (
        grant.id,
        grant.seq + 1,
        grant.hash,
    ) and event.hash == digest(event)


def _narrowed(grant: Grant, left: Narrowing | None) -> Grant:
    # Forms are compared where the narrowing is made; here, that nothing was added.
    if left is None or not left.items.keys() <= grant.items.keys():
        return replace(grant, state=GrantState.UNKNOWN)
    return replace(grant, items=left.items)


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _read(content: bytes, shape: type[Content]) -> Content | None:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
