"""The citizen's own door: what is held of them, who saw it, and the proof that the log says so."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec

from identity.registry import household_states, households
from identity.registry.household_states import Past
from policies import forms
from policies.catalogue import Attribute, Catalogue
from policies.disclosure import decide_own
from policies.legal_time import legal_day
from policies.vocabulary import AttributeId, FormId, GroupId, SubjectId
from vault import (
    access_log,
    attributes,
    histories,
    keepsakes,
    log_chain,
    log_cosignatures,
    transparency,
)
from vault.access_log import Entry
from vault.attributes import Unreadable
from vault.database import Transaction
from vault.keyring import Keyring
from vault.log_chain import Fault
from vault.log_cosignatures import Terms
from vault.transparency import Proof

DOTS: Final = "••••"
SEEN_CHARACTERS: Final = 2
MASKING: Final = tuple(map(FormId, ("masked", "last4", "commune", "year")))
"""Forms that an attribute is shown in while its group is masked, where it has one."""
ALWAYS_MASKED: Final = frozenset({AttributeId("idcs")})
"""Shown by the last digits alone (catalogue); the whole number is on the person's own slip."""


class OwnGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One group of one's own record; masked until the person asks to see it."""

    group: GroupId
    masked: bool
    values: dict[AttributeId, Any]


async def profile(
    tx: Transaction,
    keyring: Keyring,
    catalogue: Catalogue,
    subject: SubjectId,
    *,
    groups: Collection[GroupId] | None = None,
    shown: Collection[GroupId] = (),
) -> list[OwnGroup] | Unreadable:
    """One's own record by group, logged; in full where the group is `shown`, masked elsewhere.

    `groups` are those to open and nothing beside them; None: all.
    """
    opened = list(catalogue.groups if groups is None else groups)
    home = (await households.household_of(tx, [subject])).get(subject)
    permit = decide_own(subject, home, opened, catalogue, tx.now)
    (values,) = await attributes.reveal(tx, keyring, [permit])
    if isinstance(values, Unreadable):
        return values
    day = legal_day(tx.now)
    return [
        OwnGroup(
            group=group,
            masked=group not in shown,
            values={
                name: value
                if group in shown and name not in ALWAYS_MASKED
                else masked(catalogue.attributes[name], value, day)
                for name, value in values.items()
                if catalogue.attributes[name].group == group
            },
        )
        for group in opened
    ]


async def past_indexes(
    tx: Transaction, keyring: Keyring, catalogue: Catalogue, subject: SubjectId
) -> list[Past] | Unreadable:
    """Every index of one's own household with the facts behind it, oldest first; logged."""
    home = (await households.household_of(tx, [subject])).get(subject)
    permit = decide_own(subject, home, [household_states.INDEX], catalogue, tx.now)
    states = await histories.reveal(tx, keyring, permit)
    if isinstance(states, Unreadable):
        return states
    return [
        household_states.past_from({str(name): value for name, value in state.items()})
        for state in states
    ]


async def history(
    tx: Transaction,
    keyring: Keyring,
    subject: SubjectId,
    months: Sequence[str],
    *,
    limit: int = 50,
    before: UUID | None = None,
) -> list[Entry]:
    """Who saw what of one's own record, why and on which basis, newest first."""
    return await access_log.of_subject(tx, keyring, subject, months, limit=limit, before=before)


async def proof(tx: Transaction, keyring: Keyring, subject: SubjectId, entry: UUID) -> Proof | None:
    """That an entry about oneself is in the sealed log; None if not one's own or not yet in."""
    if await access_log.about(tx, keyring, subject, entry) is None:
        return None
    return await transparency.inclusion(tx, entry)


class OwnChain(msgspec.Struct, frozen=True, kw_only=True):
    """Whether every entry about oneself is there."""

    total: int
    later: int
    """How many of them are under embargo."""
    faults: list[Fault]


async def chain(tx: Transaction, keyring: Keyring, subject: SubjectId) -> OwnChain:
    """All entries about oneself, and what is wrong with their numbers."""
    found = await log_chain.read(tx, keyring, subject)
    return OwnChain(
        total=len(found.links),
        later=sum(link.is_held(tx.now) for link in found.links),
        faults=log_chain.faults(found),
    )


async def visit_receipt(tx: Transaction, keyring: Keyring, subject: SubjectId) -> str:
    """A signed receipt of how many entries there are: what is withheld later is found by it."""
    return await keepsakes.receipt(tx, keyring, subject)


async def whole_history(tx: Transaction, keyring: Keyring, subject: SubjectId) -> str:
    """All entries about oneself with their proofs, signed, to be checked away from us."""
    return await keepsakes.history(tx, keyring, subject)


async def bundle(
    tx: Transaction, keyring: Keyring, subject: SubjectId, entry: UUID, terms: Terms
) -> str | None:
    """The proof of an entry about oneself as text; None if not one's own or not yet sealed in.

    It leads to what witnesses have cosigned, where they have cosigned the entry.
    """
    if await access_log.about(tx, keyring, subject, entry) is None:
        return None
    public = await log_cosignatures.public(tx, terms)
    found = await transparency.inclusion(tx, entry, public)
    leaf = await access_log.octets(tx, entry) if found else None
    if found is None or leaf is None:
        return None
    return keepsakes.bundle(found, leaf, await log_cosignatures.lines(tx, found.size))


def masked(attribute: Attribute, value: Any, on: date) -> Any:
    """Enough to recognise one's own, too little for who looks over the shoulder."""
    for form in MASKING:
        if form in attribute.forms:
            return forms.derive(attribute, form, value, on)
    return _dotted(value)


def _dotted(value: Any) -> Any:
    match value:
        case dict() if all(isinstance(part, str) for part in value.values()):
            return {key: _dotted(part) for key, part in value.items()}  # one name, two scripts
        case str():
            seen = SEEN_CHARACTERS if len(value) > 2 * SEEN_CHARACTERS else 0
            return DOTS + value[len(value) - seen :]
        case _:
            return DOTS
