"""Who may be on the register already: the same document, or the same names and birth date.

A document number is claimed before anything else is written, so that of two who come with
it at once only one is entered. Names find candidates, for a person to compare.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

import msgspec

from identity.registry.person import Person
from policies.vocabulary import SubjectId
from vault import blind_index
from vault.blind_index import Entry, TakenError, Value
from vault.database import Transaction
from vault.keyring import Keyring


class Twin(msgspec.Struct, frozen=True, kw_only=True):
    """Whom somebody may be."""

    candidates: tuple[SubjectId, ...]
    certain: bool


async def found(
    tx: Transaction,
    keyring: Keyring,
    new: Mapping[SubjectId, Person],
    distinct_from: Collection[SubjectId] = (),
) -> dict[SubjectId, Twin]:
    """Those of the new who may be on the register, or earlier among the new; claims the rest."""
    values = {subject: list(_values(keyring, each)) for subject, each in new.items()}
    known: dict[tuple[str, bytes], list[SubjectId]] = {}
    for index in ("document", "person"):
        asked = [value for several in values.values() for name, value in several if name == index]
        for value, owners in (await blind_index.find(tx, keyring, index, asked)).items():
            known[_key(keyring, index, value)] = owners
    twins = {}
    for subject, several in values.items():
        keys = [_key(keyring, index, value) for index, value in several]
        twin = _twin(keys, known, distinct_from)
        if twin is not None:
            twins[subject] = twin
        else:
            for key in keys:
                known[key] = [*known.get(key, ()), subject]
    entering = {subject: each for subject, each in new.items() if subject not in twins}
    return twins | await _claimed(tx, keyring, entering)


def entries(keyring: Keyring, subject: SubjectId, person: Person) -> Iterator[Entry]:
    """By what else than document and number a person is to be found."""
    for name, value in _values(keyring, person):
        if name != "document":
            yield Entry(record=subject, name=name, value=value)
    if person.phone:
        yield Entry(record=subject, name="phone", value=person.phone)


def _values(keyring: Keyring, person: Person) -> Iterator[tuple[str, Value]]:
    if person.document_number:
        yield "document", person.document_number
    for given, family in (
        (person.given_name_ar, person.family_name_ar),
        (person.given_name_latin, person.family_name_latin),
    ):
        value = (given, family, person.birth_date)
        if blind_index.tag(keyring, "person", value) is not None:
            yield "person", value


def _key(keyring: Keyring, name: str, value: Value) -> tuple[str, bytes]:
    return name, blind_index.tag(keyring, name, value) or b""


def _twin(
    keys: list[tuple[str, bytes]],
    known: Mapping[tuple[str, bytes], list[SubjectId]],
    distinct_from: Collection[SubjectId],
) -> Twin | None:
    by_document = [it for key in keys if key[0] == "document" for it in known.get(key, ())]
    if by_document:
        return Twin(candidates=(by_document[0],), certain=True)
    by_name = dict.fromkeys(it for key in keys for it in known.get(key, ()))
    left = tuple(it for it in by_name if it not in distinct_from)
    return Twin(candidates=left, certain=False) if left else None


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
