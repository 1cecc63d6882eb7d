"""What may be written in each field of a person, and the code of what is wrong with it.

A reader takes the text, cleaned of stray spaces, and gives it back in the register's own
spelling, or None.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from identity.registry import idcs
from policies import legal_time
from policies.household_index import Region
from vault import normalisers

LONGEST: Final = 200
OLDEST_YEARS: Final = 130
"""Nobody is known to have reached it (the oldest verified age is 122)."""
WITNESSES: Final = 2
"""Decree 2-21-473, article 3."""


class Wrong(msgspec.Struct, frozen=True):
    """Why a field cannot be taken."""

    reason: str


Reader = Callable[[str], str | None]

_ARABIC_NAME: Final = re.compile(r"[\u0621-\u063a\u0641-\u0652\u0670-\u06d3 '’.-]+")
_LATIN_NAME: Final = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ '’.-]+")
_LETTER: Final = re.compile(r"[^\W\d_]")
_DATE: Final = re.compile(r"[12]\d{3}(?:-\d{2}(?:-\d{2})?)?", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{3}")
_DOCUMENT: Final = re.compile(r"[A-Z0-9]{4,20}")
_BETWEEN: Final = re.compile(r"[\s,;]+")


def _matching(pattern: re.Pattern[str]) -> Reader:
    return lambda text: text if pattern.fullmatch(text) and _LETTER.search(text) else None


def _one_of(*values: str) -> Reader:
    return lambda text: text if text in values else None


def _country(text: str) -> str | None:
    return text.upper() if _COUNTRY.fullmatch(text.upper()) else None


def _document(text: str) -> str | None:
    number = normalisers.number(text)
    return number if _DOCUMENT.fullmatch(number) else None


def _any(text: str) -> str:
    return text


_READERS: Final[Mapping[str, tuple[Reader, str]]] = {
    "given_name_ar": (_matching(_ARABIC_NAME), "not-arabic"),
    "given_name_latin": (_matching(_LATIN_NAME), "not-latin"),
    "family_name_ar": (_matching(_ARABIC_NAME), "not-arabic"),
    "family_name_latin": (_matching(_LATIN_NAME), "not-latin"),
    "sex": (_one_of("F", "M"), "not-a-sex"),
    "nationality": (_country, "not-a-country"),
    "document_kind": (_one_of("cnie", "residence-title"), "unknown-kind"),
    "document_number": (_document, "not-a-document-number"),
    "marital_status": (_one_of("single", "married", "divorced", "widowed"), "unknown-status"),
    "region": (_one_of(*Region), "unknown-region"),
    "phone": (lambda text: normalisers.phone(text) or None, "not-a-phone"),
    "email": (lambda text: normalisers.email(text) or None, "not-an-email"),
    "legal_representative": (idcs.read, "not-an-idcs"),
}
_REQUIRED: Final = frozenset(
    {
        "given_name_ar", "given_name_latin", "family_name_ar", "family_name_latin", "sex",
        "birth_date",
    }
)  # fmt: skip
_GROUNDS: Final = ("document_number", "civil_registry", "legal_representative", "witnesses")
"""What somebody is registered on; one is enough."""

REASONS: Final = frozenset(
    {
        "missing", "unknown-field", "not-text", "too-long", "unreadable", "not-a-date",
        "in-the-future", "too-long-ago", "two-needed", "no-ground", "not-a-choice",
        "not-on-register", "self", *(reason for _, reason in _READERS.values()),
    }
)  # fmt: skip
"""Every code a field of a person may be given."""


def read(name: str, value: object, on: date) -> Any | Wrong:
    """A field as the register spells it, or what is wrong with it; empty where not given."""
    if name == "synthetic":
        return _switch(value)
    if name == "witnesses":
        return _witnesses(value)
    text = _text(value)
    if isinstance(text, Wrong):
        return text
    if not text:
        return Wrong("missing") if name in _REQUIRED else ""
    if name == "birth_date":
        return _birth_date(text, on)
    reader, reason = _READERS.get(name, (_any, ""))
    found = reader(text)
    return Wrong(reason) if found is None else found


def unmet(clean: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong between fields that are each right: field and code."""
    if ("document_number" in clean) != ("document_kind" in clean):
        yield "document_kind" if "document_number" in clean else "document_number", "missing"
    if not any(ground in clean for ground in _GROUNDS):
        yield "document_number", "no-ground"


def shown(name: str) -> str:
    """A stray field's name, short enough and harmless to be written in a report."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(name)[:40])


def _text(value: object) -> str | Wrong:
    if value is None:
        return ""
    if not isinstance(value, str):
        return Wrong("not-text")
    if len(value) > LONGEST:
        return Wrong("too-long")
    text = " ".join(unicodedata.normalize("NFC", value).split())
    # Cc, Cs, Co, Cn: nothing that a register can print.
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Co", "Cn"} for letter in text):
        return Wrong("unreadable")
    return text


def _birth_date(text: str, on: date) -> str | Wrong:
    if not _DATE.fullmatch(text):
        return Wrong("not-a-date")
    try:
        earliest, latest = legal_time.possible_births(text)
    except ValueError:
        return Wrong("not-a-date")
    if earliest > on:
        return Wrong("in-the-future")
    return Wrong("too-long-ago") if latest.year < on.year - OLDEST_YEARS else text


def _switch(value: object) -> bool | Wrong:
    if isinstance(value, bool):
        return value
    choices = {"": False, "false": False, "true": True}
    text = _text(value)
    return choices[text] if isinstance(text, str) and text in choices else Wrong("not-a-choice")


def _witnesses(value: object) -> tuple[str, ...] | Wrong:
    if isinstance(value, list | tuple) and len(value) <= 2 * WITNESSES:
        texts = [_text(each) for each in value]
    else:
        text = _text(value)
        texts = [text] if isinstance(text, Wrong) else list(_BETWEEN.split(text))
    numbers = []
    for text in texts:
        if isinstance(text, Wrong):
            return text
        if text:
            number = idcs.read(text)
            if number is None:
                return Wrong("not-an-idcs")
            numbers.append(number)
    if numbers and len(set(numbers)) != WITNESSES:
        return Wrong("two-needed")
    return tuple(numbers)
