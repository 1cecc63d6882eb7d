"""The number of a household: twelve digits, the first a 1, the last a Verhoeff check digit.

A kind of its own: no person's number has twelve digits or begins with a 1.
"""

import secrets
from typing import Final

from stdnum import verhoeff

from vault import normalisers

LENGTH: Final = 12
_COUNT: Final = 10**10


def new() -> str:
    """A number drawn uniformly; whoever keeps it sees that it is not taken."""
    digits = f"1{secrets.randbelow(_COUNT):010d}"
    return digits + str(verhoeff.calc_check_digit(digits))


def read(written: str) -> str | None:
    """A number as typed in one spelling; None if it cannot be one."""
    digits = normalisers.number(written)
    return digits if valid(digits) else None


def valid(digits: str) -> bool:
    """Whether twelve ASCII digits have the right first and last one."""
    return (
        len(digits) == LENGTH
        and digits.isdigit()
        and digits[0] == "1"
        and bool(verhoeff.is_valid(digits))
    )
