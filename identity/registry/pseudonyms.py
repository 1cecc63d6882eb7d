"""One identifier per person and audience: two programmes' files have nothing to be joined on.

`pt<version>_` and 160 bits of HMAC-SHA-256, under a key of the audience's own, over the
random subject id and an epoch (ADR-0013). A sealed table finds the person
again; without the keys it tells nothing, not even that two rows are one person's. It is no
credential, and another programme's is not found, exactly like a random text. An audience is
a programme, or the sector it shares its identifiers with (`Catalogue.audience`).
"""

import base64
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog
from sqlalchemy import update

from identity.registry import people as register
from identity.registry import pseudonym_rows
from identity.registry.pseudonym_rows import Held, Named, State, pairwise_identifiers
from policies.vocabulary import Audience, SubjectId
from vault.database import Transaction, insert_new
from vault.envelope_errors import KeyLostError
from vault.framing import framed
from vault.keyring import Keyring

__all__ = [
    "Minting",
    "Named",
    "Person",
    "State",
    "forget",
    "mint",
    "pairwise",
    "pairwise_all",
    "pairwise_identifiers",
    "reset",
    "resolve",
    "resolve_all",
    "standing",
]

TOKEN_BYTES: Final = 20
_CROCKFORD: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz"
)
"""No i, l, o, u: an identifier may be read out."""

log: Final = structlog.get_logger()

Person = tuple[Audience, SubjectId]
"""A person as one audience knows them."""
Turn = tuple[int, int]
"""The version of the keys, and the epoch within it: each version counts its own from 0."""
Minting = Callable[[Keyring, Person, Turn], str]


def mint(keyring: Keyring, person: Person, turn: Turn) -> str:
    """The identifier of a person at an audience in one version and epoch.

    Raises:
        KeyLostError: that version opens nothing any more.
    """
    (audience, subject), (version, epoch) = person, turn
    key = keyring.pairwise(audience, version)
    raw = hmac.digest(key, framed(subject.bytes, epoch.to_bytes(4, "big")), "sha256")
    text = base64.b32encode(raw[:TOKEN_BYTES]).translate(_CROCKFORD).decode()
    return f"pt{version}_{text}"


async def pairwise(
    tx: Transaction, keyring: Keyring, audience: Audience, subjects: Sequence[SubjectId]
) -> dict[SubjectId, str]:
    """Each person's identifier at this audience, issued on first use. Every one asked is a key."""
    issued = await pairwise_all(tx, keyring, [(audience, subject) for subject in subjects])
    return {subject: token for (_, subject), token in issued.items()}


async def pairwise_all(
    tx: Transaction, keyring: Keyring, people: Sequence[Person], *, minting: Minting = mint
) -> dict[Person, str]:
    """The same over audiences, under the active version. Three statements, or one if none is new.

    An identifier that is another person's already (it must never happen) or was reset moves
    that person on to the next epoch. `minting` is for the test that makes it happen.
    """
    issued: dict[Person, str] = {}
    waiting = list(dict.fromkeys(people))
    version, epoch = keyring.versions("pairwise").active, 0
    while waiting:
        turn = (version, epoch)
        drawn = {person: (person[0], minting(keyring, person, turn)) for person in waiting}
        held = await _issue(tx, keyring, drawn, turn)
        for person, named in drawn.items():
            if held[named] == Held(person[1], active=True):
                issued[person] = named[1]
            elif held[named].subject != person[1]:
                log.error("pairwise.collision", audience=person[0], version=version, epoch=epoch)
        waiting = [person for person in waiting if person not in issued]
        epoch += 1
    return issued


async def resolve(
    tx: Transaction, keyring: Keyring, audience: Audience, tokens: Sequence[str]
) -> dict[str, SubjectId]:
    """Whom these identifiers name at this audience; any other text is left out."""
    found = await resolve_all(tx, keyring, [(audience, token) for token in tokens])
    return {token: subject for (_, token), subject in found.items()}


async def resolve_all(
    tx: Transaction, keyring: Keyring, named: Sequence[Named]
) -> dict[Named, SubjectId]:
    """The same over audiences, in one statement, under every version in use."""
    held = await pseudonym_rows.read(tx, keyring, named)
    return {each: it.subject for each, it in held.items() if it.active}


async def standing(
    tx: Transaction, keyring: Keyring, people: Sequence[Person], *, minting: Minting = mint
) -> dict[Person, set[str]]:
    """What names each of these people now, in any version. Every one asked is a key."""
    found: dict[Person, set[str]] = {person: set() for person in people}
    for person, named, held in await _walk(tx, keyring, found, minting):
        if held.active:
            found[person].add(named[1])
    return found


async def reset(
    tx: Transaction,
    keyring: Keyring,
    audience: Audience,
    subject: SubjectId,
    *,
    minting: Minting = mint,
) -> str:
    """Give a person a new identifier at one audience; those before name nobody, for ever."""
    person = (audience, subject)
    before = (await standing(tx, keyring, [person], minting=minting))[person]
    for token in sorted(before):
        named = (audience, token)
        await tx.connection.execute(
            update(pairwise_identifiers)
            .where(
                pairwise_identifiers.c.tag == pseudonym_rows.tag(keyring, named),
                pairwise_identifiers.c.state == State.ACTIVE.value,
            )
            .values(
                state=State.SUPERSEDED.value,
                sealed=pseudonym_rows.sealed(keyring, named, subject, State.SUPERSEDED),
            )
        )
    return (await pairwise_all(tx, keyring, [person], minting=minting))[person]


async def forget(tx: Transaction, keyring: Keyring, people: Sequence[Person]) -> int:
    """Remove all that ever named these people, for an erasure; how many there were."""
    walked = await _walk(tx, keyring, dict.fromkeys(people), mint)
    return await pseudonym_rows.remove(tx, keyring, [named for _, named, _ in walked])


async def _walk(
    tx: Transaction, keyring: Keyring, people: Iterable[Person], minting: Minting
) -> list[tuple[Person, Named, Held]]:
    """Every row of these people in the versions in use, epoch by epoch until one is not there."""
    walked: list[tuple[Person, Named, Held]] = []
    versions = keyring.versions("pairwise").usable
    waiting = [(person, version) for person in people for version in versions]
    epoch = 0
    while waiting:
        drawn = {
            (person, version): (person[0], minting(keyring, person, (version, epoch)))
            for person, version in waiting
        }
        held = await pseudonym_rows.read(tx, keyring, list(drawn.values()))
        waiting = [each for each, named in drawn.items() if named in held]
        walked += [
            (each[0], drawn[each], held[drawn[each]])
            for each in waiting
            if held[drawn[each]].subject == each[0][1]
        ]
        epoch += 1
    return walked


async def _issue(
    tx: Transaction, keyring: Keyring, drawn: Mapping[Person, Named], turn: Turn
) -> dict[Named, Held]:
    """Whose each drawn identifier is, once those that were nobody's have been written."""
    held = await pseudonym_rows.read(tx, keyring, list(drawn.values()))
    new = {named: subject for (_, subject), named in drawn.items() if named not in held}
    if not new:
        return held
    subjects = set(new.values())
    if await register.hold(tx, list(subjects)) != subjects:
        raise KeyLostError  # erased since they were found: asked again, they are nobody
    rows = [pseudonym_rows.row(tx, keyring, named, subject, turn) for named, subject in new.items()]
    await insert_new(tx, pairwise_identifiers, rows)
    # Read again: another transaction may have been first.
    return held | await pseudonym_rows.read(tx, keyring, list(new))
