"""One identifier per person and programme: two programmes' files have nothing to be joined on.

`pt<version>_` and 160 bits of HMAC-SHA-256, under a key of the programme's own, over the
random subject id and an epoch (reference: systems 4.2). A sealed table finds the person
again; without the keys it tells nothing, not even that two rows are one person's. It is no
credential, and another programme's is not found, exactly like a random text.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    delete,
    select,
    update,
)

from policies.vocabulary import ProgrammeId, SubjectId
from vault.database import AnyRow, Instant, Transaction, insert_new, metadata, spread
from vault.framing import framed
from vault.keyring import Keyring

VERSION: Final = 1
"""Of the programmes' keys; newer versions are issued beside older ones that still resolve."""
TOKEN_BYTES: Final = 20
TAG_BYTES: Final = 16
_CROCKFORD: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz"
)
"""No i, l, o, u: an identifier may be read out."""

pairwise_identifiers: Final = Table(
    "pairwise_identifiers",
    metadata,
    Column("tag", LargeBinary(TAG_BYTES), primary_key=True),
    Column("programme", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("issued_at", Instant, nullable=False),
)

log: Final = structlog.get_logger()


class State(StrEnum):
    """Whether an identifier names somebody."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"


class _Held(msgspec.Struct, frozen=True):
    subject: SubjectId
    active: bool


Person = tuple[ProgrammeId, SubjectId]
"""A person as one programme knows them."""
Named = tuple[ProgrammeId, str]
"""An identifier, and the programme that uses it."""
Minting = Callable[[Keyring, Person, int], str]


def mint(keyring: Keyring, person: Person, epoch: int) -> str:
    """The identifier of a person at a programme in one epoch."""
    programme, subject = person
    key = keyring.pairwise(programme, VERSION)
    raw = hmac.digest(key, framed(subject.bytes, epoch.to_bytes(4, "big")), "sha256")
    text = base64.b32encode(raw[:TOKEN_BYTES]).translate(_CROCKFORD).decode()
    return f"pt{VERSION}_{text}"


async def pairwise(
    tx: Transaction, keyring: Keyring, programme: ProgrammeId, subjects: Sequence[SubjectId]
) -> dict[SubjectId, str]:
    """Each person's identifier at this programme, issued on first use. Every one asked is a key."""
    issued = await pairwise_all(tx, keyring, [(programme, subject) for subject in subjects])
    return {subject: token for (_, subject), token in issued.items()}


async def pairwise_all(
    tx: Transaction, keyring: Keyring, people: Sequence[Person], *, minting: Minting = mint
) -> dict[Person, str]:
    """The same over programmes. Three statements, or one where nothing is issued.

    An identifier that is another person's already (it must never happen) or was reset moves
    that person on to the next epoch. `minting` is for the test that makes it happen.
    """
    issued: dict[Person, str] = {}
    waiting = list(dict.fromkeys(people))
    epoch = 0
    while waiting:
        drawn = {person: (person[0], minting(keyring, person, epoch)) for person in waiting}
        held = await _issue(tx, keyring, drawn, epoch)
        for person, named in drawn.items():
            if held[named] == _Held(person[1], active=True):
                issued[person] = named[1]
            elif held[named].subject != person[1]:
                log.error("pairwise.collision", programme=person[0], epoch=epoch)
        waiting = [person for person in waiting if person not in issued]
        epoch += 1
    return issued


async def resolve(
    tx: Transaction, keyring: Keyring, programme: ProgrammeId, tokens: Sequence[str]
) -> dict[str, SubjectId]:
    """Whom these identifiers name at this programme; any other text is left out."""
    found = await resolve_all(tx, keyring, [(programme, token) for token in tokens])
    return {token: subject for (_, token), subject in found.items()}


async def resolve_all(
    tx: Transaction, keyring: Keyring, named: Sequence[Named]
) -> dict[Named, SubjectId]:
    """The same over programmes, in one statement."""
    held = await _read(tx, keyring, named)
    return {each: it.subject for each, it in held.items() if it.active}


async def reset(
    tx: Transaction, keyring: Keyring, programme: ProgrammeId, subject: SubjectId
) -> str:
    """Give a person a new identifier at one programme; the one before names nobody any more."""
    token = (await pairwise(tx, keyring, programme, [subject]))[subject]
    await tx.connection.execute(
        update(pairwise_identifiers)
        .where(pairwise_identifiers.c.tag == _tag(keyring, (programme, token)))
        .values(state=State.SUPERSEDED.value)
    )
    return (await pairwise(tx, keyring, programme, [subject]))[subject]


async def forget(tx: Transaction, keyring: Keyring, people: Sequence[Person]) -> int:
    """Remove all that ever named these people, for an erasure; how many there were."""
    waiting, gone, epoch = list(dict.fromkeys(people)), 0, 0
    while waiting:
        drawn = {person: (person[0], mint(keyring, person, epoch)) for person in waiting}
        held = await _read(tx, keyring, list(drawn.values()))
        waiting = [person for person, named in drawn.items() if named in held]
        tags = [
            _tag(keyring, drawn[person])
            for person in waiting
            if held[drawn[person]].subject == person[1]
        ]
        where = pairwise_identifiers.c.tag.in_(spread(tags))
        done = await tx.connection.execute(delete(pairwise_identifiers).where(where))
        gone, epoch = gone + done.rowcount, epoch + 1
    return gone


async def _issue(
    tx: Transaction, keyring: Keyring, drawn: Mapping[Person, Named], epoch: int
) -> dict[Named, _Held]:
    """Whose each drawn identifier is, once those that were nobody's have been written."""
    held = await _read(tx, keyring, list(drawn.values()))
    new = {named: subject for (_, subject), named in drawn.items() if named not in held}
    if not new:
        return held
    rows = [_row(tx, keyring, named, subject, epoch) for named, subject in new.items()]
    await insert_new(tx, pairwise_identifiers, rows)
    # Read again: another transaction may have been first.
    return held | await _read(tx, keyring, list(new))


async def _read(tx: Transaction, keyring: Keyring, named: Sequence[Named]) -> dict[Named, _Held]:
    tags = {_tag(keyring, each): each for each in named}
    if not tags:
        return {}
    query = select(
        pairwise_identifiers.c.tag, pairwise_identifiers.c.sealed, pairwise_identifiers.c.state
    ).where(pairwise_identifiers.c.tag.in_(spread(list(tags))))
    rows = (await tx.connection.execute(query)).all()
    return {tags[row.tag]: _opened(keyring, tags[row.tag], row) for row in rows}


def _opened(keyring: Keyring, named: Named, row: AnyRow) -> _Held:
    subject = keyring.box("pairwise").open(row.sealed, _place(named))
    return _Held(SubjectId(UUID(bytes=subject)), active=row.state == State.ACTIVE)


def _row(
    tx: Transaction, keyring: Keyring, named: Named, subject: SubjectId, epoch: int
) -> dict[str, Any]:
    return {
        "tag": _tag(keyring, named),
        "programme": named[0],
        "sealed": keyring.box("pairwise").seal(subject.bytes, _place(named)),
        "version": VERSION,
        "epoch": epoch,
        "state": State.ACTIVE.value,
        "issued_at": tx.now,
    }


def _tag(keyring: Keyring, named: Named) -> bytes:
    return hmac.digest(keyring.secret("pairwise-index"), _place(named), "sha256")[:TAG_BYTES]


def _place(named: Named) -> bytes:
    programme, token = named
    # Whatever text is asked, the same short work.
    text = token.encode(errors="surrogatepass")[:256]
    return hashlib.sha256(framed(programme.encode(), text)).digest()
