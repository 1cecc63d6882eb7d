"""Claims against what is on record: yes, partial or no, in the same work whoever it is about."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from identity.registry import names
from identity.registry.names import Verdict
from policies import legal_time
from policies.vocabulary import AttributeId
from vault import normalisers

NAMES: Final = frozenset({AttributeId("given_name"), AttributeId("family_name")})
BIRTH_DATE: Final = AttributeId("birth_date")
PHONE: Final = AttributeId("phone")
SEX: Final = AttributeId("sex")
KNOWN_BY_FEW: Final = frozenset({BIRTH_DATE, PHONE})
"""What cannot be guessed in a few tries: who knows it right may be told about the rest."""
LONGEST_CLAIM: Final = 120

NOBODY: Final[Mapping[AttributeId, Any]] = {
    AttributeId("given_name"): {"ar": "فلان", "latin": "Foulane"},
    AttributeId("family_name"): {"ar": "الفلاني", "latin": "Elfoulani"},
    BIRTH_DATE: "0001-01-01",
    PHONE: "+210000000000",
    SEX: "-",
}
"""Compared with where there is nobody, so that nothing shows in the time it takes."""

_DATE: Final = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?", re.ASCII)


def readable(attribute: AttributeId, claim: str) -> bool:
    """Whether a claim is one that could be true of anybody."""
    if len(claim) > LONGEST_CLAIM or not claim.isprintable():
        return False
    reads = _READABLE.get(attribute)
    return reads is None or reads(claim)


def compare(
    claims: Mapping[AttributeId, str], recorded: Mapping[AttributeId, Any]
) -> dict[AttributeId, Verdict]:
    """The verdict of each claim; of an attribute that cannot be compared, no."""
    return {
        attribute: _COMPARED[attribute](claim, recorded.get(attribute))
        if attribute in _COMPARED
        else Verdict.NO
        for attribute, claim in claims.items()
    }


def recognised(verdicts: Mapping[AttributeId, Verdict]) -> bool:
    """Whether the claims show knowledge of the person, so that each verdict may be told.

    A claim that few could know must not be wrong; without one, no claim may be. Until then
    the answer is «no» to everything: else a number and a frequent name would be enough to
    learn who is on record.
    """
    telling = [verdict for name, verdict in verdicts.items() if name in KNOWN_BY_FEW]
    if telling:
        return all(verdict is not Verdict.NO for verdict in telling)
    return Verdict.NO not in verdicts.values()


def overall(verdicts: Mapping[AttributeId, Verdict]) -> Verdict:
    """Yes if every claim is; no if none is; partial between."""
    given = set(verdicts.values())
    return given.pop() if len(given) == 1 else Verdict.PARTIAL


def _name(claim: str, recorded: Any) -> Verdict:
    spellings = recorded.values() if isinstance(recorded, dict) else ()
    return names.same(claim, *map(str, spellings))


def _birth_date(claim: str, recorded: Any) -> Verdict:
    """What is on record in part only (a year, a month) confirms a whole date in part only."""
    if claim == recorded:
        return Verdict.YES
    in_part = isinstance(recorded, str) and claim.startswith(f"{recorded}-")
    return Verdict.PARTIAL if in_part else Verdict.NO


def _sex(claim: str, recorded: Any) -> Verdict:
    return Verdict.YES if claim.upper() == recorded else Verdict.NO


def _phone(claim: str, recorded: Any) -> Verdict:
    return Verdict.YES if normalisers.phone(claim) == normalisers.phone(recorded) else Verdict.NO


_COMPARED: Final[Mapping[AttributeId, Callable[[str, Any], Verdict]]] = {
    **dict.fromkeys(NAMES, _name),
    BIRTH_DATE: _birth_date,
    SEX: _sex,
    PHONE: _phone,
}


def _is_date(claim: str) -> bool:
    try:
        legal_time.possible_births(claim)
    except ValueError:
        return False
    return bool(_DATE.fullmatch(claim))


_READABLE: Final[Mapping[AttributeId, Callable[[str], bool]]] = {
    **dict.fromkeys(NAMES, lambda claim: any(letter.isalpha() for letter in claim)),
    BIRTH_DATE: _is_date,
    SEX: lambda claim: claim.upper() in {"F", "M"},
    PHONE: lambda claim: bool(normalisers.phone(claim)),
}
