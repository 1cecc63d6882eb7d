"""A whole person, twelve fields, read from what is sealed: our ways, and those of others.

Each way holds the same people and gives a person back as a mapping. Others are installed
beside, for the measurement alone: one that is not there is left out.
"""

import importlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from vault import envelope
from vault.ciphers import HANDLE_BYTES, SubjectKey
from vault.envelope import Place
from vault.keys import KEY_BYTES

FIELDS: Final = 12
GROUP: Final = "identity"

Person = Mapping[str, str]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One way to keep people sealed."""

    name: str
    read: Callable[[int], Person]
    """The n-th of them, whole."""
    octets: int
    """What one person takes, in the mean."""


def ours(people: Sequence[Person]) -> list[Way]:
    """Bound to its place, its row version and its key: a group of all, and a group for each."""
    keys = [
        SubjectKey(
            key=secrets.token_bytes(KEY_BYTES), handle=secrets.token_bytes(HANDLE_BYTES), version=1
        )
        for _ in people
    ]
    places = [secrets.token_bytes(16) for _ in people]

    def seal(number: int, group: str, value: bytes) -> bytes:
        place = Place(record=places[number], group=group)
        return envelope.seal(keys[number].group(group), place, value, row_version=1)

    def unseal(number: int, group: str, blob: bytes) -> bytes:
        place = Place(record=places[number], group=group)
        return envelope.unseal(keys[number].group(group), place, blob, row_version=1)

    whole = [seal(at, GROUP, _packed(person)) for at, person in enumerate(people)]
    apart = [
        {field: seal(at, field, value.encode()) for field, value in person.items()}
        for at, person in enumerate(people)
    ]

    def read_apart(number: int) -> Person:
        return {
            field: unseal(number, field, blob).decode() for field, blob in apart[number].items()
        }

    return [
        Way(
            name="Amana, one group",
            read=lambda number: _unpacked(unseal(number, GROUP, whole[number])),
            octets=_mean(map(len, whole)),
        ),
        Way(name="Amana, a group a field", read=read_apart, octets=_mean(map(_taken, apart))),
    ]


def asherah(people: Sequence[Person]) -> list[Way]:
    """Asherah, key store in memory: a partition a person, a session a read or held.

    Raises:
        ImportError: it is not installed.
    """
    library: Any = importlib.import_module("asherah")
    factory = library.SessionFactory(
        {
            "ServiceName": "bench",
            "ProductID": "amana",
            "Metastore": "memory",
            "KMS": "static",
            "StaticMasterKeyHex": secrets.token_hex(KEY_BYTES),
            "EnableSessionCaching": True,
        }
    )
    held = [factory.get_session(f"person-{at}") for at in range(len(people))]
    apart = [
        {field: session.encrypt_bytes(value.encode()) for field, value in person.items()}
        for session, person in zip(held, people, strict=True)
    ]
    whole = [
        session.encrypt_bytes(_packed(person)) for session, person in zip(held, people, strict=True)
    ]

    def read(session: Any, number: int) -> Person:
        return {
            field: session.decrypt_bytes(blob).decode() for field, blob in apart[number].items()
        }

    def read_once(number: int) -> Person:
        with factory.get_session(f"person-{number}") as session:
            return read(session, number)

    size = _mean(map(_taken, apart))
    return [
        Way(name="Asherah, session a read", read=read_once, octets=size),
        Way(
            name="Asherah, session held",
            read=lambda number: read(held[number], number),
            octets=size,
        ),
        Way(
            name="Asherah, held, one blob",
            read=lambda number: _unpacked(held[number].decrypt_bytes(whole[number])),
            octets=_mean(map(len, whole)),
        ),
    ]


def tink(people: Sequence[Person]) -> list[Way]:
    """Tink's AES-256-GCM: one key for all, bound to person and field.

    Raises:
        ImportError: it is not installed.
    """
    library: Any = importlib.import_module("tink")
    aead: Any = importlib.import_module("tink.aead")
    aead.register()
    handle = library.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    cipher = handle.primitive(aead.Aead)
    apart = [
        {field: cipher.encrypt(value.encode(), _bound(at, field)) for field, value in each.items()}
        for at, each in enumerate(people)
    ]
    whole = [cipher.encrypt(_packed(each), _bound(at, GROUP)) for at, each in enumerate(people)]
    return [
        Way(
            name="Tink, a value a field",
            read=lambda number: {
                field: cipher.decrypt(blob, _bound(number, field)).decode()
                for field, blob in apart[number].items()
            },
            octets=_mean(map(_taken, apart)),
        ),
        Way(
            name="Tink, one blob",
            read=lambda number: _unpacked(cipher.decrypt(whole[number], _bound(number, GROUP))),
            octets=_mean(map(len, whole)),
        ),
    ]


def sqlalchemy_utils(people: Sequence[Person]) -> list[Way]:
    """SQLAlchemy-Utils' encrypted column with AES-GCM: one key for all, bound to nothing.

    Raises:
        ImportError: it is not installed.
    """
    library: Any = importlib.import_module("sqlalchemy_utils.types.encrypted.encrypted_type")
    column = library.StringEncryptedType(
        key=secrets.token_hex(KEY_BYTES), engine=library.AesGcmEngine
    )
    apart = [
        {field: column.process_bind_param(value, None) for field, value in person.items()}
        for person in people
    ]
    return [
        Way(
            name="SQLAlchemy-Utils, a column a field",
            read=lambda number: {
                field: column.process_result_value(sealed, None)
                for field, sealed in apart[number].items()
            },
            octets=_mean(map(_taken, apart)),
        )
    ]


_person: Final = msgspec.msgpack.Decoder(dict[str, str])


def _packed(person: Person) -> bytes:
    return msgspec.msgpack.encode(person)


def _unpacked(packed: bytes) -> Person:
    return _person.decode(packed)


def _bound(number: int, field: str) -> bytes:
    return f"{number}/{field}".encode()


def _taken(blobs: Mapping[str, bytes | str]) -> int:
    return sum(map(len, blobs.values()))


def _mean(sizes: "map[int]") -> int:
    found = list(sizes)
    return round(sum(found) / len(found))
