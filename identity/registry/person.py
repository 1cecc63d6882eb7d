"""A person as the population register writes them, checked by field; names in both scripts."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final

import msgspec

from identity.registry import fields
from policies.vocabulary import GroupId

IDENTITY: Final = GroupId("identity")
CONTACT: Final = GroupId("contact")
CIVIL: Final = GroupId("civil")


class Sex(StrEnum):
    """As on the identity document."""

    FEMALE = "F"
    MALE = "M"


class MaritalStatus(StrEnum):
    """Family Code (law 70-03)."""

    SINGLE = "single"
    MARRIED = "married"
    DIVORCED = "divorced"
    WIDOWED = "widowed"


class DocumentKind(StrEnum):
    """What a document number is the number of."""

    CNIE = "cnie"
    RESIDENCE_TITLE = "residence-title"


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of the register, each as text in one spelling."""

    given_name_ar: str
    given_name_latin: str
    family_name_ar: str
    family_name_latin: str
    sex: Sex
    birth_date: str
    """`1990-05-01`, or partial: `1990-05`, `1990`."""
    birth_place: str = ""
    nationality: str = "MAR"
    """ISO 3166-1 alpha-3."""
    document_kind: DocumentKind | None = None
    document_number: str = ""
    civil_registry: str = ""
    """Reference of the birth extract."""
    father: str = ""
    mother: str = ""
    marital_status: MaritalStatus | None = None
    address: str = ""
    commune: str = ""
    province: str = ""
    region: str = ""
    centre: str = ""
    """Citizen service centre."""
    phone: str = ""
    email: str = ""
    legal_representative: str = ""
    """IDCS of who answers for a minor or an adult under guardianship."""
    witnesses: tuple[str, ...] = ()
    """IDCS of two registered people, where there is no document (decree 2-21-473, art. 3)."""
    synthetic: bool = False
    """Made up, for a demo or a test."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What is wrong with one field. Carries no value."""

    field: str
    reason: str
    """A kebab code; all of them are in `identity.registry.fields.REASONS`."""


class Invalid(msgspec.Struct, frozen=True, kw_only=True):
    """It cannot be registered as written; every problem at once."""

    problems: tuple[Problem, ...]


FIELDS: Final = Person.__struct_fields__


def parse(values: Mapping[str, object], *, on: date) -> Person | Invalid:
    """A person from a form, a CSV row or a JSON object: cleaned, or every problem found.

    Args:
        values: field → what was written; empty text is «not given». `witnesses` may be one
            text with spaces or commas between the numbers.
        on: the legal day: nobody is born after it.
    """
    strays = [name for name in values if name not in FIELDS]
    found = [Problem(field=fields.shown(name), reason="unknown-field") for name in strays]
    clean: dict[str, Any] = {}
    for name in FIELDS:
        read = fields.read(name, values.get(name), on)
        if isinstance(read, fields.Wrong):
            found.append(Problem(field=name, reason=read.reason))
        elif read not in ("", ()):
            clean[name] = read
    if not found:
        found += [Problem(field=at, reason=reason) for at, reason in fields.unmet(clean)]
    return Invalid(problems=tuple(found)) if found else msgspec.convert(clean, Person)


def checked(person: Person, *, on: date) -> Person | Invalid:
    """The same person, cleaned, or every problem with them."""
    written = msgspec.to_builtins(person)
    return parse({name: value for name, value in written.items() if value is not None}, on=on)


def groups(person: Person, idcs: str) -> dict[GroupId, dict[str, Any]]:
    """A person as the vault keeps them: by group, by attribute, without what was not given."""
    found: dict[GroupId, dict[str, Any]] = {
        IDENTITY: {
            "given_name": {"ar": person.given_name_ar, "latin": person.given_name_latin},
            "family_name": {"ar": person.family_name_ar, "latin": person.family_name_latin},
            "birth_date": person.birth_date,
            "birth_place": person.birth_place,
            "sex": person.sex.value,
            "nationality": person.nationality,
            "idcs": idcs,
            "document_kind": person.document_kind,
            "document_number": person.document_number,
            "synthetic": person.synthetic,
        },
        CONTACT: {
            "phone": person.phone,
            "email": person.email,
            "address": _address(person),
        },
        CIVIL: {
            "marital_status": person.marital_status,
            "civil_registry": person.civil_registry,
            "father": person.father,
            "mother": person.mother,
            "legal_representative": person.legal_representative,
            "witnesses": list(person.witnesses),
        },
    }
    return {group: _given(values) for group, values in found.items()}


def _address(person: Person) -> dict[str, str]:
    return _given(
        {
            "line": person.address,
            "commune": person.commune,
            "province": person.province,
            "region": person.region,
            "centre": person.centre,
        }
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
