"""Version 2 of the rules: telephones by their plans, addresses of mail, dates of two calendars.

Names and numbers are as in version 1 (ADR-0012 says what of reference §3.7 was weighed).
"""

import re
from datetime import date as day
from typing import Final

import phonenumbers
from hijridate import Hijri
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from vault import normalisers_v1

REGION: Final = "MA"
"""What a number without its country is taken for (ISO 3166-1)."""
LAST_HIJRI_YEAR: Final = 1500
"""Years up to it are of the Hijri calendar; the first Gregorian year that is read is 1850."""
FIRST_GREGORIAN_YEAR: Final = 1850

_MOROCCAN: Final = re.compile(r"[5-8]\d{8}")
"""The numbers of Morocco's plan (ANRT); by length alone, 09… would be one."""
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_DATE: Final = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", re.ASCII)
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_MONTH_FIRST: Final = re.compile(r"(\d{1,2})[-/.](\d{4})", re.ASCII)
_ERA: Final = re.compile(r"\s*(?:هـ?|م|AH|H|AD|CE)\.?$", re.IGNORECASE)
_MARKS: Final = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def phone(text: str) -> str:
    """E.164 (`+212612345678`), taking a bare number for a Moroccan one; "" if it is none.

    A number that no plan knows is written as version 1 did: what was found is still found.
    """
    parsed = _parsed(text)
    if parsed is None:
        return normalisers_v1.phone(text)
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def national(text: str) -> str:
    """The national significant number (`612345678`): what is left without country and trunk."""
    parsed = _parsed(text)
    return "" if parsed is None else phonenumbers.national_significant_number(parsed)


def email(text: str) -> str:
    """An address of mail, its domain in ASCII lower case (IDNA 2003), its local part as it is."""
    local, _, domain = normalisers_v1.email(text.strip().removesuffix(".")).rpartition("@")
    return f"{local}@{domain}" if _DOMAIN.fullmatch(domain) else ""


def date(text: str) -> str:
    """ISO 8601 (`1990-05-01`, or in part `1990-05`, `1990`); "" if it is no date.

    A Hijri date is converted by the Umm al-Qura calendar, from 1343 AH on; Morocco sees the
    moon and may be a day off, so that it finds candidates and proves nothing. In part it is
    "": a Hijri month lies in two Gregorian ones.
    """
    written = _ERA.sub("", _MARKS.sub("", normalisers_v1.ascii_digits(text)).strip())
    parts = _parts(written)
    if not parts:
        return ""
    if parts[0] <= LAST_HIJRI_YEAR:
        return _from_hijri(parts)
    return _iso(parts) if parts[0] >= FIRST_GREGORIAN_YEAR else ""


def _parsed(text: str) -> PhoneNumber | None:
    digits = normalisers_v1.ascii_digits(text).replace("(0)", "").strip()
    # 212… without a sign is the country, as version 1 took it; 00 is Morocco's way out.
    international = re.sub(r"^212(?=\D*(?:\d\D*){9}$)", "+212", digits)
    try:
        parsed = phonenumbers.parse(international, REGION)
    except NumberParseException:
        return None
    parsed.extension = None
    return parsed if _possible(parsed) else None


def _possible(number: PhoneNumber) -> bool:
    """By its length, not by the ranges given out so far: those change, and an index does not."""
    if number.country_code == phonenumbers.country_code_for_region(REGION):
        return bool(_MOROCCAN.fullmatch(phonenumbers.national_significant_number(number)))
    return phonenumbers.is_possible_number(number)


def _parts(written: str) -> tuple[int, ...]:
    """Year, month and day, as far as they are written."""
    if found := _DATE.fullmatch(written):
        return tuple(int(part) for part in found.groups() if part)
    turned = _DAY_FIRST.fullmatch(written) or _MONTH_FIRST.fullmatch(written)
    return tuple(int(part) for part in reversed(turned.groups())) if turned else ()


def _from_hijri(parts: tuple[int, ...]) -> str:
    try:
        return Hijri(*parts).to_gregorian().isoformat() if len(parts) == 3 else ""  # noqa: PLR2004  (year, month, day)
    except (ValueError, OverflowError):
        return ""


def _iso(parts: tuple[int, ...]) -> str:
    try:
        day(*(*parts, 1, 1)[:3])
    except ValueError:
        return ""
    return "-".join(f"{part:02}" for part in parts)
