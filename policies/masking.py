"""What is shown of a value by default: enough to recognise, too little to copy."""

from typing import Any, Final

from policies.vocabulary import AttributeId, FormId

MASKED: Final = FormId("masked")
"""The form that a log line names where this module stood between the record and the reader."""
DOTS: Final = "••••"
SEEN_DIGITS: Final = 2
YEAR_DIGITS: Final = 4


def masked(attribute: AttributeId, value: Any) -> Any:
    """A number by its last two digits, a date by its year, a name by its initials, else dots."""
    if value is None:
        return None
    if attribute in _NAMES:
        return _initials(value)
    if attribute in _NUMBERS:
        return _last(str(value))
    return str(value)[:YEAR_DIGITS] if attribute in _DATES else DOTS


def _last(written: str) -> str:
    return DOTS + (written[-SEEN_DIGITS:] if len(written) > 2 * SEEN_DIGITS else "")


def _initials(value: Any) -> Any:
    if isinstance(value, dict):
        return {script: _initials(spelling) for script, spelling in value.items()}
    return " ".join(f"{word[0]}." for word in str(value).split())


_NAMES: Final = frozenset(map(AttributeId, ("given_name", "family_name")))
_NUMBERS: Final = frozenset(map(AttributeId, ("idcs", "document_number", "phone")))
_DATES: Final = frozenset({AttributeId("birth_date")})
