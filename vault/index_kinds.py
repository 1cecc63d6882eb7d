"""What is indexed, how, and from which sealed values: one place for all indexes.

An index made of names alone cannot be defined: it tells which names are frequent
(reference §3.7: 47 % of a million given names guessed by rank).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from policies.vocabulary import GroupId
from vault.normalisers import Rules

Path = tuple[str, ...]
"""An attribute, and the keys within it."""

NAMES: Final = frozenset({"given_name", "family_name", "father", "mother"})
DATES: Final = frozenset({"birth_date"})

CANDIDATES: Final = 200
"""What one value finds at most (reference §3.7): each has to be opened and compared."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How one index is made, and what it can be made anew from."""

    parts: Callable[[Rules, Any], tuple[str, ...]]
    """What is tagged of a value; an empty first part means there is nothing to find."""
    bits: int
    group: GroupId
    """The sealed group that says the value."""
    values: tuple[tuple[Path, ...], ...]
    """Each value by its attributes: one path is a text, several are a tuple."""
    unique: bool = False

    def __post_init__(self) -> None:
        """Refuse names without a date.

        Raises:
            ValueError: the kind is made of names alone.
        """
        for value in self.values:
            attributes = {path[0] for path in value}
            if attributes & NAMES and not attributes & DATES:
                raise ValueError("an index of names alone tells which names are frequent")


def _number(rules: Rules, value: str) -> tuple[str, ...]:
    return (rules.number(value),)


def _phone(rules: Rules, value: str) -> tuple[str, ...]:
    return (rules.phone(value),)


def _person(rules: Rules, value: tuple[str, str, str]) -> tuple[str, ...]:
    given, family, born = value
    # Sorted: papers disagree on which name comes first.
    return (rules.date(born), *sorted(map(rules.skeleton, (given, family))))


def _text(attribute: str) -> tuple[tuple[Path, ...], ...]:
    return (((attribute,),),)


_IDENTITY: Final = GroupId("identity")
KINDS: Final[Mapping[str, Kind]] = {
    "idcs": Kind(parts=_number, bits=128, group=_IDENTITY, values=_text("idcs"), unique=True),
    "household": Kind(
        parts=_number,
        bits=128,
        group=GroupId("registration"),
        values=_text("household_number"),
        unique=True,
    ),
    "document": Kind(
        parts=_number, bits=128, group=_IDENTITY, values=_text("document_number"), unique=True
    ),
    "phone": Kind(parts=_phone, bits=128, group=GroupId("contact"), values=_text("phone")),
    "person": Kind(
        parts=_person,
        bits=64,
        group=_IDENTITY,
        values=tuple(
            (("given_name", script), ("family_name", script), ("birth_date",))
            for script in ("ar", "latin")
        ),
    ),
}
