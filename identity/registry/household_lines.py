"""A household as a file writes it: the members' numbers and flat facts, checked field by field."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import EnumType
from typing import Any, Final, NoReturn, get_args, get_origin

import msgspec

from identity.registry import fields, idcs
from identity.registry.person import Invalid, Problem
from policies.household_facts import MOST_SPENT, inconsistencies
from policies.household_index import HouseholdFacts

FACTS: Final = msgspec.structs.fields(HouseholdFacts)
FIELDS: Final = ("members", "declarant", *(fact.name for fact in FACTS))
MOST_MEMBERS: Final = 100
_AMOUNT: Final = re.compile(r"\d{1,9}(?:\.\d{1,2})?", re.ASCII)
_COUNT: Final = re.compile(r"\d{1,4}", re.ASCII)
_SWITCHES: Final = {"true": True, "false": False}
_BETWEEN: Final = re.compile(r"[\s,;]+")


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A household whose members are still numbers."""

    members: tuple[str, ...]
    """IDCS, in one spelling."""
    declarant: str
    facts: HouseholdFacts


def parse(values: Mapping[str, object]) -> Written | Invalid:
    """A household from a CSV row or a JSON object, or every problem with it."""
    found = [
        Problem(field=fields.shown(name), reason="unknown-field")
        for name in values
        if name not in FIELDS
    ]
    members = _numbers(values.get("members"))
    if not members:
        found.append(Problem(field="members", reason="not-an-idcs"))
    declarant = _numbers(values.get("declarant"))
    if len(declarant) != 1:
        found.append(Problem(field="declarant", reason="not-an-idcs"))
    facts: dict[str, Any] = {}
    for fact in FACTS:
        written = values.get(fact.name)
        if written is None or written == "":
            if fact.required:
                found.append(Problem(field=fact.name, reason="missing"))
            continue
        try:
            facts[fact.name] = _fact(fact.type, written)
        except (ValueError, msgspec.ValidationError):
            found.append(Problem(field=fact.name, reason="not-a-value"))
    if found:
        return Invalid(problems=tuple(found))
    declared = HouseholdFacts(**facts)
    if wrong := [Problem(field=fact, reason="inconsistent") for fact in inconsistencies(declared)]:
        return Invalid(problems=tuple(wrong))
    return Written(members=members, declarant=declarant[0], facts=declared)


def _fact(shape: Any, written: object) -> Any:
    plain = get_args(shape)[0] if get_origin(shape) is not None else shape
    text = _text(written)
    if plain is bool:
        return _SWITCHES[text] if text in _SWITCHES else _wrong()
    if plain is Decimal:
        return _amount(text)
    if isinstance(plain, EnumType):
        return msgspec.convert(text, plain)
    return msgspec.convert(int(text), shape) if _COUNT.fullmatch(text) else _wrong()


def _amount(text: str) -> Decimal:
    amount = Decimal(text) if _AMOUNT.fullmatch(text) else _wrong()
    return amount if amount <= MOST_SPENT else _wrong()


def _text(written: object) -> str:
    match written:
        case bool():
            return "true" if written else "false"
        case int() | float():
            # repr: an integer of a thousand digits is cut before it is written out
            return str(written) if abs(written) < 1e12 else _wrong()  # noqa: PLR2004  (no fact is)
        case str():
            return written.strip()
        case _:
            return _wrong()


def _wrong() -> NoReturn:
    raise ValueError


def _numbers(written: object) -> tuple[str, ...]:
    """Numbers of people; none if one of them cannot be one."""
    match written:
        case str():
            parts = [part for part in _BETWEEN.split(written) if part]
        case list() if all(isinstance(part, str) for part in written):
            parts = written
        case _:
            return ()
    numbers = [idcs.read(part) for part in parts[: MOST_MEMBERS + 1]]
    if len(numbers) > MOST_MEMBERS or None in numbers:
        return ()
    return tuple(number for number in numbers if number is not None)
