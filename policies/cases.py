"""Is this a case number of the class that the purpose calls for? A purpose alone opens nothing."""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class CaseClass(StrEnum):
    """Whose file a case number is from."""

    COMPLAINT = "complaint"
    FRAUD = "fraud"
    EMERGENCY = "emergency"
    FILE = "file"
    """A programme's own file."""


_SHAPES: Final[Mapping[CaseClass, str]] = MappingProxyType(
    {
        CaseClass.COMPLAINT: "C",
        CaseClass.FRAUD: "F",
        CaseClass.EMERGENCY: "E",
        CaseClass.FILE: "[A-Z]{2,16}",
    }
)
_FIRST_YEAR: Final = 2020


def fits(reference: str | None, kind: CaseClass, year: int) -> bool:
    """Whether a reference is one of the class («F-2026-0042») and of no later year than this."""
    found = re.fullmatch(rf"{_SHAPES[kind]}-(\d{{4}})-\d{{3,8}}", reference or "", re.ASCII)
    return found is not None and _FIRST_YEAR <= int(found[1]) <= year
