"""Who may be on the register already: the same document, or the same names and birth date.

A document number is claimed before anything else is written, so that of two who come with
it at once only one is entered. Names find candidates, for a person to compare.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from identity.registry.person import Person
from policies.vocabulary import SubjectId
from vault import blind_index
from vault.blind_index import Entry, TakenError, Value
from vault.database import Transaction
from vault.keyring import Keyring

Key = tuple[str, tuple[str, ...]]
"""An index, and what it sees of a value."""


class Twin(msgspec.Struct, frozen=True, kw_only=True):
    """Whom somebody may be."""

    candidates: tuple[SubjectId, ...]
    certain: bool
    more: bool = False
    """There are more than an index names: nobody can say that this person is none of them."""


async def found(
    tx: Transaction,
    keyring: Keyring,
    new: Mapping[SubjectId, Person],
    distinct_from: Collection[SubjectId] = (),
) -> dict[SubjectId, Twin]:
    """Those of the new who may be on the register, or earlier among the new; claims the rest."""
    values = {subject: list(_values(each)) for subject, each in new.items()}
    known: dict[Key, list[SubjectId]] = {}
    capped: set[Key] = set()
    for index in ("document", "person"):
        asked = [value for several in values.values() for name, value in several if name == index]
        for value, owners in (await blind_index.find(tx, keyring, index, asked)).items():
            known[_key(index, value)] = owners
            if owners.capped:
                capped.add(_key(index, value))
    twins = {}
    for subject, several in values.items():
        keys = [_key(index, value) for index, value in several]
        twin = _twin(keys, known, distinct_from, more=not capped.isdisjoint(keys))
        if twin is not None:
            twins[subject] = twin
        else:
            for key in keys:
                known[key] = [*known.get(key, ()), subject]
    entering = {subject: each for subject, each in new.items() if subject not in twins}
    return twins | await _claimed(tx, keyring, entering)


def entries(subject: SubjectId, person: Person) -> Iterator[Entry]:
    """By what else than document and number a person is to be found."""
    for name, value in _values(person):
        if name != "document":
            yield Entry(record=subject, name=name, value=value)
    if person.phone:
        yield Entry(record=subject, name="phone", value=person.phone)


def alike(person: Person, recorded: Mapping[str, str]) -> bool:
    """Whether a candidate, once opened, is what the names found, and no collision of short tags.

    `recorded` has the fields of a person; who has none of them cannot be ruled out.
    """
    if not recorded:
        return True
    wanted = {blind_index.form("person", value) for value in _names(msgspec.structs.asdict(person))}
    return any(blind_index.form("person", value) in wanted for value in _names(recorded))


def _values(person: Person) -> Iterator[tuple[str, Value]]:
    if person.document_number:
        yield "document", person.document_number
    for value in _names(msgspec.structs.asdict(person)):
        if blind_index.form("person", value):
            yield "person", value


def _names(fields: Mapping[str, Any]) -> Iterator[Value]:
    """What the index of names is asked: in either script, with the birth date."""
    for script in ("ar", "latin"):
        names = (f"given_name_{script}", f"family_name_{script}", "birth_date")
        given, family, born = (fields.get(name, "") for name in names)
        yield given, family, born


def _key(name: str, value: Value) -> Key:
    return name, blind_index.form(name, value)


def _twin(
    keys: list[Key],
    known: Mapping[Key, list[SubjectId]],
    distinct_from: Collection[SubjectId],
    *,
    more: bool,
) -> Twin | None:
    by_document = [it for key in keys if key[0] == "document" for it in known.get(key, ())]
    if by_document:
        return Twin(candidates=(by_document[0],), certain=True)
    by_name = dict.fromkeys(it for key in keys for it in known.get(key, ()))
    left = tuple(it for it in by_name if it not in distinct_from)
    return Twin(candidates=left, certain=False, more=more) if left or more else None


async def _claimed(
    tx: Transaction, keyring: Keyring, entering: Mapping[SubjectId, Person]
) -> dict[SubjectId, Twin]:
    """Claims the documents of those who enter; the twins of those who came a moment too late."""
    wanted = {
        subject: each.document_number for subject, each in entering.items() if each.document_number
    }
    with suppress(TakenError):
        await blind_index.put_all(
            tx,
            keyring,
            [Entry(record=subject, name="document", value=it) for subject, it in wanted.items()],
        )
        return {}
    owners = await blind_index.find(tx, keyring, "document", list(wanted.values()))
    return {
        subject: Twin(candidates=tuple(owners[number]), certain=True)
        for subject, number in wanted.items()
        if owners[number] != [subject]
    }
